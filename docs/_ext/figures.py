"""One style for all figures: of a phone's width, their letters are 9 pixels high.

A page of 390 pixels shows 358 of them to a figure. The figures are at most 6 inches wide, 576 pixels,
and no letter is smaller than 11 points, 14.7 pixels: on a phone both shrink to 0.62.
"""

from __future__ import annotations

import re
from typing import Any

STYLE = {
    "figure.figsize": (6, 4),
    "font.size": 11,
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "xtick.labelsize": "medium",
    "ytick.labelsize": "medium",
    "legend.fontsize": "medium",
    "legend.title_fontsize": "medium",
    "figure.titlesize": "medium",
    "image.interpolation": "none",  # pixels as they are, however large they are shown
    "svg.fonttype": "path",
    "svg.hashsalt": "sparse_tconv",  # so that equal figures are equal files
}


def restyle(gallery_conf: dict[str, Any], name: str) -> None:
    """The style, before each script of the gallery."""
    import matplotlib as mpl

    mpl.rcdefaults()
    mpl.use("agg")
    mpl.rcParams.update(STYLE)


def drawings(block: Any, variables: dict[str, Any], gallery_conf: dict[str, Any]) -> str:
    """The gallery's figures as drawings, sharp at every size, with words for who does not see them."""
    import matplotlib.pyplot as plt
    from sphinx_gallery.scrapers import matplotlib_scraper

    texts = iter([words(plt.figure(number)) for number in plt.get_fignums()])
    page = matplotlib_scraper(block, variables, gallery_conf, format="svg")
    return re.sub(r":alt: .*", lambda _: f":alt: {next(texts)}", page)


def words(figure: Any) -> str:
    """What a figure shows, panel by panel: titles, what stands over what, and the names of the lines."""
    panels = []
    for ax in figure.axes:
        if ax.get_label() == "<colorbar>":
            continue
        axes = [ax.get_ylabel(), ax.get_xlabel()]
        names = ax.get_legend_handles_labels()[1]
        parts = [ax.get_title(), " over ".join(filter(None, axes)), ", ".join(names)]
        panels.append(": ".join(filter(None, parts)).replace("\n", ", "))
    return "; ".join(filter(None, panels))
