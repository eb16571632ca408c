"""What a side is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import Case
from numpy.typing import NDArray


class NotApplicable(Exception):
    """The side has nothing that computes this."""


@dataclass(frozen=True)
class Call:
    """What is timed, and a word about how it is done."""

    run: Callable[[], Any]
    note: str = ""


@dataclass(frozen=True)
class Task:
    """A case in one dtype: 'forward', 'transposed' or 'assembly', with a number of threads."""

    case: Case
    dtype: str
    product: str
    threads: int

    @property
    def transposed(self) -> bool:
        return self.product == "transposed"

    def weight(self) -> NDArray[Any]:
        return self._normal(0, self.case.weight_shape)

    def operand(self) -> NDArray[Any]:
        """The samples that the product takes, the batch axis in front if there is one."""
        case = self.case
        return self._normal(
            1, (*case.batch_shape, *(case.y_shape if self.transposed else case.x_shape))
        )

    def image(self) -> NDArray[Any]:
        """The operand of a case with one channel, without its channel axis."""
        self.need(self.case.channels == (1, 1) and self.case.batch is None, "has no channels")
        return self.operand()[0]

    def need(self, condition: bool, otherwise: str) -> None:
        if not condition:
            raise NotApplicable(otherwise)

    def _normal(self, seed: int, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.random.default_rng(seed).standard_normal(shape).astype(self.dtype)
