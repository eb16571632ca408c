"""
A layer's spectrum, padded against circular
===========================================

The singular values of a layer are often computed with the Fourier transform, as if its boundary were
periodic. For the largest ones of a zero-padded layer that is close. For the small ones it is not.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv import plotting

rng = np.random.default_rng(0)
weight = rng.standard_normal((8, 8, 3, 3)) / np.sqrt(8 * 9)
in_shape = (8, 8, 8)

spectra = {
    mode: st.analysis.singular_values(st.Conv(weight, in_shape, padding=1, padding_mode=mode))
    for mode in ("circular", "zeros")
}
for mode, found in spectra.items():
    values = found.value
    print(
        f"{mode:9} largest {values[0]:.4f}  smallest {values[-1]:.2e}"
        f"  condition {values[0] / values[-1]:.0f}  by {found.method}"
    )

# %%
# For most of their way the two curves are close; look at the end, once more below, where the
# zero-padded layer has values far below those of the periodic one.

figure, (whole, tail) = plt.subplots(2, 1, figsize=(6, 7), layout="constrained")
for mode, found in spectra.items():
    plotting.spectrum(found, axes=whole, label=mode)
    plotting.spectrum(found.value[-60:], axes=tail, label=mode)
whole.set_title("all")
tail.set_title("the last 60")

# %%
# Does it matter how large the image is?
# --------------------------------------
# The norm of the zero-padded layer grows with the image. The periodic one is near it and bounds
# nothing; `norm_bounds` gives a rigorous bound, cheaply for images of any size.

sizes = [3, 4, 5, 6, 8, 10]
norms = {
    mode: [
        float(
            st.analysis.spectral_norm(
                st.Conv(weight, (8, n, n), padding=1, padding_mode=mode)
            ).value
        )
        for n in sizes
    ]
    for mode in ("circular", "zeros")
}
upper = [st.analysis.norm_bounds(st.Conv(weight, (8, n, n), padding=1)).upper for n in sizes]
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.plot(sizes, norms["circular"], "o-", label="circular")
ax.plot(sizes, norms["zeros"], "s--", label="zeros")
ax.plot(sizes, upper, "^:", label="norm_bounds(zeros).upper")
ax.set(xlabel="side of the image", ylabel="spectral norm")
ax.legend()
