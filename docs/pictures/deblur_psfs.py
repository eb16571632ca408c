"""Four point-spread functions, on squares of the same size."""

import numpy as np
from grayscale import show

from sparse_tconv.inverse import psf

kernels = {
    "psf.gauss(2): air, a lens": psf.gauss(2.0),
    "psf.defocus(5): out of focus": psf.defocus(5.0),
    "psf.motion(15, 30): moved": psf.motion(15.0, 30.0),
    "psf.box(5): coarse pixels": psf.box(5),
}
show(
    {
        name: np.pad(kernel, [((21 - k) // 2,) * 2 for k in kernel.shape])
        for name, kernel in kernels.items()
    },
    None,
)
