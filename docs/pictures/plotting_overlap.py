"""The picture on the page of overlap."""

import numpy as np

import sparse_tconv as st
from sparse_tconv import plotting

op = st.ConvTranspose(np.ones((3, 3)), (6, 6), stride=2, channels=False)
plotting.overlap(op)
