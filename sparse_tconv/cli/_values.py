"""Values as they are typed: numbers, nested tuples, words and dtypes.

Only the form is read here. What the values may be is checked where the library checks it, so that
the command line and the functions refuse the same things in the same words.
"""

from __future__ import annotations

import argparse
import ast
import re
from typing import Any

import numpy as np

from .. import _validate as validate

_NUMBERS = re.compile(r"[-+\d\s,()]+")
PADDING_MODES = " ".join(validate.PADDING_MODES)
_SHOWN = 60
_LONGEST = 1000  # characters; Python's parser has limits of its own, and ways to tell them


def numbers(text: str) -> Any:
    """An int, or a tuple of ints, nested as the parentheses say: ``2``, ``2,1``,
    ``(1,2),(0,1)``.
    """
    try:
        if len(text) > _LONGEST or not _NUMBERS.fullmatch(text):
            raise ValueError(text)
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise argparse.ArgumentTypeError(
            f"must be ints such as 2 or 2,1; got {text[:_SHOWN]!r}. Separate them with commas."
        ) from error


def word_or_numbers(text: str) -> Any:
    """A word such as 'same', or numbers."""
    return text if text.isalpha() else numbers(text)


def words(text: str) -> Any:
    """A word, or a tuple of words that commas separate."""
    return tuple(word.strip() for word in text.split(",")) if "," in text else text


def word_or_number(text: str) -> str | float:
    """A word such as 'gcv', or a number."""
    try:
        return float(text)
    except ValueError:
        return text


def dtype(text: str) -> np.dtype[Any]:
    """The dtype of that name."""
    try:
        return np.dtype(text)
    except (TypeError, ValueError, SyntaxError) as error:
        raise argparse.ArgumentTypeError(
            f"must be a NumPy dtype; got {text!r}. Pass float32, say."
        ) from error
