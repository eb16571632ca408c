"""A JPEG file's noise is taken for detail, unless the noise is told."""

import io

import numpy as np
from grayscale import show
from PIL import Image

from sparse_tconv.inverse import deblur, problems, psf

problem = problems.deblurring("gauss", 128, noise=0.01, seed=0)
file = io.BytesIO()
levels = np.rint(255 * np.clip(problem.y, 0, 1)).astype(np.uint8)
Image.fromarray(levels).save(file, "JPEG", quality=60)
y = np.asarray(Image.open(file)) / 255
found, told = deblur(y, psf.gauss(2.0)), deblur(y, psf.gauss(2.0), sigma=0.01)
show(
    {
        f"JPEG, error {problem.error(y):.2f}": y,
        f"deblur(y, psf), error {problem.error(found.x):.2f}": found.x,
        f"sigma=0.01, error {problem.error(told.x):.2f}": told.x,
    }
)
