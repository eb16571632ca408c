"""When an answer is as exact as was asked for."""

from __future__ import annotations

from math import isnan, nan


def backward_error(norm: float, data: float, size: float, misfit: float, steepness: float) -> float:
    """How little A, or A and b, must change relatively for x to minimize ``|A x - b|``, about.

    Of two changes the smaller one: that of A by a matrix of rank one, ``|A^H r| / |r|`` (Stewart,
    1977), and that which makes the residual r vanish (Rigal and Gaches, 1967). The tests of LSQR and
    LSMR are these.

    Parameters
    ----------
    norm : float
        ``|A|``, or less: the error then looks too large, never too small.
    data, size, misfit, steepness : float
        ``|b|``, ``|x|``, ``|r|`` and ``|A^H r|``; with bounds, what they leave of that.

    Returns
    -------
    float
        NaN where a norm is.
    """
    if isnan(misfit) or isnan(steepness):
        return nan
    if steepness == 0.0 or misfit == 0.0:
        return 0.0
    return min(steepness / (norm * misfit), misfit / (norm * size + data))
