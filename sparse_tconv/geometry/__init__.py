"""Geometry of a convolution: integers and words, frozen and hashable; no array is ever made of
the matrix's size.
"""

from __future__ import annotations

from ._axis import Axis
from ._boundary import OUTSIDE, source
from ._geometry import ConvGeometry
from ._window import Stretch, input_window, output_window, repetitions, stretches

__all__ = [
    "OUTSIDE",
    "Axis",
    "ConvGeometry",
    "Stretch",
    "input_window",
    "output_window",
    "repetitions",
    "source",
    "stretches",
]
