"""The picture on the page of spectrum."""

import sparse_tconv as st
from sparse_tconv import plotting

op = st.Conv([1.0, 2.0, 1.0], (64,), padding=1, channels=False)
plotting.spectrum(op)
