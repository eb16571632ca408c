"""A blurred picture as a file holds it, and a part of it."""

import numpy as np
from grayscale import show

from sparse_tconv.inverse import problems

problem = problems.deblurring("gauss", 128, noise=0.01, seed=0)
y = np.rint(255 * np.clip(problem.y, 0, 1)).astype(np.uint8)
show({f"y, {y.shape}, {y.dtype}": y, "y[30:80, 30:80]": y[30:80, 30:80]}, 255)
