"""What the caller sees of an iteration while it runs."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from ..errors import MissingExtraError


class Ended(Exception):
    """The caller has seen enough: ``args`` are the flat x and whether its residual was the reason."""


class Progress:
    """Counts iterations, shows a bar, and hands each iterate to the caller's function.

    Parameters
    ----------
    total : int
        The most iterations that there will be.
    bar : bool
        Whether to show a bar, by tqdm.
    callback : callable, optional
        Called with a fresh copy of x, in its n-d shape, after every iteration; what it raises ends
        the iteration.
    shaped : callable
        Makes the caller's x of a flat one.
    near : callable, optional
        Whether a flat x is near enough to the data.
    ends : bool, default False
        Whether `near`, or a callback that returns True, raises `Ended`.
    """

    def __init__(
        self,
        total: int,
        bar: bool,
        callback: Callable[[NDArray[Any]], object] | None,
        shaped: Callable[[NDArray[Any]], NDArray[Any]],
        near: Callable[[NDArray[Any]], bool] | None = None,
        ends: bool = False,
    ) -> None:
        self.iterations = 0
        self._callback = callback
        self._shaped = shaped
        self._near, self._ends = near, ends
        self._bar = _bar(total) if bar else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, x: NDArray[Any] | None = None) -> None:
        """One more iteration; x where the method shows it."""
        self.iterations += 1
        if self._bar is not None:
            self._bar.update()
        if x is None:
            return
        done = self._callback is not None and self._callback(self._shaped(x)) is True
        if self._ends and done:
            raise Ended(x, False)
        if self._near is not None and self._near(x):
            raise Ended(x, True)


def _bar(total: int) -> Any:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise MissingExtraError(
            "`progress=True` must have tqdm; it is not installed. "
            "Run: pip install 'sparse_tconv[progress]'"
        ) from error
    return tqdm(total=total, unit="it", leave=False)
