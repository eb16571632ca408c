"""Any operator, or any two callables, as a forward and an adjoint on flat vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..operators import Operator, Terms
from ._finding import CallFailedError, Cause, Finding
from ._forms import Side, adjoint_side, check_adjoint, forward_side
from ._probes import random_vector
from ._space import Space, leaves_of, loaded_torch, numpy_dtype

__all__ = ["Linear", "Pair", "as_pair"]

Linear = Literal["complex", "real"]
Vector = NDArray[Any]


class Pair:
    """A forward map and what should be its adjoint, on flat vectors of two spaces.

    Callables get fresh arrays only, so whatever they do to them reaches nobody; that they did is
    remembered in `modified`.
    """

    def __init__(
        self,
        forward: Callable[[Any], Any],
        adjoint: Callable[[Any], Any],
        domain: Space,
        codomain: Space,
    ) -> None:
        self._forward, self._adjoint = forward, adjoint
        self.domain, self.codomain = domain, codomain
        self.terms: Terms | None = None
        self.in_weight: Vector | None = None
        self.out_weight: Vector | None = None
        self.result_dtypes: set[np.dtype[Any]] = set()
        self.modified: dict[str, Finding] = {}

    def forward(self, x: Vector) -> Vector:
        """Return A x."""
        return self._call(self._forward, x, self.domain, self.codomain, "forward")

    def adjoint(self, y: Vector) -> Vector:
        """Return B y, B being the adjoint under test."""
        return self._call(self._adjoint, y, self.codomain, self.domain, "adjoint")

    def raw_adjoint(self, y: Vector) -> list[Vector]:
        """Return the arrays of B y, whatever their shapes."""
        return leaves_of(self._guarded(self._adjoint, y, self.codomain, "adjoint"), "adjoint")

    @property
    def eps(self) -> float:
        """Rounding unit of the coarsest dtype seen; float64's where all are integers."""
        dtypes = {self.domain.dtype, self.codomain.dtype, *self.result_dtypes}
        found = [float(np.finfo(t).eps) for t in dtypes if t.kind in "fc"]
        return max(found, default=float(np.finfo(np.float64).eps))

    @property
    def least_norm(self) -> float:
        """The norm that rounding has at least, from what the operator says that it adds up."""
        shape = self.codomain.size, self.domain.size
        return 0.0 if self.terms is None else self.terms.norm(shape)

    @property
    def subnormal(self) -> float:
        """Size below which the coarsest dtype seen has nothing."""
        dtypes = {self.domain.dtype, self.codomain.dtype, *self.result_dtypes}
        return max(
            (float(np.finfo(t).smallest_subnormal) for t in dtypes if t.kind in "fc"), default=0.0
        )

    def _call(
        self, function: Callable[[Any], Any], vector: Vector, source: Space, target: Space, who: str
    ) -> Vector:
        value = self._guarded(function, vector, source, who)
        flat = target.join(value, who)
        self.result_dtypes.add(flat.dtype)
        return flat

    def _guarded(
        self, function: Callable[[Any], Any], vector: Vector, source: Space, who: str
    ) -> Any:
        """Call with fresh arrays, turn an exception into a finding, notice a changed input."""
        arrays = source.split(vector)
        value = call(function, arrays, who)
        if not _same(source.split(vector), arrays):
            self.modified[who] = Finding(
                Cause.MODIFIED,
                f"the {who} wrote into the array it was given.",
                "Copy it first, or write into a new array.",
            )
        return value


def call(function: Callable[[Any], Any], arrays: Any, who: str) -> Any:
    """Call a user's function; whatever it raises becomes a finding."""
    try:
        return function(arrays)
    except Exception as error:
        text = " ".join(str(error).split())[:300] or "no message"
        raise CallFailedError(
            Finding(
                Cause.RAISES,
                f"the {who} raised {type(error).__name__}: {text}",
                f"Call the {who} by hand on {_described(arrays)}.",
            )
        ) from error


def as_pair(
    op: Any,
    adjoint: Any = None,
    *,
    in_shape: Any = None,
    out_shape: Any = None,
    dtype: Any = None,
    out_dtype: Any = None,
    linear: Linear | None = None,
    in_weight: Any = None,
    out_weight: Any = None,
) -> Pair:
    """See any operator or two callables as a pair; arguments are checked before any call."""
    check_adjoint(op, adjoint)
    side = forward_side(op, in_shape, out_shape)
    if linear is not None and not validate.is_word(linear, ("complex", "real")):
        raise GeometryError(
            f"`linear` must be 'complex' or 'real'; got {validate.written(linear)}. Use 'complex'."
        )
    real = side.real if linear is None else linear == "real"
    domain, gives, result_dtype = _learn_forward(side, dtype, real)
    target, _ = (result_dtype, False) if out_dtype is None else numpy_dtype(out_dtype, "out_dtype")
    codomain = Space(*gives, target, real)
    back = adjoint_side(op, adjoint, gives, (domain.shapes, domain.single))
    codomain = _convention(back, codomain, "adjoint", domain.torch)[0]
    pair = Pair(side.function, back.function, domain, codomain)
    if isinstance(op, Operator) and in_weight is None and out_weight is None:
        pair.terms = op.terms()
    pair.in_weight = _weight(in_weight, domain, "in_weight")
    pair.out_weight = _weight(out_weight, codomain, "out_weight")
    return pair


def _learn_forward(
    side: Side, dtype: Any, real: bool
) -> tuple[Space, tuple[tuple[tuple[int, ...], ...], bool], np.dtype[Any]]:
    """Find what the forward takes and gives by calling it once."""
    wanted, is_torch = _wanted_dtype(side, dtype)
    shapes, single = side.takes  # type: ignore[misc]
    space = Space(shapes, single, wanted, real, is_torch)
    space, value = _convention(side, space, "forward", is_torch or side.torch, dtype is None)
    arrays = leaves_of(value, "forward")
    gives = tuple(a.shape for a in arrays), not isinstance(value, tuple | list)
    if side.gives is not None and gives[0] != side.gives[0]:
        raise CallFailedError(Space(*side.gives, wanted).mismatch(value, gives[0], "forward"))
    found = np.result_type(*arrays)
    return space, gives, found if found.kind in "fc" else wanted


def _wanted_dtype(side: Side, dtype: Any) -> tuple[np.dtype[Any], bool]:
    """Return the dtype asked for, else the operator's if it has rounding, else float64."""
    if dtype is not None:
        return numpy_dtype(dtype, "dtype")
    own, _ = numpy_dtype(np.float64 if side.dtype is None else side.dtype, "op.dtype")
    return (own if own.kind in "fc" else np.dtype(np.float64)), False


def _convention(
    side: Side, space: Space, who: str, torch: bool = False, any_dtype: bool = False
) -> tuple[Space, Any]:
    """Find out whether a callable wants arrays or tensors, and of which dtype, by calling it.

    Arrays are tried first unless something said torch. Tensors are tried only when the user has
    torch loaded already.
    """
    candidates = [] if torch else [space]
    if loaded_torch() is not None and not side.flat:
        dtypes = [
            space.dtype,
            np.dtype(np.float32),
            np.dtype(np.complex64),
            np.dtype(np.complex128),
        ]
        tensors = [
            replace(space, torch=True, dtype=d) for d in (dtypes if any_dtype else dtypes[:1])
        ]
        candidates += tensors
    failures = []
    for candidate in candidates:
        probe = random_vector(candidate, np.random.default_rng(0))
        try:
            return candidate, call(side.function, candidate.split(probe), who)
        except CallFailedError as failure:
            failures.append(failure)
    told_off_arrays = isinstance(failures[0].__cause__, TypeError) and len(failures) > 1
    raise failures[1] if told_off_arrays else failures[0]


def _weight(weight: Any, space: Space, name: str) -> Vector | None:
    """Return the weights of an inner product as a flat vector of positive reals."""
    if weight is None:
        return None
    parts = list(weight) if isinstance(weight, tuple) and not space.single else [weight]
    try:
        full = [np.broadcast_to(w, s) for w, s in zip(parts, space.shapes, strict=True)]
        flat = np.concatenate([np.asarray(w, np.float64).ravel() for w in full])
    except (TypeError, ValueError) as error:
        raise ShapeError(
            f"`{name}` must be real and broadcast to {space.shape}; got "
            f"{[np.shape(p) for p in parts]}. Pass one weight per entry."
        ) from error
    if not (flat > 0).all():
        raise GeometryError(
            f"`{name}` must be positive everywhere; got {flat.min()}. Drop the entries that do not "
            "count."
        )
    return np.repeat(flat, 2 if space.doubled else 1)


def _same(before: Any, after: Any) -> bool:
    """Whether two arrays, tensors or tuples of them hold the same bytes."""
    if isinstance(before, tuple):
        return all(_same(b, a) for b, a in zip(before, after, strict=True))
    b, a = leaves_of(before, "")[0], leaves_of(after, "")[0]
    return b.shape == a.shape and b.tobytes() == a.tobytes()


def _described(arrays: Any) -> str:
    """Name the kind, shape and dtype of what a callable was given."""
    if isinstance(arrays, tuple):
        return "(" + ", ".join(_described(a) for a in arrays) + ")"
    kind = "a tensor" if hasattr(arrays, "detach") else "an array"
    return f"{kind} of shape {tuple(arrays.shape)} and dtype {arrays.dtype}"
