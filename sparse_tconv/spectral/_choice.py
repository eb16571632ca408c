"""Why a factorization does not apply to a problem, and which of those that do is chosen."""

from __future__ import annotations

from math import prod

from .. import _validate as validate
from .._memory import available_memory
from ..errors import GeometryError, MatrixTooLargeError
from ._circle import circle_stride, is_centered_mirror, is_mirrored
from ._kronecker import product_of
from ._plan import COSINE, DENSE, FOURIER, SINE, plan
from ._problem import Problem

# Multiplications in decompositions that 'auto' starts without being asked: under a minute.
_AUTO_WORK = 5e10
_COPIES = 4  # a matrix, its two bases, and what LAPACK works in
_ALWAYS = ("circular", "symmetric")  # whose blocks are as small as the channels

KINDS: dict[str, tuple[str, ...]] = {
    "circular": (FOURIER,),
    "symmetric": (COSINE,),
    "mixed": (FOURIER, COSINE, SINE),
    "dense": (),
}
METHODS = ("circular", "symmetric", "kronecker", "mixed", "dense")


def choose(base: Problem, method: str) -> str:
    """The method asked for if it applies, or the first that does and is fast enough."""
    if validate.is_word(method, ("auto",)):
        return _first_that_applies(base)
    if not validate.is_word(method, METHODS):
        listed = ", ".join(map(repr, ("auto", *METHODS)))
        raise GeometryError(
            f"`method` must be one of {listed}; got {validate.written(method)}. Leave it out to have it chosen."
        )
    reason = refusal(base, method)
    if reason is None:
        return method
    too_large = method in ("mixed", "dense") and _unstructured(base, method) is None
    error = MatrixTooLargeError if too_large else GeometryError
    raise error(
        f"`method` must be one that applies to `op`; got {method!r}, but {reason}. "
        "Pass method='auto'."
    )


def _first_that_applies(base: Problem) -> str:
    reasons = {}
    for method in METHODS:
        reason = refusal(base, method)
        if reason is None and method not in _ALWAYS and work(base, method) > _AUTO_WORK:
            reason = "its decompositions would take minutes"
        if reason is None:
            return method
        reasons[method] = reason
    listed = "; ".join(f"{method!r}: {reason}" for method, reason in reasons.items())
    raise GeometryError(
        f"`op` must be one that a factorization applies to; got {op_size(base)}, and {listed}. "
        "Use what is matrix-free, or name a method to have it run all the same."
    )


def op_size(base: Problem) -> str:
    """The size of C in words."""
    rows, columns = base.geometry.shape
    return f"{rows:,} x {columns:,}"


def refusal(base: Problem, method: str) -> str | None:
    if method == "kronecker":
        return _no_product(base)
    return _unstructured(base, method) or _too_large(base, method)


def _no_product(base: Problem) -> str | None:
    if product_of(base) is None:
        return "the kernel is no product of one kernel per axis"
    sides = [max(axis.n_in, axis.n_out) for axis in base.geometry.axes]
    needed = base.kernel.shape[0] * sum(side**2 for side in sides) * 8 * _COPIES
    return _memory_reason(needed, f"an axis of {max(sides):,}")


def _unstructured(base: Problem, method: str) -> str | None:
    """Why C has not the structure that a method needs."""
    numbers = range(len(base.geometry.axes))
    if method == "circular":
        reasons = [_no_circle(base, number) for number in numbers]
    elif method == "symmetric":
        reasons = [_no_mirror(base, number) for number in numbers]
    elif method == "mixed" and set(plan(base, KINDS["mixed"]).kinds) == {DENSE}:
        reasons = ["no axis has a transform"]
    else:
        reasons = []
    return next((reason for reason in reasons if reason), None)


def _no_circle(base: Problem, number: int) -> str | None:
    axis = base.geometry.axes[number]
    if circle_stride(axis) is not None:
        return None
    return (
        f"axis {number} is no circle whose windows, {axis.n_out} with stride {axis.stride}, "
        f"go once round its {axis.n_in} samples under padding_mode {axis.mode!r}"
    )


def _no_mirror(base: Problem, number: int) -> str | None:
    axis = base.geometry.axes[number]
    if not is_centered_mirror(axis):
        return (
            f"axis {number} is not half-sample symmetric with stride 1 and a centered kernel of "
            f"odd side: mode {axis.mode!r}, stride {axis.stride}, side {axis.k}, "
            f"{axis.before} before, {axis.n_in} samples, {axis.n_out} windows"
        )
    if not is_mirrored(base.kernel, number, base.eps):
        return f"the kernel is not its own mirror image along axis {number}"
    return None


def _too_large(base: Problem, method: str) -> str | None:
    found = plan(base, KINDS[method])
    rows, columns = found.block_shape
    itemsize = 8 if base.is_real and FOURIER not in found.kinds else 16
    needed = found.blocks * rows * columns * itemsize * _COPIES
    return _memory_reason(needed, f"{found.blocks:,} blocks of {rows:,} x {columns:,}")


def _memory_reason(needed: int, what: str) -> str | None:
    if needed < 1 << 26 or needed < (limit := available_memory()):
        return None
    return f"{what} would need {needed:,} bytes, and {limit:,} are available"


def work(base: Problem, method: str) -> float:
    """Multiplications in a method's decompositions, roughly."""
    if method == "kronecker":
        sides = [(axis.n_in, axis.n_out) for axis in base.geometry.axes]
        return base.kernel.shape[0] * sum(prod(side) * min(side) for side in sides)
    found = plan(base, KINDS[method])
    rows, columns = found.block_shape
    return float(found.blocks) * rows * columns * min(rows, columns)
