"""The picture on the page of steps."""

import sparse_tconv as st
from sparse_tconv import plotting

op = st.ConvTranspose([[1, 2], [3, 4]], (2, 2), stride=2, channels=False)
plotting.steps(op)
