"""Convolutions of ONNX models, against the package's own backend cases."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from factories import assert_agrees, random_array

import sparse_tconv as st

onnx = pytest.importorskip("onnx")
reference = pytest.importorskip("onnx.reference")
op_run = pytest.importorskip("onnx.reference.op_run")
helper, numpy_helper = onnx.helper, onnx.numpy_helper
FLOAT = onnx.TensorProto.FLOAT
interop = st.interop.onnx

SHIPPED = Path(onnx.__file__).parent / "backend" / "test" / "data"
CONVOLUTIONS = {"Conv", "ConvTranspose"}


def convolves(model):
    return any(node.op_type in CONVOLUTIONS for node in model.graph.node)


def generated_cases():
    """The node cases that the package generates, those that are expanded to several nodes too."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return {case.name: case for case in collect_testcases(None) if convolves(case.model)}


def shipped_cases():
    """The folders of models and data that the package ships; its large models have no weights."""
    paths = sorted(SHIPPED.glob("*/*/model.onnx"))
    return {path.parent.name: path for path in paths if convolves(onnx.load(path))}


GENERATED, SHIPPED_CASES = generated_cases(), shipped_cases()


def magnitude(found, x):
    """What the absolute values of kernel, bias and sample give."""
    op = found.op if isinstance(found, st.Affine) else found
    positive = op.with_weight(np.abs(op.weight))
    if isinstance(found, st.Affine):
        positive = st.Affine(positive, np.abs(found.bias))
    return positive.apply(np.abs(x)), op.weight[0].size + op.weight[:, 0].size + 1


def assert_gives(found, x, wanted):
    largest, terms = magnitude(found, x)
    assert_agrees(found.apply(x), wanted, largest, terms, np.float32)


def test_the_package_has_the_cases_that_are_meant():
    single = [name for name, case in GENERATED.items() if len(case.model.graph.node) == 1]
    assert len(single) >= 17
    assert len(SHIPPED_CASES) >= 30


@pytest.mark.parametrize(
    "name", [name for name, case in GENERATED.items() if len(case.model.graph.node) == 1]
)
def test_generated_cases_give_their_expected_outputs(name):
    case = GENERATED[name]
    names = [info.name for info in case.model.graph.input]
    for arrays, outputs in case.data_sets:
        weights = dict(zip(names[1:], arrays[1:], strict=True))
        (found,) = interop.from_model(case.model, inputs=weights).values()
        assert_gives(found, arrays[0], outputs[0])


def running(model, operators):
    """The package's evaluator, with our operators in the place of the model's convolutions."""

    class Conv(op_run.OpRun):
        op_domain = ""

        def _run(self, x, weight, bias=None, **attributes):
            return (operators[self.onnx_node.name or self.onnx_node.output[0]].apply(x),)

    return reference.ReferenceEvaluator(model, new_ops=[Conv])


EXPANDED = [name for name, case in GENERATED.items() if len(case.model.graph.node) > 1]


@pytest.mark.parametrize("name", [name for name in EXPANDED if "fp16" not in name])
def test_expanded_cases_give_their_expected_outputs(name):
    model = GENERATED[name].model
    names = [info.name for info in model.graph.input]
    for arrays, outputs in GENERATED[name].data_sets:
        inputs = dict(zip(names, arrays, strict=True))
        # The bias is made by another node, and is zero where the case has none.
        (node,) = (node for node in model.graph.node if node.op_type == "Conv")
        held = interop_inputs(model, node, inputs)
        operators = interop.from_model(
            model, {n: a.shape for n, a in inputs.items()} | padded(model, node, inputs), held
        )
        found = running(model, operators).run(None, inputs)
        for got, wanted in zip(found, outputs, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def inner(model, name, inputs):
    """What the package's evaluator gives for an inner value."""
    return reference.ReferenceEvaluator(model).run([name], inputs)[0]


def interop_inputs(model, node, inputs):
    """The weights that a model computes."""
    return {name: inner(model, name, inputs) for name in node.input[1:] if name}


def padded(model, node, inputs):
    """The shape of a convolution's input, where the model computes a pad."""
    return {node.input[0]: inner(model, node.input[0], inputs).shape}


@pytest.mark.parametrize("name", [name for name in EXPANDED if "fp16" in name])
def test_expanded_cases_in_float16_are_refused(name):
    case = GENERATED[name]
    names = [info.name for info in case.model.graph.input]
    with pytest.raises(st.DTypeError, match="got float16"):
        interop.from_model(case.model, inputs=dict(zip(names, case.data_sets[0][0], strict=True)))


@pytest.mark.parametrize("name", SHIPPED_CASES)
def test_shipped_cases_give_their_expected_outputs(name):
    path = SHIPPED_CASES[name]
    (found,) = interop.from_model(path).values()
    for folder in sorted(path.parent.glob("test_data_set_*")):
        x, wanted = (
            numpy_helper.to_array(onnx.load_tensor(folder / f"{kind}_0.pb"))
            for kind in ("input", "output")
        )
        assert_gives(found, x, wanted)


def one_node(op_type, weight, x_shape, bias=None, opset=22, **attributes):
    """A model of a single convolution named 'node'."""
    tensors = {"w": weight} | ({} if bias is None else {"b": bias})
    node = helper.make_node(op_type, ["x", *tensors], ["y"], name="node", **attributes)
    return helper.make_model(
        helper.make_graph(
            [node],
            "graph",
            [helper.make_tensor_value_info("x", FLOAT, x_shape)],
            [helper.make_tensor_value_info("y", FLOAT, None)],
            [numpy_helper.from_array(value, name) for name, value in tensors.items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
    )


def draw(rng, low, high, count):
    return [int(value) for value in rng.integers(low, high, count)]


def test_random_attributes_equal_the_reference_evaluator(rng, settings_count):
    wanted_count = settings_count(1000)
    done = 0
    while done < wanted_count:
        n_axes = int(rng.integers(1, 4))
        groups = int(rng.integers(1, 3))
        kernel = draw(rng, 1, 4, n_axes)
        auto_pad = str(rng.choice(["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"]))
        # The evaluator's SAME_LOWER, and its SAME at other strides, are not the specification's.
        strides = draw(rng, 1, 4, n_axes) if auto_pad in ("NOTSET", "VALID") else [1] * n_axes
        if auto_pad == "SAME_LOWER" and any(k % 2 == 0 for k in kernel):
            continue
        options = {"auto_pad": auto_pad, "strides": strides, "group": groups}
        options["dilations"] = draw(rng, 1, 3, n_axes) if auto_pad == "NOTSET" else [1] * n_axes
        if auto_pad == "NOTSET":
            options["pads"] = draw(rng, 0, 3, 2 * n_axes)
        size = draw(rng, 6, 8, n_axes)
        weight = random_array(rng, (groups * int(rng.integers(1, 3)), 2, *kernel), np.float32)
        bias = random_array(rng, (weight.shape[0],), np.float32)
        x = random_array(rng, (2, 2 * groups, *size), np.float32)
        model = one_node("Conv", weight, x.shape, bias, **options)
        (wanted,) = reference.ReferenceEvaluator(model).run(None, {"x": x})
        assert_gives(interop.from_model(model)["node"], x, wanted)
        done += 1


def transposed_1d(n, weight, **attributes):
    """The output of a single ConvTranspose of ones on n samples, as plain loops would have it."""
    options = {"strides": [1]} | attributes
    model = one_node("ConvTranspose", np.float32(weight)[None, None], (1, 1, n), **options)
    return interop.from_model(model)["node"].apply(np.ones((1, n), np.float32))[0].tolist()


FULL = [1, 2, 4, 2, 4, 2, 3]  # 1, 2, 3 placed at 0, 2 and 4


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({}, FULL),
        ({"pads": [1, 0]}, FULL[1:]),
        ({"pads": [0, 2]}, FULL[:-2]),
        ({"output_padding": [1]}, [*FULL, 0]),
        ({"output_padding": [1], "pads": [0, 2]}, FULL[:-1]),
        ({"auto_pad": "VALID"}, FULL),
        # size * stride, the odd one behind for SAME_UPPER and in front for SAME_LOWER
        ({"auto_pad": "SAME_UPPER"}, FULL[:-1]),
        ({"auto_pad": "SAME_LOWER"}, FULL[1:]),
        # from version 11 on, half of an odd total in front only for SAME_UPPER
        ({"output_shape": [6]}, FULL[1:]),
        ({"output_shape": [6], "auto_pad": "SAME_UPPER"}, FULL[:-1]),
        ({"output_shape": [6], "auto_pad": "SAME_LOWER"}, FULL[1:]),
        ({"output_shape": [5]}, FULL[1:-1]),
        ({"output_shape": [4], "auto_pad": "SAME_UPPER"}, FULL[1:-2]),
        ({"output_shape": [6], "pads": [0, 0]}, FULL[1:]),
        # before version 11 onnxruntime does the same, whatever that version's text says
        ({"output_shape": [6], "opset": 10}, FULL[1:]),
        ({"output_shape": [6], "opset": 7, "auto_pad": "SAME_UPPER"}, FULL[:-1]),
        ({"output_shape": [6], "opset": 8, "auto_pad": "SAME_LOWER"}, FULL[1:]),
        ({"output_shape": [4], "opset": 9, "auto_pad": "VALID"}, FULL[2:-1]),
        # output_padding takes part in the total to take off
        ({"output_shape": [6], "output_padding": [1]}, FULL[1:]),
        # more than the windows reach: zeros behind
        ({"output_shape": [9]}, [*FULL, 0, 0]),
    ],
)
def test_transposed_sizes_follow_the_specification(attributes, wanted):
    assert transposed_1d(3, [1, 2, 3], strides=[2], **attributes) == wanted


def test_same_with_a_kernel_shorter_than_the_stride_reaches_size_times_stride():
    assert transposed_1d(2, [5], strides=[3], auto_pad="SAME_UPPER") == [5, 0, 0, 5, 0, 0]


@pytest.mark.parametrize(
    ("auto_pad", "wanted"),
    [("SAME_UPPER", [1, 5, 4]), ("SAME_LOWER", [0, 3, 7]), ("VALID", [1, 5])],
)
def test_same_splits_an_odd_pad_as_it_says(auto_pad, wanted):
    model = one_node(
        "Conv", np.ones((1, 1, 2), np.float32), (1, 1, 5), strides=[2], auto_pad=auto_pad
    )
    op = interop.from_model(model)["node"]
    assert op.apply(np.float32([[0, 1, 2, 3, 4]]))[0].tolist() == wanted


def value(name, shape=None):
    return helper.make_tensor_value_info(name, FLOAT, shape)


def held(rng, name, *shape):
    return numpy_helper.from_array(random_array(rng, shape, np.float32), name)


def network(rng):
    """Symbolic sizes, a Constant, an Identity, an upsampling by shape arithmetic, a branch."""
    node = helper.make_node
    then = helper.make_graph(
        [node("Conv", ["up", "inner_w"], ["t"], name="inner", pads=[1, 1, 1, 1])],
        "then",
        [],
        [value("t")],
        [held(rng, "inner_w", 2, 2, 3, 3)],
    )
    otherwise = helper.make_graph(
        [node("Conv", ["up", "w3"], ["e"], pads=[0, 1, 0, 1])], "else", [], [value("e")]
    )
    integers = {
        name: numpy_helper.from_array(np.array(numbers, np.int64), name)
        for name, numbers in {"two": [2], "start": [2], "stop": [4], "channels": [1, 2]}.items()
    }
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["a"], name="first", strides=[2, 2], auto_pad="SAME_UPPER"),
        node("Relu", ["a"], ["b"]),
        node("Constant", [], ["w2"], value=held(rng, "", 4, 2, 3, 3)),
        node("ConvTranspose", ["b", "w2"], ["c"], name="second", strides=[2, 2], pads=[1, 1, 0, 0]),
        node("Shape", ["c"], ["shape"]),
        node("Slice", ["shape", "start", "stop"], ["size"]),
        node("Mul", ["size", "two"], ["twice"]),
        node("Concat", ["channels", "twice"], ["wanted"], axis=0),
        node("Resize", ["c", "", "", "wanted"], ["up"], mode="nearest"),
        node("Identity", ["w3"], ["alias"]),
        node("Conv", ["up", "alias"], ["d"], name="first", kernel_shape=[1, 3]),
        node("If", ["condition"], ["y"], then_branch=then, else_branch=otherwise),
        node("Conv", ["y", "w3"], ["z"], name="last"),
    ]
    inputs = [
        value("x", ["batch", 3, "height", "width"]),
        helper.make_tensor_value_info("condition", onnx.TensorProto.BOOL, []),
    ]
    tensors = [held(rng, "w1", 4, 3, 3, 3), held(rng, "b1", 4), held(rng, "w3", 2, 2, 1, 3)]
    graph = helper.make_graph(
        nodes, "network", inputs, [value("z")], [*tensors, *integers.values()]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def test_shapes_follow_through_a_model_from_those_given(rng):
    found = interop.from_model(network(rng), {"x": (1, 3, 10, 7)})
    operators = {n: f.op if isinstance(f, st.Affine) else f for n, f in found.items()}
    assert {name: (op.in_shape, op.out_shape) for name, op in operators.items()} == {
        "first": ((3, 10, 7), (4, 5, 4)),
        "second": ((4, 5, 4), (2, 10, 8)),
        "d": ((2, 20, 16), (2, 20, 14)),  # its name is taken
        "inner": ((2, 20, 16), (2, 20, 16)),
        "e": ((2, 20, 16), (2, 20, 16)),
        "last": ((2, 20, 16), (2, 20, 14)),
    }
    assert isinstance(found["first"], st.Affine)


def test_a_model_comes_as_path_bytes_or_proto(rng, tmp_path):
    weight = random_array(rng, (2, 3, 2, 2), np.float32)
    model = one_node("Conv", weight, ("N", 3, 5, 4))
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    for form in (model, path, str(path), model.SerializeToString()):
        op = interop.from_model(form)["node"]
        np.testing.assert_array_equal(op.weight, weight)
        assert op.in_shape == (3, 5, 4)


def test_declared_sizes_give_way_to_given_ones(rng):
    model = one_node("Conv", random_array(rng, (2, 3, 2, 2), np.float32), (1, 3, 5, 4))
    model.graph.value_info.append(value("y", (1, 2, 4, 3)))
    model.graph.node.append(helper.make_node("Unknown", ["y"], ["u"], domain="elsewhere"))
    model.graph.value_info.append(value("u", (1, 2, 4, 3)))
    model.graph.node.append(helper.make_node("Conv", ["u", "w2"], ["v"], name="after"))
    model.graph.initializer.append(held(rng, "w2", 1, 2, 1, 1))
    assert interop.from_model(model)["after"].in_shape == (2, 4, 3)
    missing = "node 'after': `input_shapes` must say the size of 'u'"
    with pytest.warns(UserWarning, match=missing):
        assert list(interop.from_model(model, (1, 3, 9, 9))) == ["node"]
    with pytest.raises(st.ShapeError, match=missing):
        interop.from_model(model, (1, 3, 9, 9), nodes=["after"])
    shapes = {"x": (1, 3, 9, 9), "u": (1, 2, 8, 8)}
    assert interop.from_model(model, shapes)["after"].in_shape == (2, 8, 8)


def test_only_the_nodes_asked_for_are_looked_at(rng):
    model = network(rng)
    assert list(interop.from_model(model, {"x": (1, 3, 8, 8)}, nodes=["second"])) == ["second"]
    with pytest.raises(st.GeometryError, match=r"got 'third'\. They are: 'first', 'second', 'd'"):
        interop.from_model(model, nodes=["third"])


def test_weights_may_come_from_the_caller(rng):
    weight = random_array(rng, (2, 3, 2, 2), np.float32)
    model = one_node("Conv", weight, (1, 3, 5, 4))
    other = random_array(rng, (2, 3, 2, 2), np.complex128)
    found = interop.from_model(model, inputs={"w": other})["node"]
    np.testing.assert_array_equal(found.weight, other)
    model.graph.input.append(value("w", (2, 3, 2, 2)))
    del model.graph.initializer[:]
    with pytest.raises(st.GeometryError, match=r"`inputs` must give 'w'.*takes as an input"):
        interop.from_model(model)
    with pytest.raises(st.DTypeError, match=r"`inputs\['w'\]` must have.*got float16"):
        interop.from_model(model, inputs={"w": weight.astype(np.float16)})


def test_double_precision_is_kept(rng):
    model = one_node("Conv", random_array(rng, (1, 1, 2), np.float64), (1, 1, 5))
    assert interop.from_model(model)["node"].dtype == np.float64


def test_given_shapes_are_checked(rng):
    model = network(rng)
    with pytest.raises(
        st.GeometryError, match=r"for a model with 2 inputs; got .* 'x', 'condition'"
    ):
        interop.from_model(model, (1, 3, 8, 8))
    with pytest.raises(st.ShapeError, match=r"must have 4 entries for 'x', batch axis included"):
        interop.from_model(model, {"x": (3, 8, 8)})
    with pytest.raises(st.ShapeError, match=r"leaves open: \(\?, 3, \?, \?\)"):
        interop.from_model(model)


def test_without_onnx_the_pip_line_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sparse_tconv.interop.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(st.interop, "onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[onnx\]'"):
        _ = st.interop.onnx
