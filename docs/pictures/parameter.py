"""One parameter: samples, windows and results beside the matrix; `show` is called by the others."""

import matplotlib.pyplot as plt
from style import cells, palette, windows

import sparse_tconv as st


def show(n: int, cases: list[dict[str, int]], kernel_size: int = 3) -> None:
    """One line of pictures for each setting of the parameters."""
    kernel = list(range(1, kernel_size + 1))
    figure, axes = plt.subplots(
        len(cases), 2, figsize=(6, 2.2 * len(cases)), squeeze=False, layout="constrained"
    )
    for (left, right), options in zip(axes, cases, strict=True):
        stride, dilation = options.get("stride", 1), options.get("dilation", 1)
        C = st.conv_matrix(kernel, n, channels=False, **options).toarray()
        first = -options.get("padding", 0)
        offsets = [
            [first + o * stride + dilation * tap for tap in range(kernel_size)]
            for o in range(len(C))
        ]
        name = ", ".join(f"{word}={value}" for word, value in options.items())
        windows(left, n, offsets, title=name)
        cells(right, C, palette(kernel), title=f"C is {C.shape[0]} x {C.shape[1]}")
    figure.align_titles()
