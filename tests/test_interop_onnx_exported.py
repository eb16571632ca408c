"""Models exported by PyTorch have the same operators as the modules they were."""

from __future__ import annotations

import io

import numpy as np
import pytest

import sparse_tconv as st

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
nn = torch.nn


class Network(nn.Module):
    """Grouped, strided, dilated and transposed layers, an upsampling, a reshape between them."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv2d(3, 8, 7, stride=2, padding=3)
        self.grouped = nn.Conv2d(8, 8, 3, padding=(2, 1), dilation=(2, 1), groups=4, bias=False)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.line = nn.Conv1d(4, 2, 5)

    def forward(self, x):
        x = self.up(torch.relu(self.grouped(self.front(x))))
        x = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
        return self.line(x.flatten(2))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("dynamic", [False, True])
def test_an_exported_model_has_the_operators_of_its_modules(dynamic):
    torch.manual_seed(0)
    model, shape = Network().eval(), (3, 20, 26)
    file = io.BytesIO()
    axes = {"x": {0: "batch", 2: "height", 3: "width"}} if dynamic else None
    torch.onnx.export(
        model, (torch.zeros(1, *shape),), file, input_names=["x"], dynamic_axes=axes, dynamo=False
    )
    found = st.interop.onnx.from_model(file.getvalue(), {"x": (1, *shape)})
    wanted = st.interop.torch.from_model(model, shape)
    assert [name.split("/")[1] for name in found] == list(wanted)
    for got, right in zip(found.values(), wanted.values(), strict=True):
        assert isinstance(got, st.Affine) == isinstance(right, st.Affine)
        if isinstance(right, st.Affine):
            np.testing.assert_array_equal(got.bias, right.bias)
            got, right = got.op, right.op
        assert got.geometry == right.geometry
        np.testing.assert_array_equal(got.weight, right.weight)
