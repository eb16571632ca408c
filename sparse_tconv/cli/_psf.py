"""Point-spread functions as they are typed: a word and its numbers, or a file."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from ..inverse import psf as psfs
from ._arrays import names_array, read_array
from ._errors import UsageError

# The words, how many numbers may follow each, and one of each.
_WORDS = {
    "gauss": (1, 2, "gauss:2"),
    "defocus": (1, 1, "defocus:5"),
    "motion": (1, 2, "motion:15,30"),
    "box": (1, 2, "box:3"),
}


def read_psf(text: str) -> NDArray[Any]:
    """'gauss:sigma', 'gauss:sigma,side', 'defocus:radius', 'motion:length', 'motion:length,angle',
    'box:side', 'box:rows,columns', or the array in a file.
    """
    if names_array(text):
        return read_array("--psf", text)
    word, _, rest = text.partition(":")
    if word not in _WORDS:
        listed = ", ".join(map(repr, _WORDS))
        raise UsageError(
            f"`--psf` must be one of {listed} with numbers, or a .npy or .npz file; got {text!r}. "
            f"Write gauss:2, say."
        )
    least, most, example = _WORDS[word]
    parts = [part for part in rest.split(",") if part.strip()]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not least <= len(numbers) <= most:
        span = f"{least}" if least == most else f"{least} to {most}"
        raise UsageError(
            f"`--psf` must have {span} numbers after '{word}:'; got {text!r}. Write {example}, say."
        )
    whole = [int(value) if value.is_integer() else value for value in numbers]
    if word == "box":
        return psfs.box(whole[0] if len(whole) == 1 else tuple(whole))
    if word == "gauss":
        return psfs.gauss(numbers[0], *whole[1:])
    return psfs.defocus(numbers[0]) if word == "defocus" else psfs.motion(*numbers)
