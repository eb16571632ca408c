"""Inverse problems: deblur, super-resolve, deconvolve, with the field's tools on SciPy's solvers.

The problem solved is ``min |C x - y|^2 + damp^2 |L x|^2``. `blur` and `psf` make operators,
`problems` makes test problems; `solve` solves for a damp, `tikhonov` chooses it by `gcv`, `wgcv`,
`lcurve`, `ncp` or `discrepancy`, `tsvd` cuts the singular values; `deblur` restores a picture; `picard`
shows what the data are worth; `circulant_preconditioner` and `cosine_preconditioner` are for conjugate
gradients; `estimate_kernel` looks for the blur.
"""

from __future__ import annotations

from ..solution import ConvergenceWarning, Solution, Status
from . import problems, psf
from ._blur import blur
from ._choice import GCV, NCP, WGCV, Discrepancy, LCurve
from ._choose import discrepancy, gcv, lcurve
from ._deblur import deblur
from ._hybrid import wgcv
from ._kernel import estimate_kernel
from ._kronecker import kronecker_preconditioner, kronecker_sum
from ._ncp import ncp
from ._noise import estimate_sigma
from ._picard import Picard, picard
from ._preconditioners import circulant_preconditioner, cosine_preconditioner
from ._richardson_lucy import richardson_lucy
from ._solve import solve
from ._tikhonov import tikhonov
from ._tsvd import tsvd
from ._tv import tv
from ._varying_blur import varying_blur
from ._varying_operator import VaryingBlur

__all__ = [
    "GCV",
    "NCP",
    "WGCV",
    "ConvergenceWarning",
    "Discrepancy",
    "LCurve",
    "Picard",
    "Solution",
    "Status",
    "VaryingBlur",
    "blur",
    "circulant_preconditioner",
    "cosine_preconditioner",
    "deblur",
    "discrepancy",
    "estimate_kernel",
    "estimate_sigma",
    "gcv",
    "kronecker_preconditioner",
    "kronecker_sum",
    "lcurve",
    "ncp",
    "picard",
    "problems",
    "psf",
    "richardson_lucy",
    "solve",
    "tikhonov",
    "tsvd",
    "tv",
    "varying_blur",
    "wgcv",
]
