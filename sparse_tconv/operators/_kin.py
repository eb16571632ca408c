"""An operator's transpose, adjoint and conjugate, each made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

from ._arithmetic import Arithmetic

if TYPE_CHECKING:
    from ._operator import Operator


class WithKin(Arithmetic):
    """An operator that knows its transpose, its adjoint and its conjugate."""

    _hermitian = False

    def _bind_shapes(
        self, in_shape: tuple[int, ...], out_shape: tuple[int, ...], dtype: Any
    ) -> None:
        super()._bind_shapes(in_shape, out_shape, dtype)
        self._relatives: dict[str, Callable[[], Operator | None]] = {}

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        """The transpose (True, False), adjoint (True, True) or conjugate (False, True); of a real
        operator only the first is asked for.
        """
        own = self._hermitian and (transposed == conjugated or self.dtype.kind != "c")
        return (
            cast("Operator", self) if own else self._algebra.relative(self, transposed, conjugated)
        )

    @property
    def T(self) -> Operator:
        """The transpose, which never conjugates; ``op.T.T is op``."""
        return self._relative("T", True, False)

    @property
    def H(self) -> Operator:
        """The adjoint, the conjugate of the transpose; ``op.H.H is op``."""
        if self.dtype.kind != "c":
            return self._relative("T", True, False)
        return self._relative("H", True, True)

    def conj(self) -> Operator:
        """The operator of the conjugate matrix; a real operator itself."""
        if self.dtype.kind != "c":
            return cast("Operator", self)
        return self._relative("conj", False, True)

    def transpose(self) -> Operator:
        """The same as ``T``."""
        return self.T

    def adjoint(self) -> Operator:
        """The same as ``H``."""
        return self.H

    # SciPy's hooks, which PyLops calls.

    def _transpose(self) -> Any:
        return self.T

    def _adjoint(self) -> Any:
        return self.H

    def _relative(self, name: str, transposed: bool, conjugated: bool) -> Any:
        """The relative of that name, made once.

        The operator holds what it made and is known to it weakly, or the other way round where the
        relative computes by its operator, so that there is no cycle of references.
        """
        found = self._relatives.get(name)
        relative = None if found is None else found()
        if relative is None:
            relative = made = self._related(transposed, conjugated)
            if made is self or any(part is self for part in made._parts()):
                self._relatives[name] = ref(made)
            else:
                self._relatives[name] = lambda: made
            if made is not self:
                made._relatives[name] = ref(self)
        return relative

    def _kin(self, transposed: bool, conjugated: bool) -> Any:
        """The operator itself, its transpose, its adjoint or its conjugate."""
        if not transposed:
            return self.conj() if conjugated else self
        return self.H if conjugated else self.T

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_relatives"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _relatives={})
