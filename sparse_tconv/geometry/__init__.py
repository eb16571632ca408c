"""Geometry of a convolution: integers and words, frozen and hashable; no array is ever made of
the matrix's size.
"""

from __future__ import annotations

from ._axis import Axis
from ._boundary import OUTSIDE, copies, held, repeats, source
from ._folding import End, Folding, folding, folds, folds_alone, folds_far, spacing
from ._geometry import ConvGeometry
from ._phases import Phase, phases
from ._stretch import Stretch, extension, repetitions, stretch_table, stretches
from ._window import extended_axis, input_window, output_window, positions_axis

__all__ = [
    "OUTSIDE",
    "Axis",
    "ConvGeometry",
    "End",
    "Folding",
    "Phase",
    "Stretch",
    "copies",
    "extended_axis",
    "extension",
    "folding",
    "folds",
    "folds_alone",
    "folds_far",
    "held",
    "input_window",
    "output_window",
    "phases",
    "positions_axis",
    "repeats",
    "repetitions",
    "source",
    "spacing",
    "stretch_table",
    "stretches",
]
