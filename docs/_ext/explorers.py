"""The directive ``explorer``: the explorer of a small convolution, whose settings are switched.

One page for each setting is written when the site is built; the browser only chooses among them.
"""

from __future__ import annotations

from html import escape
from itertools import product
from pathlib import Path
from typing import ClassVar

import numpy as np
from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

import sparse_tconv as st
from sparse_tconv import plotting

FOLDER = "_static/explorer"
CHOICES = {
    "direction": ("conv", "transposed"),
    "k": ("2", "3", "4"),
    "s": ("1", "2"),
    "p": ("0", "1"),
    "d": ("1", "2"),
    "output_padding": ("0", "1"),
    "mode": ("zeros", "circular", "reflect"),
}
SIZE = {"conv": 5, "transposed": 3}
REFUSAL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>No such convolution</title>
<link rel="icon" href="data:,"><style>:root {{ color-scheme: light dark; }}
body {{ font: 15px/1.5 system-ui, sans-serif; margin: .75rem; }}</style></head>
<body><main><p role="status">{}</p></main></body></html>
"""


class ExplorerDirective(Directive):
    """An explorer; options give the settings it begins with."""

    option_spec: ClassVar = dict.fromkeys(CHOICES, directives.unchanged)

    def run(self) -> list[nodes.Node]:
        """The choices and the frame."""
        depth = self.state.document.settings.env.docname.count("/")
        chosen = {name: self.options.get(name, values[0]) for name, values in CHOICES.items()}
        boxes = "".join(box(name, values, chosen[name]) for name, values in CHOICES.items())
        root = "../" * depth + FOLDER
        frame = (
            f'<div class="explorer" data-root="{root}"><div class="explorer-choices">{boxes}</div>'
            '<iframe title="Explorer: a convolution and its matrix" '
            f'src="{root}/{file_name(tuple(chosen.values()))}"></iframe></div>'
        )
        return [nodes.raw("", frame, format="html")]


def box(name: str, values: tuple[str, ...], chosen: str) -> str:
    """One choice with its label."""
    options = "".join(
        f"<option{' selected' if value == chosen else ''}>{value}</option>" for value in values
    )
    return f'<label>{name} <select name="{name}">{options}</select></label>'


def file_name(setting: tuple[str, ...]) -> str:
    """The page of a setting."""
    return "-".join(setting) + ".html"


def page(setting: tuple[str, ...]) -> str:
    """The explorer of a setting, or why there is none."""
    direction, *numbers, mode = setting
    k, s, p, d, o = map(int, numbers)
    weight = np.arange(1, 1 + k * k).reshape(k, k)
    options = {"stride": s, "padding": p, "dilation": d, "padding_mode": mode, "channels": False}
    if direction == "conv" and o:
        return REFUSAL.format(
            "output_padding belongs to the transposed direction: it chooses among the sizes that a "
            "convolution maps to one. Set it to 0."
        )
    size = (SIZE[direction],) * 2
    try:
        if direction == "conv":
            return plotting.explorer(st.Conv(weight, size, **options)).html
        op = st.ConvTranspose(weight, size, output_padding=o, **options)
        return plotting.explorer(op).html
    except st.SparseTconvError as error:
        return REFUSAL.format("The library answers: " + escape(str(error)))


def write(app: Sphinx, exception: Exception | None) -> None:
    """All pages, after the site."""
    if exception is None and app.builder.format == "html":
        folder = Path(app.outdir, FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        for setting in product(*CHOICES.values()):
            (folder / file_name(setting)).write_text(page(setting), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("explorer", ExplorerDirective)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
