"""
The layers of a torch model
===========================

A small encoder and decoder. Every convolution that the model calls is read as an operator, by its name,
with the shape that it met; then its matrix can be asked what the framework cannot tell.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import sparse_tconv as st
from sparse_tconv.interop.torch import from_model

torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Conv2d(1, 4, 3, padding=1),
    torch.nn.ReLU(),
    torch.nn.Conv2d(4, 8, 3, stride=2, padding=1),
    torch.nn.ReLU(),
    torch.nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1),
    torch.nn.ReLU(),
    torch.nn.Conv2d(4, 1, 3, padding=1),
)
layers = {name: layer.op for name, layer in from_model(model, (1, 12, 12)).items()}
for name, op in layers.items():
    norm, reshaped = float(st.analysis.spectral_norm(op)), np.asarray(op.weight)
    reshaped = np.linalg.norm(reshaped.reshape(len(reshaped), -1), 2)
    print(f"{name}: {op.in_shape} -> {op.out_shape}, norm {norm:.3f}, of the weight {reshaped:.3f}")

# %%
# The spectra. Look where the lines end: first and last layer have one value for each pixel of their
# single channel, the strided ones twice as many, and smaller ones.

figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for (name, op), style in zip(layers.items(), ("-", "--", ":", "-."), strict=True):
    values = st.analysis.singular_values(op).value
    ax.semilogy(np.arange(1, len(values) + 1), values, style, label=f"{name}: {op.shape}")
ax.set(xlabel="index", ylabel="singular value", ylim=(0.05, None))
ax.legend(title="layer: shape of its matrix")

# %%
# The transposed layer paints unevenly: kernel 3, stride 2.

print(st.analysis.checkerboard(layers["4"]))
