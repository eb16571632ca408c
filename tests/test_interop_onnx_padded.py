"""Models as exporters write them: padding nodes, weights made of constants, other convolutions."""

from __future__ import annotations

import contextlib
import io
from itertools import pairwise, product

import numpy as np
import pytest

import sparse_tconv as st

onnx = pytest.importorskip("onnx")
torch = pytest.importorskip("torch")
runtime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
nn = torch.nn

MODES = ("reflect", "replicate", "circular")
OLDER = [*product((1, 2, 3), MODES, (11, 13, 16, 18, 20))]
NEWER = [*product((1, 2, 3), MODES, (18, 21, 23))]


def exported(ndim, mode, opset, newer):
    torch.manual_seed(ndim)
    layer = getattr(nn, f"Conv{ndim}d")
    padding = tuple(range(1, ndim + 1))
    model = layer(2, 3, 3, padding=padding, stride=2, padding_mode=mode).eval()
    sample, file = torch.zeros(1, 2, *range(6, 6 + ndim)), io.BytesIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if not newer:
            torch.onnx.export(model, (sample,), file, opset_version=opset, dynamo=False)
            return file.getvalue()
        program = torch.onnx.export(model, (sample,), opset_version=opset, dynamo=True)
    return program.model_proto.SerializeToString()


def run(model, *arrays):
    session = runtime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    return session.run(None, dict(zip(names, arrays, strict=True)))[0]


def compare(model, rng, in_shape):
    """The operator with folded pads against onnxruntime on the model."""
    (op,) = st.interop.onnx.from_model(model, fold_pads=True).values()
    assert op.in_shape == in_shape
    x = rng.standard_normal(in_shape).astype(np.float32)
    np.testing.assert_allclose(op.apply(x), run(model, x[None])[0], rtol=0, atol=2e-5)
    return op


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("newer", "cases"), [(False, OLDER), (True, NEWER)])
def test_padding_modes_of_both_exporters_fold(newer, cases, rng, settings_count):
    count = settings_count(10 * len(cases)) // (10 if newer else 1)
    chosen = cases if count >= len(cases) else rng.permutation(len(cases))[:count]
    for case in chosen:
        ndim, mode, opset = case if isinstance(case, tuple) else cases[case]
        model = exported(ndim, mode, opset, newer)
        op = compare(model, rng, (2, *range(6, 6 + ndim)))
        assert set(op.op.geometry.padding_mode) == {mode}
        (plain,) = st.interop.onnx.from_model(model).values()
        assert plain.in_shape == (2, *(6 + axis + 2 * (axis + 1) for axis in range(ndim)))


def padded(rng, nodes, size, weight=None, opset=18, initializers=(), pads=(0, 0, 0, 0)):
    """A model of these nodes, from x to p, and a convolution of p."""
    weight = rng.standard_normal((3, 2, 3, 3)).astype(np.float32) if weight is None else weight
    held = [numpy_helper.from_array(weight, "w"), *initializers]
    conv = helper.make_node("Conv", ["p", "w"], ["y"], pads=pads)
    graph = helper.make_graph(
        [*nodes, conv],
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (1, 2, *size))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (1, 3, None, None))],
        held,
    )
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=9)
    return model.SerializeToString()


def pad_node(amounts, mode="constant", value=None):
    held = [numpy_helper.from_array(np.array(amounts, np.int64), "amounts")]
    names = ["x", "amounts"]
    if value is not None:
        held.append(numpy_helper.from_array(np.array(value, np.float32), "value"))
        names.append("value")
    return helper.make_node("Pad", names, ["p"], mode=mode), held


def test_zeros_join_the_pads_of_the_convolution(rng):
    node, held = pad_node([0, 0, 1, 2, 0, 0, 0, 1])
    model = padded(rng, [node], (5, 6), initializers=held, pads=(1, 0, 0, 2))
    assert compare(model, rng, (2, 5, 6)).out_shape == (3, 5, 9)


@pytest.mark.parametrize(
    ("amounts", "mode", "value", "pads"),
    [
        ([0, 0, 1, 1, 0, 0, 1, 1], "constant", 2.0, (0, 0, 0, 0)),  # not zeros
        ([0, 0, 1, 1, 0, 0, 1, 1], "edge", None, (1, 0, 0, 0)),  # zeros around replicas
        ([0, 0, -1, 1, 0, 0, 1, 1], "constant", None, (0, 0, 0, 0)),  # crops
    ],
)
def test_what_is_no_padding_of_a_convolution_stays_a_node(rng, amounts, mode, value, pads):
    node, held = pad_node(amounts, mode, value)
    model = padded(rng, [node], (5, 6), initializers=held, pads=pads)
    (op,) = st.interop.onnx.from_model(model, fold_pads=True).values()
    assert op.in_shape == (2, 5 + amounts[2] + amounts[6], 6 + amounts[3] + amounts[7])


def test_a_join_of_other_slices_is_no_circular_padding(rng):
    held = [
        numpy_helper.from_array(np.array([number], np.int64), f"n{number}") for number in range(4)
    ]
    nodes = [
        helper.make_node("Slice", ["x", "n1", "n3", "n2"], ["part"]),
        helper.make_node("Concat", ["part", "x"], ["p"], axis=2),
    ]
    model = padded(rng, nodes, (5, 6), initializers=held)
    (op,) = st.interop.onnx.from_model(model, fold_pads=True).values()
    assert op.in_shape == (2, 7, 6)


def made_weight(rng, weight, nodes, initializers):
    """A model whose convolution reads v, which the nodes make."""
    copy = helper.make_node("Identity", ["x"], ["p"])
    model = onnx.load_from_string(
        padded(rng, [copy, *nodes], (5, 6), weight, initializers=initializers)
    )
    model.graph.node[-1].input[1] = "v"
    return model.SerializeToString()


def test_weights_that_are_quantized_cast_turned_and_scaled_are_read(rng):
    values = rng.integers(-128, 128, (3, 2, 3, 3)).astype(np.int8)
    scale = rng.uniform(0.01, 0.02, 3).astype(np.float32)
    zero = rng.integers(-9, 9, 3).astype(np.int8)
    held = [numpy_helper.from_array(a, n) for a, n in ((scale, "s"), (zero, "z"))]
    quantized = helper.make_node("DequantizeLinear", ["w", "s", "z"], ["v"], axis=0)
    compare(made_weight(rng, values, [quantized], held), rng, (2, 5, 6))
    steps = [
        helper.make_node("Cast", ["w"], ["a"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["a"], ["b"], perm=[3, 2, 0, 1]),
        helper.make_node("Reshape", ["b", "shape"], ["c"]),
        helper.make_node("Mul", ["c", "factor"], ["v"]),
    ]
    half = rng.standard_normal((2, 3, 3, 3)).astype(np.float16)
    held = [
        numpy_helper.from_array(np.array([0, 2, 3, 3], np.int64), "shape"),
        numpy_helper.from_array(np.float32([2.5]), "factor"),
    ]
    compare(made_weight(rng, half, steps, held), rng, (2, 5, 6))


def test_half_precision_is_read_in_the_type_asked_for(rng):
    weight = rng.standard_normal((3, 2, 3, 3)).astype(np.float16)
    model = padded(rng, [helper.make_node("Identity", ["x"], ["p"])], (5, 6), weight)
    for dtype in ("float32", "float64"):
        op = st.interop.onnx.from_model(model, dtype=dtype)["y"]
        assert op.dtype == dtype
        np.testing.assert_array_equal(op.weight, weight.astype(dtype))
    with pytest.raises(st.DTypeError, match="FLOAT or DOUBLE; got FLOAT16"):
        st.interop.onnx.from_model(model)
    with pytest.raises(st.DTypeError, match="`dtype` must be a float type"):
        st.interop.onnx.from_model(model, dtype=int)


def test_what_convolves_and_is_not_read_is_listed(rng):
    nodes = [
        helper.make_node("Identity", ["x"], ["p"]),
        helper.make_node("ConvInteger", ["i", "j"], ["k"], name="whole"),
        helper.make_node("FusedConv", ["x", "w"], ["f"], domain="com.microsoft"),
    ]
    found = st.interop.onnx.from_model(padded(rng, nodes, (5, 6)))
    assert list(found) == ["y"]
    assert found.unread == {"whole": "ConvInteger", "f": "FusedConv"}


def test_a_small_file_cannot_ask_for_many_copies(rng):
    count = 100
    names = ["w", *(f"c{number}" for number in range(count)), "v"]
    steps = [helper.make_node("Neg", [a], [b]) for a, b in pairwise(names)]
    weight = rng.standard_normal((3, 2, 3, 3)).astype(np.float32)
    with pytest.raises(st.GeometryError, match="of type Neg"):
        st.interop.onnx.from_model(made_weight(rng, weight, steps, []))
    large = rng.standard_normal((2000, 2, 3, 3)).astype(np.float32)
    fan = [helper.make_node("Neg", ["w"], [f"v{number}"]) for number in range(80)]
    fan += [helper.make_node("Conv", ["x", f"v{number}"], [f"y{number}"]) for number in range(80)]
    copy = helper.make_node("Identity", ["x"], ["p"])
    with pytest.raises(st.GeometryError, match="more than 64 times its constants"):
        st.interop.onnx.from_model(padded(rng, [copy, *fan], (5, 6), large))
