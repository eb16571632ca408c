"""What can be wrong with a forward/adjoint pair, and how it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CallFailedError", "Cause", "Diagnosis", "Finding"]


class Cause(StrEnum):
    """The kinds of mistake that are told apart; each value is the words a report prints.

    Examples
    --------
    A correlation is no adjoint of itself: the kernel has to be flipped.

    >>> import sparse_tconv as st
    >>> from sparse_tconv import testing
    >>> op = st.Conv([1.0, 2.0, 4.0], (8,), padding=1, channels=False)
    >>> for found in testing.diagnose(op.apply, op.apply, in_shape=(8,)):
    ...     print(found.cause.name, "is:", found.cause)
    SAME_AS_FORWARD is: forward used as its own adjoint
    FLIP is: kernel not flipped or flipped twice
    """

    RAISES = "callable raises"
    SHAPE = "shapes contradict"
    DTYPE = "not a numeric array"
    NONFINITE = "result not finite"
    MODIFIED = "input modified"
    AFFINE = "bias left in"
    NONLINEAR = "not linear"
    REAL_LINEAR = "linear over the reals only"
    IDENTITY = "adjoint identity violated"
    PRECISION = "computed in lower precision"
    CONJUGATE = "conjugate missing"
    REAL_PART = "imaginary part dropped"
    SIGN = "sign"
    FACTOR = "constant factor"
    POSITION_FACTOR = "factor varies with position"
    WEIGHTS = "inner product weights ignored"
    SAME_AS_FORWARD = "forward used as its own adjoint"
    INVERSE = "inverse in place of adjoint"
    AXES = "axes permuted"
    FLIP = "kernel not flipped or flipped twice"
    SHIFT = "shifted"
    BOUNDARY = "boundary treated as another mode"
    STRIDE = "adjoint of another stride"
    PADDING = "adjoint of another padding"
    DILATION = "adjoint of another dilation"
    OUTPUT_PADDING = "output_padding missing"
    CHANNELS = "channel axes swapped"
    GROUPS = "groups mixed"
    BORDER = "wrong at the border only"
    ENTRIES = "few entries wrong"
    UNKNOWN = "no known mistake"


@dataclass(frozen=True)
class Finding:
    """One thing found: the cause, what was seen, and what to change.

    Attributes
    ----------
    cause : Cause
        A string; compares equal to its words.
    evidence, fix : str
        One line each.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import testing
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> found = testing.diagnose(
    ...     lambda x: A @ x, lambda y: 2 * A.T @ y, in_shape=(2,), out_shape=(2,)
    ... )
    >>> found[0].cause is testing.Cause.FACTOR
    True
    """

    cause: Cause
    evidence: str
    fix: str

    def __str__(self) -> str:
        return f"{self.cause}: {self.evidence} {self.fix}"


class Diagnosis(tuple[Finding, ...]):
    """A tuple of findings that prints one per line; empty for a right pair.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import testing
    >>> A = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> testing.diagnose(lambda x: A @ x, lambda y: A.T @ y, in_shape=(2,), out_shape=(2,)) == ()
    True
    """

    __slots__ = ()

    def __new__(cls, findings: Iterable[Finding] = ()) -> Diagnosis:
        return super().__new__(cls, tuple(dict.fromkeys(findings)))

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The causes alone, in the order found."""
        return tuple(finding.cause for finding in self)

    def __repr__(self) -> str:
        if not self:
            return "Diagnosis: nothing wrong found"
        return "\n".join(["Diagnosis:", *(f"  - {finding}" for finding in self)])


class CallFailedError(Exception):
    """A callable gave no usable answer; carries the finding and never leaves this sub-package."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding
