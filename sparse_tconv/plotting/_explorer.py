"""A page for one operator that answers to pointer and keys: which entry is which tap, and of what."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from math import ceil, prod, sqrt
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import replaced
from ..errors import GeometryError
from ..operators import ConvOperator
from ..spectral import checked

_ENTRIES, _PIXELS = 8192, 4096  # beyond them nothing can be pointed at, and the file is large
_SHADES = 8  # steps of color on either side of zero
_GAP = 1  # cells between planes


class Explorer:
    """A page of HTML that needs nothing but itself; notebooks show it.

    Parameters
    ----------
    html : str
        The page.

    Examples
    --------
    >>> from sparse_tconv import Conv, plotting
    >>> page = plotting.explorer(Conv([1, 2], (4,), channels=False))
    >>> page.html[:15], len(page.html) < 300_000
    ('<!doctype html>', True)
    """

    def __init__(self, html: str) -> None:
        self.html = html

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page to a file, in UTF-8; one that stands there is replaced when all is written."""
        with replaced(path) as draft:
            draft.write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that neither it nor the notebook disturbs the other."""
        return (
            '<iframe title="Explorer of a convolution matrix" '
            'style="width: 100%; height: 46rem; border: 0" '
            f'srcdoc="{html.escape(self.html)}"></iframe>'
        )


def explorer(op: ConvOperator, path: str | PathLike[str] | None = None) -> Explorer:
    """A page on which the operator answers to pointer, touch and arrow keys.

    Input, kernel, output, matrix and its transpose side by side. Point at a pixel of the output:
    its row, its taps and the pixels it is made of light up. At an entry of the matrix: its tap. At
    a pixel of the input: its column, and where it goes. The same stands there in words, which
    screen readers say. The page needs no network and no other file; matplotlib is not needed.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator, of any number of axes and channels; small, so that its entries can be seen.
    path : str or path-like, optional
        Where to write the page.

    Returns
    -------
    Explorer
        The page: ``html`` is its text, ``save(path)`` writes it, and a notebook shows it.

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose.
    GeometryError
        `op` has more than 8,192 entries, or 4,096 pixels or weights.

    See Also
    --------
    spy : A picture of the matrix, of any size.

    Notes
    -----
    The input holds 1, 2, 3, ...; the output is ``op.apply`` of it, and all numbers are those of
    ``op.matrix`` and ``op.weight``. Which taps an entry holds is read from the matrices of the same
    geometry whose kernel is each tap's number; where a boundary folds several onto one entry, from
    those of one tap each.

    Examples
    --------
    >>> from sparse_tconv import Conv, plotting
    >>> op = Conv([[1, 2], [3, 4]], (3, 3), channels=False)
    >>> page = plotting.explorer(op)
    >>> "http" in page.html
    False
    >>> plotting.explorer(Conv([[1, 2], [3, 4]], (99, 99), channels=False))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `op` must have at most 8,192 entries to be explored; got
        38,416. Explore one with the same kernel and a smaller `in_shape`.
    """
    checked(op)
    _guard(op)
    template = files(__package__).joinpath("explorer.html").read_text(encoding="utf-8")
    data = json.dumps(_data(op), ensure_ascii=False, separators=(",", ":"))
    page = Explorer(template.replace("__DATA__", data.replace("<", "\\u003c")))
    if path is not None:
        page.save(path)
    return page


def _guard(op: ConvOperator) -> None:
    """Refuse what would be too small to point at."""
    counts = {"entries": (op.geometry.nnz, _ENTRIES), "pixels": (max(op.shape), _PIXELS)}
    counts["weights"] = (op.weight.size, _PIXELS)
    for name, (count, most) in counts.items():
        if count > most:
            raise GeometryError(
                f"`op` must have at most {most:,} {name} to be explored; got {count:,}. "
                "Explore one with the same kernel and a smaller `in_shape`."
            )


def _data(op: ConvOperator) -> dict[str, Any]:
    """All that the page shows."""
    x = np.arange(1, 1 + op.shape[1]).reshape(op.in_shape)
    weight = op.weight.conj() if op.conjugated else op.weight
    matrix = op.matrix.tocoo()
    names = ("C", "C\u1d40") if not op.transposed else ("C\u1d40", "C")
    if op.conjugated:
        names = ("C\u0305", "C\u1d34") if not op.transposed else ("C\u1d34", "C\u0305")
    return {
        "title": repr(op).strip("<>").partition(", dtype=")[0],
        "names": names,
        "shape": op.shape,
        "input": _panel(x, op.geometry.channels),
        "output": _panel(op.apply(x), op.geometry.channels),
        "kernel": _panel(weight, op.geometry.channels, pairs=True),
        "row": matrix.row.tolist(),
        "col": matrix.col.tolist(),
        "taps": _taps(op),
        **_values(matrix.data),
    }


def _taps(op: ConvOperator) -> list[list[int]]:
    """For each entry, in the order of the matrix, the weights whose sum it is."""
    shape = op.geometry.weight_shape
    size = prod(op.geometry.kernel_size)
    numbers = np.broadcast_to(np.arange(size).reshape(op.geometry.kernel_size), shape)
    counts = _entries(op, np.ones(shape))
    if np.all(counts == 1):
        found = [[int(tap)] for tap in _entries(op, numbers)]
    else:
        found = [[] for _ in counts]
        for tap in range(size):
            repeats = _entries(op, numbers == tap).astype(int)
            for entry in np.flatnonzero(repeats):
                found[entry] += [tap] * int(repeats[entry])
    return [
        [pair * size + tap for tap in taps] for pair, taps in zip(_pairs(op), found, strict=True)
    ]


def _entries(op: ConvOperator, weight: NDArray[Any]) -> NDArray[np.float64]:
    """The entries of the same operator with another kernel, in the same order."""
    return np.asarray(op.with_weight(weight.astype(np.float64)).matrix.data)


def _pairs(op: ConvOperator) -> list[int]:
    """For each entry, the number of its kernel plane: output channel, then input channel of C."""
    g = op.geometry
    matrix = op.matrix.tocoo()
    if not g.channels:
        return [0] * matrix.nnz
    y, x = (matrix.col, matrix.row) if op.transposed else (matrix.row, matrix.col)
    per_group = g.x_channels // g.groups
    pixels = prod(g.y_shape[1:]), prod(g.x_shape[1:])
    pairs = (y // pixels[0]) * per_group + (x // pixels[1]) % per_group
    return [int(pair) for pair in pairs]


def _panel(values: NDArray[Any], channels: bool, pairs: bool = False) -> dict[str, Any]:
    """Values as planes of cells: where each lies, its index and its words."""
    shape = values.shape
    lead = 1 + pairs if channels else 0
    body = (1, 1, *shape[lead:])[-max(2, len(shape) - lead) :]
    height, width = body[-2:]
    count = prod(shape[:lead]) * prod(body[:-2])
    across = shape[1] * prod(body[:-2]) if channels and pairs else ceil(sqrt(count))
    flat = np.arange(values.size)
    plane, within = np.divmod(flat, height * width)
    down = (plane // across) * (height + _GAP) + within // width
    right = (plane % across) * (width + _GAP) + within % width
    return {
        "at": np.stack([right, down], 1).ravel().tolist(),
        "index": [",".join(map(str, place)) for place in np.ndindex(shape)],
        **_values(values.ravel()),
    }


def _values(values: NDArray[Any]) -> dict[str, Any]:
    """Numbers as words, each once, and their shades of color."""
    words = [_word(value) for value in values.tolist()]
    size = np.abs(values).astype(np.float64)
    sign = np.where(np.real(values) < 0, -1, 1)
    largest = float(size.max(initial=0, where=np.isfinite(size))) or 1.0
    share = np.where(np.isfinite(size), size / largest, 1)
    different = list(dict.fromkeys(words))
    number = {word: place for place, word in enumerate(different)}
    return {
        "words": different,
        "word": [number[word] for word in words],
        "shade": (sign * np.ceil(_SHADES * share)).astype(int).tolist(),
    }


def _word(value: Any) -> str:
    """A number in at most six digits; a complex one in brackets."""
    return f"({value:.6g})" if isinstance(value, complex) else f"{value:.6g}"
