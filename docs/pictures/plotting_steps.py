"""The picture on the page of steps."""

import matplotlib.pyplot as plt

import sparse_tconv as st
from sparse_tconv import plotting

op = st.ConvTranspose([[1, 2], [3, 4]], (2, 2), stride=2, channels=False)
figure, axes = plt.subplots(3, 2, figsize=(6, 8.4), layout="constrained")
plotting.steps(op, axes=axes.flat[:5])
axes[-1, -1].set_axis_off()
