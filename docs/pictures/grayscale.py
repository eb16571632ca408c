"""Gray pictures in a row of two; `show` is called by the others."""

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray


def show(pictures: dict[str, NDArray[np.float64]], top: float | None = 1.0) -> None:
    """Titles and pictures, two to a row, from black to `top`, or each to its own largest value."""
    rows = -(-len(pictures) // 2)
    size = (6, 3.3 * rows)
    _, axes = plt.subplots(rows, 2, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=picture.max() if top is None else top)
        ax.set_title(title)
