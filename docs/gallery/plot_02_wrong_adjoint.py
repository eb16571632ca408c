"""
An adjoint test catches a wrong adjoint
=======================================

"The adjoint of a blur is the blur with the flipped kernel": true under zero and periodic boundaries,
false under a reflecting one. Pictures do not show it; the adjoint identity does.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage
from scipy.sparse.linalg import LinearOperator, lsmr

import sparse_tconv as st

psf = np.array([[1.0, 2.0, 0.0], [4.0, 5.0, 1.0], [0.0, 2.0, 1.0]]) / 16


def forward(x):
    """Blur, reflecting at the border."""
    return ndimage.correlate(x, psf, mode="reflect")


def tempting(y):
    """Blur with the flipped kernel."""
    return ndimage.convolve(y, psf, mode="reflect")


# %%
# The test fails, and the diagnosis names the reason.

print(st.testing.dot_test(forward, tempting, in_shape=(16, 16), rng=0))

# %%
# The transpose of the matrix is a pair with it.

op = st.Conv(psf, (16, 16), padding=1, padding_mode="symmetric", channels=False)
print(st.testing.dot_test(forward, op.T.apply, in_shape=(16, 16), rng=0))

# %%
# Where are they different?
# -------------------------
# Both adjoints of the same image, and their difference. Look at the frame: inside they agree to the
# last digit, and on the outermost pixels they do not.

y = np.add.outer(np.arange(16), np.arange(16)) % 5 / 4.0
pictures = {"the adjoint": op.T.apply(y), "flipped kernel": tempting(y)}
figure, axes = plt.subplots(2, 2, figsize=(6, 5.6), layout="constrained")
for ax, (title, picture) in zip(axes[0], pictures.items(), strict=False):
    drawn = ax.imshow(picture, cmap="cividis", vmin=0, vmax=1.2)
    ax.set_title(title)
figure.colorbar(drawn, ax=axes[0], label="value")
difference = pictures["flipped kernel"] - pictures["the adjoint"]
limit = abs(difference).max()
drawn = axes[1, 0].imshow(difference, cmap="PuOr", vmin=-limit, vmax=limit)
axes[1, 0].set_title("difference")
figure.colorbar(drawn, ax=axes[1, 0], label="difference")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
axes[1, 1].set_axis_off()

# %%
# What it costs
# -------------
# A solver that believes in the wrong adjoint does not find the least-squares solution, however long it
# runs. With the adjoint, the gradient of the damped problem falls until rounding; with the flipped
# kernel it stalls.

damp = 0.05
wide = np.random.default_rng(0).random((5, 5)) ** 3
op = st.Conv(wide / wide.sum(), (24, 24), padding=2, padding_mode="symmetric", channels=False)
flipped = st.Conv(
    op.weight[::-1, ::-1], (24, 24), padding=2, padding_mode="symmetric", channels=False
)
wrong = LinearOperator(op.shape, matvec=op.matvec, rmatvec=flipped.matvec, dtype=float)
data = np.random.default_rng(1).random(24 * 24)

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
steps = np.arange(1, 80, 4)
for (name, operator), style in zip(
    {"the adjoint": op, "flipped kernel": wrong}.items(), ("o-", "s--"), strict=True
):
    gradients = []
    for maxiter in steps:
        x = lsmr(operator, data, damp=damp, atol=0, btol=0, conlim=0, maxiter=maxiter)[0]
        gradients.append(np.linalg.norm(op.T @ (data - op @ x) - damp**2 * x))
    ax.semilogy(steps, gradients, style, label=name)
ax.set(xlabel="steps of LSMR", ylabel="norm of the gradient")
ax.legend()
