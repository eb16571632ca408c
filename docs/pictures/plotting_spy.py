"""The picture on the page of spy."""

import sparse_tconv as st
from sparse_tconv import plotting

op = st.Conv([[1.0, 2.0], [3.0, -4.0]], (5, 5), channels=False)
plotting.spy(op)
