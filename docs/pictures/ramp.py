"""What each boundary does to a ramp, and what a blur then makes of it."""

import matplotlib.pyplot as plt
import numpy as np
from style import BLUE, ORANGE

import sparse_tconv as st

MODES = (
    *("zeros", "circular", "reflect", "symmetric", "replicate"),
    *("antireflect", "antisymmetric", "smooth"),
)
n, width = 8, 5
ramp, psf = np.arange(2.0, n + 2), np.ones(5) / 5
inside, places = np.arange(n), np.arange(-width, n + width)

figure, axes = plt.subplots(4, 2, figsize=(6, 9.5), layout="constrained", sharex=True, sharey=True)
for axis, mode in zip(axes.flat, MODES, strict=True):
    options = {"padding_mode": mode, "channels": False}
    extended = st.Conv([1.0], n, padding=width, **options).apply(ramp)
    blurred = st.Conv(psf, n, padding=2, **options).apply(ramp)
    outside = (places < 0) | (places >= n)
    axis.plot(places[outside], extended[outside], "o", mfc="white", color=BLUE, label="outside")
    axis.plot(inside, ramp, "o", color=BLUE, label="ramp")
    axis.plot(inside, blurred, "-", color=ORANGE, lw=2, label="blurred")
    axis.set(title=mode, xlabel="position")
axes[0, 0].legend(loc="upper left", frameon=False)
