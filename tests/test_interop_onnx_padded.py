"""Models as exporters write them: padding nodes, weights made of constants, other convolutions."""

from __future__ import annotations

import contextlib
import io
from itertools import pairwise, product

import numpy as np
import pytest

import sparse_tconv as st

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")
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


def evaluated(model, *arrays):
    """What the format's own evaluator gives, where onnxruntime lacks a node of the newest set."""
    evaluator = onnx.reference.ReferenceEvaluator(onnx.load_from_string(model))
    return evaluator.run(None, dict(zip(evaluator.input_names, arrays, strict=True)))[0]


def compare(model, rng, in_shape, run=run):
    """The operator with folded pads against onnxruntime, or another, on the model."""
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


def made_weight(rng, weight, nodes, initializers, opset=18):
    """A model whose convolution reads v, which the nodes make."""
    copy = helper.make_node("Identity", ["x"], ["p"])
    model = onnx.load_from_string(padded(rng, [copy, *nodes], (5, 6), weight, opset, initializers))
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


def several(rng, count):
    """A model of `count` layers that compute their weights, and one that does not."""
    nodes = [helper.make_node("Identity", ["x"], ["p"])]
    for number in range(count):
        nodes.append(helper.make_node("Sin", ["w"], [f"v{number}"]))
        nodes.append(helper.make_node("Conv", ["x", f"v{number}"], [f"z{number}"]))
    nodes.append(helper.make_node("QLinearConv", ["x"] * 8, ["z0q"], name="whole"))
    return padded(rng, nodes, (5, 6))


def test_a_layer_that_cannot_be_read_does_not_lose_the_others(rng):
    model = several(rng, 1)
    reason = r"`inputs` must give 'v0'.* of type Sin"
    with pytest.warns(UserWarning, match=rf"left out, see `unread`: node 'z0': {reason}") as seen:
        found = st.interop.onnx.from_model(model)
    assert seen[0].filename == __file__
    assert list(found) == ["y"]
    assert list(found.unread) == ["z0", "whole"]
    assert found.unread["z0"].startswith("`inputs` must give 'v0'")
    assert found.unread["whole"] == "QLinearConv"
    only = st.interop.onnx.from_model(model, nodes=["y"])
    assert (list(only), only.unread) == (["y"], {"whole": "QLinearConv"})
    with pytest.raises(st.GeometryError, match=f"node 'z0': {reason}"):
        st.interop.onnx.from_model(model, nodes=["y", "z0"])
    weight = rng.standard_normal((3, 2, 3, 3)).astype(np.float32)
    assert list(st.interop.onnx.from_model(model, inputs={"v0": weight})) == ["z0", "y"]


def test_a_warning_of_many_layers_stays_short(rng):
    with pytest.warns(UserWarning, match=r"node 'z4': .*; and 15 more$") as seen:
        found = st.interop.onnx.from_model(several(rng, 20))
    assert "z5" not in str(seen[0].message)
    assert len(found.unread) == 21


def test_every_reason_leaves_the_others(rng):
    """A type, a damaged attribute, an axis too few, channels that do not divide, no tensor."""
    bad = {
        "half": rng.standard_normal((3, 2, 3, 3)).astype(np.float16),
        "flat": rng.standard_normal((3, 2)).astype(np.float32),
        "odd": rng.standard_normal((3, 5, 3, 3)).astype(np.float32),
        "w2": rng.standard_normal((3, 2, 3, 3)).astype(np.float32),
    }
    node = helper.make_node
    nodes = [node("Identity", ["x"], ["p"])]
    nodes += [node("Conv", ["x", name], [f"z_{name}"]) for name in (*bad, "absent")]
    nodes[4].attribute.append(helper.make_attribute("strides", [0, 1]))
    held = [numpy_helper.from_array(array, name) for name, array in bad.items()]
    with pytest.warns(UserWarning, match="left out"):
        found = st.interop.onnx.from_model(padded(rng, nodes, (5, 6), initializers=held))
    assert list(found) == ["y"]
    words = {
        "z_half": "FLOAT or DOUBLE; got FLOAT16",
        "z_flat": "at least 3 axes",
        "z_odd": "5",
        "z_w2": "strides",
        "z_absent": "no such initializer",
    }
    assert list(found.unread) == list(words)
    assert all(word in found.unread[name] for name, word in words.items())


def test_long_ways_to_no_weight_are_not_gone_for_every_layer(rng, monkeypatch):
    monkeypatch.setattr("sparse_tconv.interop.onnx._scopes._MOST_FOLLOWED", 2000)
    names = [f"c{number}" for number in range(100)]
    nodes = [helper.make_node("Identity", ["x"], ["p"])]
    nodes += [helper.make_node("Sin", ["w"], ["c0"])]
    nodes += [helper.make_node("Identity", [a], [b]) for a, b in pairwise(names)]
    few = [helper.make_node("Conv", ["x", name], [f"z{name}"]) for name in names[:30]]
    with pytest.warns(UserWarning, match="and 25 more"):
        assert len(st.interop.onnx.from_model(padded(rng, [*nodes, *few], (5, 6))).unread) == 30
    many = [helper.make_node("Conv", ["x", name], [f"z{name}"]) for name in names]
    with pytest.raises(st.GeometryError, match="of type Sin"):
        st.interop.onnx.from_model(padded(rng, [*nodes, *many], (5, 6)))


def newest():
    """The operator sets from 22 to the newest that both packages know."""
    known = range(22, onnx.defs.onnx_opset_version() + 1)
    return [opset for opset in known if is_run(opset)]


def is_run(opset):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (1,))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (1,))],
    )
    imports = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=imports, ir_version=9)
    try:
        run(model.SerializeToString(), np.zeros(1, np.float32))
    except (runtime.capi.onnxruntime_pybind11_state.Fail, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("opset", newest())
def test_models_of_the_newest_operator_sets_are_read(rng, opset):
    for mode in ("constant", "reflect", "edge", "wrap"):
        node, held = pad_node([0, 0, 1, 2, 0, 0, 3, 1], mode)
        model = padded(rng, [node], (5, 6), opset=opset, initializers=held)
        compare(model, rng, (2, 5, 6))
    values = rng.integers(-128, 128, (3, 2, 3, 3)).astype(np.int8)
    scale = rng.uniform(0.01, 0.02, 3).astype(np.float32)
    quantized = helper.make_node("DequantizeLinear", ["w", "s"], ["v"], axis=0)
    held = [numpy_helper.from_array(scale, "s")]
    compare(made_weight(rng, values, [quantized], held, opset), rng, (2, 5, 6), evaluated)
    numbers = {"two": [2, 2], "low": [2], "high": [4], "front": [1, 2]}
    held = [numpy_helper.from_array(np.array(v, np.int64), k) for k, v in numbers.items()]
    grown = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "low", "high"], ["size"]),
        helper.make_node("Mul", ["size", "two"], ["twice"]),
        helper.make_node("Concat", ["front", "twice"], ["wanted"], axis=0),
        helper.make_node("Resize", ["x", "", "", "wanted"], ["p"], mode="nearest"),
    ]
    model = padded(rng, grown, (5, 6), opset=opset, initializers=held)
    (op,) = st.interop.onnx.from_model(model).values()
    assert op.in_shape == (2, 10, 12)
    assert run(model, np.zeros((1, 2, 5, 6), np.float32)).shape[1:] == op.out_shape


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
