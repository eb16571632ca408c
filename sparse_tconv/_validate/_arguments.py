"""Integers, shapes, paddings, words and flags."""

from __future__ import annotations

import operator
import sys
from typing import Any

import numpy as np

from ..errors import GeometryError
from ._foreign import entries, is_flag, is_sequence, written

Pair = tuple[int, int]

PADDING_WORDS = ("valid", "full", "same")
PADDING_MODES = (
    *("zeros", "circular", "reflect", "symmetric", "replicate"),
    *("antireflect", "antisymmetric", "smooth"),
)

# What other libraries call the modes. scipy.ndimage's 'reflect' is missing on purpose: the
# same word means whole-sample symmetry here, as in numpy.pad and PyTorch, so the hint for 'mirror'
# explains the difference.
_FOREIGN_MODES = {
    "zero": ("zeros", ""),
    "constant": ("zeros", ""),
    "fill": ("zeros", ""),
    "dirichlet": ("zeros", ""),
    "grid-constant": ("zeros", ""),
    "0": ("zeros", ""),
    "wrap": ("circular", ""),
    "grid-wrap": ("circular", ""),
    "periodic": ("circular", ""),
    "edge": ("replicate", ""),
    "nearest": ("replicate", ""),
    "symm": ("symmetric", ""),
    "reflexive": ("symmetric", ""),
    "neumann": ("symmetric", ""),
    "half-sample": ("symmetric", ""),
    "grid-mirror": ("symmetric", ""),
    "mirror": ("reflect", " Beware: scipy.ndimage's 'reflect' is 'symmetric' here."),
    "whole-sample": ("reflect", " Beware: scipy.ndimage's 'reflect' is 'symmetric' here."),
    "antireflective": ("antireflect", ""),
    "anti-reflective": ("antireflect", ""),
    "anti-reflect": ("antireflect", ""),
    "antisymm": ("antisymmetric", ""),
    "anti-symmetric": ("antisymmetric", ""),
    "linear": ("smooth", " It continues the line through the last two samples."),
}

# Words with no one answer.
_ANSWERS = {
    "odd": "numpy.pad uses it for two things: reflect_type='odd' of its 'reflect' is 'antireflect' here, "
    "that of its 'symmetric' is no mode here; for x~[-j] = -x[j-1] pass 'antisymmetric'.",
    "line": "SciPy's goes through the first and the last sample, and is no mode here; 'smooth' "
    "continues the line through the last two samples.",
}


# No size, step or index is larger: what a machine word counts. Here, in :func:`integer`, is where
# the integers of Python meet that limit; what several of them make together is checked by geometry.
LARGEST = sys.maxsize


def integer(
    name: str,
    value: Any,
    *,
    minimum: int | None = None,
    maximum: float = LARGEST,
    form: str = "an int",
) -> int:
    """`value` as a Python int of at most `maximum`, both ways; bools and floats are refused, NumPy
    integers are welcome.
    """
    rule = form if minimum is None else f"{form}, at least {minimum}"
    try:
        number = None if is_flag(value) or isinstance(value, str) else operator.index(value)
    except Exception:  # whatever an object of another library says, such as a tensor without values
        number = None
    if number is None:
        nearest = _nearest_integer(value, minimum)
        raise GeometryError(f"`{name}` must be {rule}; got {written(value)}.{nearest}")
    if not -maximum <= number <= maximum:
        # Not written out: Python refuses to write numbers of some thousand digits.
        raise GeometryError(
            f"`{name}` must be {rule}, and at most {maximum}; got one of {number.bit_length()} bits. "
            f"Use less: no array is so large."
        )
    if minimum is not None and number < minimum:
        raise GeometryError(
            f"`{name}` must be {rule}; got {written(value)}. Use {minimum} or more."
        )
    return number


def _nearest_integer(value: Any, minimum: int | None) -> str:
    """The hint for something that is almost an int: the int to type instead."""
    if isinstance(value, (bool, np.bool_, str)):
        return " Pass a plain int."
    if isinstance(value, (float, np.floating)) and np.isfinite(float(value)):
        near = round(float(value))
        return f" Use {near if minimum is None else max(near, minimum)}."
    return " Pass a plain int."


def per_axis(name: str, value: Any, n_axes: int, *, minimum: int) -> tuple[int, ...]:
    """One int for all axes or one int per axis, as a tuple with one int per axis."""
    form = "an int or one int per axis"
    given = entries(value)
    if given is None:
        return (integer(name, value, minimum=minimum, form=form),) * n_axes
    if len(given) != n_axes:
        raise GeometryError(
            f"`{name}` must be {form} ({n_axes} {_plural('axis', n_axes)}); got {len(given)} entries, "
            f"{written(value)}. Pass one int, or {n_axes}."
        )
    return tuple(integer(name, entry, minimum=minimum, form=form) for entry in given)


def shape(name: str, value: Any) -> tuple[int, ...]:
    """A shape: positive ints in a sequence; a single int is a shape of one entry, as in NumPy."""
    form = "a tuple of positive ints"
    if isinstance(value, np.ndarray) and (value.ndim != 1 or value.dtype.kind not in "iu"):
        raise GeometryError(
            f"`{name}` must be {form}; got an array of shape {value.shape} and dtype {value.dtype}. "
            f"Pass the shape of one sample, such as x.shape."
        )
    given = entries(value)
    sizes = [value] if given is None else given
    return tuple(integer(name, size, minimum=1, form=form + ", each") for size in sizes)


def padding(value: Any, n_axes: int) -> str | tuple[Pair, ...]:
    """A padding word, or one (before, after) pair per axis."""
    if isinstance(value, str):
        return _padding_word(value)
    given = entries(value)
    if given is None:
        amount = integer("padding", value, form=_PADDING_FORM)
        return ((amount, amount),) * n_axes
    nested = [is_sequence(entry) for entry in given]
    if any(nested) and not all(nested):
        raise GeometryError(
            f"`padding` must not mix ints and pairs; got {written(value)}. Write every axis as (before, after)."
        )
    if n_axes == 1 and len(given) == 2 and not any(nested):
        raise GeometryError(
            "`padding` must nest its (before, after) pairs, also in one dimension; "
            f"got {written(value)}. Write (({written(given[0])}, {written(given[1])}),)."
        )
    if len(given) != n_axes:
        raise GeometryError(
            f"`padding` must be {_PADDING_FORM} ({n_axes} {_plural('axis', n_axes)}); "
            f"got {len(given)} entries, {written(value)}. Pass one int, {n_axes} ints or {n_axes} pairs."
        )
    if not any(nested):
        amounts = [integer("padding", entry, form=_PADDING_FORM) for entry in given]
        return tuple((amount, amount) for amount in amounts)
    return tuple(_padding_pair(entry, value) for entry in given)


_PADDING_FORM = (
    "an int, one int per axis, one (before, after) pair per axis, 'valid', 'full' or 'same'"
)


def _padding_pair(entry: Any, whole: Any) -> Pair:
    """One (before, after) pair."""
    pair = list(entry)
    if len(pair) != 2:
        raise GeometryError(
            f"`padding` must give two ints (before, after) for each axis; got {written(pair)} in {written(whole)}. "
            f"Write every axis as (before, after)."
        )
    before, after = (
        integer("padding", amount, form="ints in each (before, after) pair") for amount in pair
    )
    return before, after


def _padding_word(value: str) -> str:
    """One of the three padding words."""
    if value in PADDING_WORDS:
        return value
    lowered = value.lower()
    if lowered in PADDING_WORDS:
        hint = f"It is {lowered!r} here."
    elif lowered in PADDING_MODES or lowered in _FOREIGN_MODES:
        mode = _FOREIGN_MODES.get(lowered, (lowered, ""))[0]
        hint = f"That names a boundary: pass padding_mode={mode!r} and an amount as `padding`."
    else:
        hint = "Pass one of the three words or numbers."
    raise GeometryError(f"`padding` must be {_PADDING_FORM}; got {written(value)}. {hint}")


def padding_modes(value: Any, n_axes: int) -> tuple[str, ...]:
    """One boundary mode per axis."""
    if isinstance(value, str) or not is_sequence(value):
        return (_padding_mode(value),) * n_axes
    modes = tuple(_padding_mode(entry) for entry in value)
    if len(modes) != n_axes:
        raise GeometryError(
            f"`padding_mode` must be one mode or one per axis ({n_axes} {_plural('axis', n_axes)}); "
            f"got {len(modes)} modes. Pass one word, or {n_axes}."
        )
    return modes


def _padding_mode(value: Any) -> str:
    """One of the modes; other libraries' words are answered with the word to use here."""
    if isinstance(value, str) and value in PADDING_MODES:
        return value
    listed = ", ".join(map(repr, PADDING_MODES))
    lowered = value.lower() if isinstance(value, str) else ""
    word, remark = _FOREIGN_MODES.get(lowered, (lowered if lowered in PADDING_MODES else "", ""))
    hint = _ANSWERS.get(lowered, "Pass one of these words, or one per axis.")
    hint = f"It is {word!r} here.{remark}" if word else hint
    raise GeometryError(f"`padding_mode` must be one of {listed}; got {written(value)}. {hint}")


def flag(name: str, value: Any) -> bool:
    """A Boolean option."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise GeometryError(f"`{name}` must be True or False; got {written(value)}. Pass a bool.")


def names(name: str, value: Any) -> tuple[str, ...]:
    """Names that the caller listed; one alone is no list of its letters."""
    given = entries(value)
    found = (None,) if given is None else tuple(given)
    if not all(isinstance(one, str) for one in found):
        raise GeometryError(
            f"`{name}` must be names in a list; got {written(value)}. Pass ['conv1'], say."
        )
    return found


def _plural(word: str, count: int) -> str:
    """'1 axis', '2 axes'."""
    return word if count == 1 else {"axis": "axes"}[word]
