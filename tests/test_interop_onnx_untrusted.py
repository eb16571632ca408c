"""Model files that are damaged, incomplete or hostile are refused, each in one clear sentence."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from factories import random_array

import sparse_tconv as st

onnx = pytest.importorskip("onnx")
helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto
interop = st.interop.onnx


def value(name, shape=None, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def make(nodes, tensors, shape=(1, 2, 9, 8), opset=18):
    inputs = [value("x", shape)]
    graph = helper.make_graph(nodes, "graph", inputs, [value("y")], list(tensors))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


@pytest.fixture
def weight(rng):
    return random_array(rng, (4, 2, 3, 3), np.float32)


@pytest.fixture
def model(weight):
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="node", strides=[2, 1])
    return make([node], [numpy_helper.from_array(weight, "w")])


def refused(model, error, message):
    with pytest.raises(error, match=message):
        interop.from_model(model)


def test_a_file_cut_off_anywhere_is_refused(model):
    content = model.SerializeToString()
    for length in range(len(content) - len(model.opset_import[0].SerializeToString())):
        with pytest.raises(
            st.GeometryError, match=r"is no ONNX model, or it is cut off|`model` must"
        ):
            interop.from_model(content[:length])


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(100), b"import os\n" * 9, bytes(500)]
)
def test_what_is_not_onnx_is_refused(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    refused(path, st.GeometryError, "must be an ONNX model; got")


def test_what_is_no_file_is_refused(tmp_path, model):
    with pytest.raises(FileNotFoundError, match="absent"):
        interop.from_model(tmp_path / "absent.onnx")
    refused(tmp_path, st.GeometryError, "must be a regular file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", st.GeometryError, "must be a regular file")
    refused(12, st.DTypeError, "must be a path, bytes or an onnx.ModelProto; got int")


def test_a_missing_initializer_is_named(model):
    del model.graph.initializer[:]
    refused(model, st.GeometryError, r"node 'node': `model` must hold 'w'.*no such initializer")


def test_weights_that_the_model_computes_are_named_and_not_computed(model, weight):
    model.graph.initializer[0].name = "v"
    model.graph.node.insert(0, helper.make_node("Sin", ["v"], ["w"]))
    refused(model, st.GeometryError, r"`inputs` must give 'w'.* of type Sin.*Nothing is run")
    op = interop.from_model(model, inputs={"w": weight**2})["node"]
    np.testing.assert_array_equal(op.weight, weight**2)


def test_a_circle_of_names_ends(model):
    model.graph.initializer[0].name = "v"
    model.graph.node.insert(0, helper.make_node("Identity", ["w"], ["w"]))
    refused(model, st.GeometryError, "of type Identity")


def test_a_constant_without_a_dense_tensor_is_refused(model):
    del model.graph.initializer[:]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["w"], value_string="w"))
    refused(model, st.GeometryError, "got a Constant without one for 'w'")


@pytest.mark.parametrize(
    ("kind", "name"), [(TensorProto.FLOAT16, "FLOAT16"), (TensorProto.BFLOAT16, "BFLOAT16")]
)
def test_half_precision_says_how_to_convert(model, kind, name):
    model.graph.initializer[0].data_type = kind
    refused(model, st.DTypeError, rf"FLOAT or DOUBLE; got {name} for 'w'\. .*inputs=\{{'w': array")


@pytest.mark.parametrize("kind", [TensorProto.STRING, TensorProto.BOOL, 1234, -7])
def test_other_types_are_refused(model, kind):
    model.graph.initializer[0].data_type = kind
    refused(model, st.DTypeError, "FLOAT or DOUBLE; got")


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ([4, 2, 3, 2**40], "must hold .* bytes for 'w'"),
        ([2**62, 2**62, 3, 3], "must hold .* bytes for 'w'"),
        ([4, 2, 3], "must hold 96 bytes for 'w', of dimensions .* and float32; got 288"),
        ([4, 2, -3, -3], "positive dimensions"),
        ([0, 2, 3, 3], "positive dimensions"),
    ],
)
def test_dimensions_are_compared_with_the_data_before_anything_is_allocated(model, dims, message):
    model.graph.initializer[0].dims[:] = dims
    refused(model, st.ShapeError, message)


def test_values_that_are_too_few_are_counted(model):
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.float_data.extend([1.0, 2.0])
    refused(model, st.ShapeError, "must hold 72 values for 'w'.* got 2")


def test_a_weight_must_have_spatial_axes(model):
    tensor = model.graph.initializer[0]
    tensor.dims[:] = [8, 9]
    refused(model, st.ShapeError, "a weight of at least 3 axes")


@pytest.mark.parametrize("size", [2**20, 2**22])
def test_large_images_are_described_without_being_allocated(model, size):
    tracemalloc.start()
    op = interop.from_model(model, (1, 2, size, 8))["node"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert op.in_shape == (2, size, 8)
    assert peak < 10e6


@pytest.mark.parametrize("size", [2**31, 2**62])
def test_images_of_absurd_sizes_are_refused(model, size):
    with pytest.raises(st.ShapeError, match=r"samples of at most 2147483647 entries; got"):
        interop.from_model(model, (1, 2, size, size))


@pytest.mark.parametrize(
    ("name", "attribute", "message"),
    [
        ("strides", [0, 1], "give strides as 2 ints, 1 to"),
        ("strides", [1], "give strides as 2 ints"),
        ("strides", 2, "give strides as INTS; got type"),
        ("dilations", [-(2**63), 1], "give dilations as 2 ints"),
        ("pads", [1, 1], "give pads as 4 ints"),
        ("pads", [0, 0, -1, 0], "give pads as 4 ints, 0 to"),
        ("kernel_shape", [3, 2], "kernel_shape that is the weight's, .*; got"),
        ("group", 3, "must start with 6 channels|`groups` must divide"),
        ("group", 0, "`groups` must be"),
        (
            "auto_pad",
            "SAME",
            "auto_pad as one of NOTSET, SAME_UPPER, SAME_LOWER, VALID; got 'SAME'",
        ),
        ("padding", [1, 1], "attributes that ONNX defines; got 'padding'"),
    ],
)
def test_bad_attributes_are_named(model, name, attribute, message):
    node = model.graph.node[0]
    for number, old in enumerate(node.attribute):
        if old.name == name:
            del node.attribute[number]
    node.attribute.append(helper.make_attribute(name, attribute))
    with pytest.raises(st.GeometryError, match=message) as caught:
        interop.from_model(model)
    assert str(caught.value).startswith("node 'node': ")


def test_pads_beside_auto_pad_are_refused(model):
    node = model.graph.node[0]
    node.attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER"))
    node.attribute.append(helper.make_attribute("pads", [1, 1, 1, 1]))
    refused(model, st.GeometryError, "must not give pads together with auto_pad=SAME_UPPER")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"output_padding": [2, 0]}, "output_padding less than stride or dilation, 1; got 2"),
        ({"output_shape": [0, 4]}, "give output_shape as 2 ints, 1 to"),
        ({"pads": [9, 0, 9, 0]}, "outputs of at least 1; got -7 on spatial axis 0"),
    ],
)
def test_bad_attributes_of_transposes_are_named(weight, attributes, message):
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], **attributes)
    refused(
        make([node], [numpy_helper.from_array(weight, "w")], (1, 4, 9, 8)),
        st.GeometryError,
        message,
    )


def test_nodes_that_cannot_be_told_apart_are_refused(model):
    model.graph.node.append(model.graph.node[0])
    model.graph.node.append(model.graph.node[0])
    refused(model, st.GeometryError, "names or outputs of their own")


def test_nodes_need_a_sample_and_a_weight(model):
    del model.graph.node[0].input[1:]
    refused(model, st.GeometryError, "2 or 3 inputs; got 1")


def test_a_sample_of_other_axes_is_refused(model):
    with pytest.raises(st.ShapeError, match=r"give 'x' 4 dimensions, as many as its weight"):
        interop.from_model(make(model.graph.node, model.graph.initializer, (1, 2, 9)))


def test_convolutions_in_functions_say_how_to_inline_them(model):
    node = helper.make_node("Conv", ["a", "b"], ["c"])
    opsets = [helper.make_opsetid("", 18)]
    model.functions.append(helper.make_function("f", "Layer", ["a", "b"], ["c"], [node], opsets))
    refused(model, st.GeometryError, "in the function 'Layer'.*onnx.inliner.inline_local_functions")


@pytest.fixture
def external(model, weight, tmp_path):
    """A model whose weight is a file beside it, and a way to change where it says it is."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"pad!" + weight.tobytes())
    (tmp_path / "outside.bin").write_bytes(b"pad!" + weight.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "outside.bin")
    (folder / "inner.bin").symlink_to(folder / "weights.bin")
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL

    def at(location, offset="4", length="288"):
        del tensor.external_data[:]
        entries = {"location": location, "offset": offset, "length": length}
        for key, text in entries.items():
            if text is not None:
                tensor.external_data.add(key=key, value=text)
        path = folder / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    return at


@pytest.mark.parametrize("location", ["weights.bin", "./weights.bin", "inner.bin"])
def test_external_data_beside_the_model_is_read(external, weight, location):
    op = interop.from_model(external(location))["node"]
    np.testing.assert_array_equal(op.weight, weight)
    assert interop.from_model(external(location, length=None))["node"].weight.shape == (4, 2, 3, 3)


@pytest.mark.parametrize(
    "location",
    [
        "../outside.bin",
        "sub/../../outside.bin",
        "link.bin",
        "/etc/passwd",
        "C:\\weights.bin",
        "..\\outside.bin",
        "absent.bin",
        ".",
        "",
        "weights.bin\0",
        None,
    ],
)
def test_external_data_elsewhere_is_not_read(external, location):
    path = external(location)
    refused(path, st.GeometryError, "external data in files inside its own folder; got .* for 'w'")


def test_external_data_needs_a_folder(external):
    content = external("weights.bin").read_bytes()
    refused(content, st.GeometryError, r"must be a path when weights are external data.*inputs=")


@pytest.mark.parametrize(
    ("offset", "length", "error", "message"),
    [
        ("8", "288", st.ShapeError, "reaches to byte 296 for 'w'; got a file of 292 bytes"),
        ("4", "284", st.ShapeError, "must hold 288 bytes for 'w'"),
        ("-4", "288", st.GeometryError, "as whole numbers; got '-4'"),
        ("4", "9" * 30, st.GeometryError, "as whole numbers"),
        ("four", "288", st.GeometryError, "as whole numbers; got 'four'"),
    ],
)
def test_offsets_and_lengths_are_checked(external, offset, length, error, message):
    refused(external("weights.bin", offset, length), error, message)


@pytest.fixture
def rich(rng):
    """A model with most of what is read: weights of all origins, shapes that follow, a branch."""

    def held(name, *shape):
        return numpy_helper.from_array(random_array(rng, shape, np.float32), name)

    node = helper.make_node
    inner = node("Conv", ["d", "inner_w"], ["t"], name="inner", pads=[1, 1, 1, 1])
    then = helper.make_graph([inner], "then", [], [value("t")], [held("inner_w", 2, 2, 3, 3)])
    otherwise = helper.make_graph([node("Identity", ["d"], ["e"])], "else", [], [value("e")])
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["a"], name="first", strides=[2, 2], auto_pad="SAME_UPPER"),
        node("Relu", ["a"], ["b"]),
        node("Constant", [], ["w2"], value=held("", 4, 2, 3, 3)),
        node("ConvTranspose", ["b", "w2"], ["c"], strides=[2, 2], output_shape=[16, 15]),
        node("Expand", ["c", "wide"], ["wider"]),
        node("Identity", ["w3"], ["alias"]),
        node("Conv", ["wider", "alias"], ["d"], dilations=[2, 1], pads=[1, 2, 3, 4]),
        node("If", ["condition"], ["y"], then_branch=then, else_branch=otherwise),
    ]
    wide = numpy_helper.from_array(np.array([1, 2, 16, 15], np.int64), "wide")
    tensors = [held("w1", 4, 3, 3, 3), held("b1", 4), held("w3", 2, 2, 3, 3), wide]
    model = make(nodes, tensors, ("batch", 3, 16, 15))
    model.graph.input.append(value("condition", [], TensorProto.BOOL))
    return model


EXTREMES = [0, 1, 2, 3, -1, 7, 2**31 - 1, 2**31, -(2**31), 2**62, 2**63 - 1, -(2**63), 1000003]


def flipped(rng, content):
    """A few bytes replaced, now and then one taken out."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(len(damaged)))
        if rng.integers(8) == 0:
            del damaged[at]
        else:
            damaged[at] = int(rng.integers(256))
    return bytes(damaged)


def numbers(message):
    """Every field of a message, and of those inside, that holds whole numbers."""
    for field, content in message.ListFields():
        several = not isinstance(content, (int, float, str, bytes)) and hasattr(content, "__len__")
        for part in content if several else [content]:
            if hasattr(part, "ListFields"):
                yield from numbers(part)
        if several and len(content) and isinstance(content[0], int):
            yield message, field.name, len(content)
        elif isinstance(content, int):
            yield message, field.name, None


def overstated(rng, model):
    """A well-formed model with some absurd numbers."""
    damaged = onnx.ModelProto()
    damaged.CopyFrom(model)
    for _ in range(int(rng.integers(1, 4))):
        places = list(numbers(damaged))
        message, name, length = places[int(rng.integers(len(places)))]
        extreme = EXTREMES[int(rng.integers(len(EXTREMES)))]
        try:
            if length is None:
                setattr(message, name, extreme)
            else:
                getattr(message, name)[int(rng.integers(length))] = extreme
        except ValueError:
            continue  # not a number that the field can hold
    return damaged.SerializeToString()


READER = """
import json, resource, sys
from pathlib import Path
import sparse_tconv as st
from_model = st.interop.onnx.from_model
resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcomes = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        from_model(path)
        outcome = "read"
    except st.SparseTconvError as error:
        outcome = type(error).__name__ if "`" in str(error) else str(error)
    outcomes[outcome] = outcomes.get(outcome, 0) + 1
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([outcomes, grown]))
"""


def test_mutated_models_neither_crash_nor_hang_nor_allocate(rng, rich, settings_count, tmp_path):
    assert len(interop.from_model(rich)) == 4
    content = rich.SerializeToString()
    count = settings_count(2000)
    for number in range(count):
        damaged = flipped(rng, content) if number % 2 else overstated(rng, rich)
        (tmp_path / f"{number:05}.onnx").write_bytes(damaged)
    # In a process of its own: a crash, a hang or an allocation ends that one.
    answer = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
        cwd=Path(st.__file__).parent.parent,
    )
    outcomes, grown = json.loads(answer.stdout)
    assert sum(outcomes.values()) == count
    assert set(outcomes) <= {"read", "GeometryError", "ShapeError", "DTypeError"}
    assert grown < 100_000  # kilobytes


BOMBS = {
    "ranks that double": [
        node
        for i in range(40)
        for node in (
            helper.make_node("Shape", [f"a{i}"], [f"s{i}"]),
            helper.make_node("Concat", [f"s{i}", f"s{i}"], [f"d{i}"], axis=0),
            helper.make_node("Expand", [f"a{i}", f"d{i}"], [f"a{i + 1}"]),
        )
    ],
    "a range of shapes": [
        helper.make_node("Constant", [], ["start"], value_int=0),
        helper.make_node("Constant", [], ["stop"], value_int=10**12),
        helper.make_node("Constant", [], ["step"], value_int=1),
        helper.make_node("Range", ["start", "stop", "step"], ["range"]),
        helper.make_node("Expand", ["a0", "range"], ["a40"]),
    ],
    "pieces without number": [helper.make_node("Split", ["a0"], ["a40"], num_outputs=2**31)],
}


@pytest.mark.parametrize("name", BOMBS)
def test_shapes_that_would_fill_the_memory_are_left_open(weight, name):
    nodes = [
        helper.make_node("Identity", ["x"], ["a0"]),
        *BOMBS[name],
        helper.make_node("Conv", ["a40", "w"], ["y"]),
    ]
    model = make(nodes, [numpy_helper.from_array(weight, "w")])
    with pytest.raises(st.ShapeError, match="must say the size of 'a40'"):
        interop.from_model(model)
    op = interop.from_model(model, {"x": (1, 2, 9, 8), "a40": (1, 2, 7, 7)})["y"]
    assert op.in_shape == (2, 7, 7)


def test_a_shape_of_too_many_entries_is_not_followed(rich):
    rich.graph.initializer[3].dims[:] = [2**63 - 1]
    message = "must say the size of 'wider'"
    with pytest.warns(UserWarning, match=message):
        assert list(interop.from_model(rich).unread) == ["d", "inner"]
    with pytest.raises(st.ShapeError, match=message):
        interop.from_model(rich, nodes=["d"])


def test_a_weight_that_many_nodes_share_is_held_once(rng):
    weight = random_array(rng, (64, 64, 16, 16), np.float32)  # 4 MB
    nodes = [helper.make_node("Conv", ["x", "w"], [f"y{i}"]) for i in range(200)]
    content = make(
        nodes, [numpy_helper.from_array(weight, "w")], (1, 64, 32, 32)
    ).SerializeToString()
    given = make(nodes, [], (1, 64, 32, 32)).SerializeToString()
    for model, inputs in ((content, None), (given, {"w": weight})):
        tracemalloc.start()
        found = interop.from_model(model, inputs=inputs)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(found) == 200
        assert held < 4 * weight.nbytes
    weight[...] = 0  # nothing is shared with the caller
    assert found["y7"].weight.any()
    with pytest.raises(ValueError, match=r"WRITEABLE|read-only"):
        found["y7"].weight.flags.writeable = True


def calls_of(function):
    """How many calls of Python's functions it makes."""
    count = 0

    def profile(_frame, event, _argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_a_chain_is_followed_once_however_many_nodes_hang_on_it(rng):
    def chain(n):
        names = ["w", *(f"i{number}" for number in range(n))]
        along = [helper.make_node("Identity", [a], [b]) for a, b in itertools.pairwise(names)]
        convs = [helper.make_node("Conv", ["x", names[-1]], [f"y{i}"]) for i in range(n)]
        weight = numpy_helper.from_array(random_array(rng, (4, 2, 3, 3), np.float32), "w")
        return make(along + convs, [weight]).SerializeToString()

    interop.from_model(chain(2))
    few, many = (calls_of(lambda n=n: interop.from_model(chain(n))) for n in (100, 400))
    assert many < 5 * few


BAD_ARGUMENTS = [
    ({"inputs": [1]}, "`inputs` must map names to arrays; got list"),
    ({"inputs": 3}, "`inputs` must map names to arrays; got int"),
    ({"inputs": {3: np.ones(3)}}, "`inputs` must have names as keys; got 3"),
    ({"inputs": {"w": "words"}}, r"`inputs\['w'\]` must have an integer dtype"),
    ({"inputs": {"w": [[1], [2, 3]]}}, r"`inputs\['w'\]` must be a rectangular"),
    ({"nodes": [[1]]}, r"`nodes` must be names in a list; got \[\[1\]\]"),
    ({"nodes": 3}, "`nodes` must be names in a list; got 3"),
    ({"nodes": "node"}, "`nodes` must be names in a list; got 'node'"),
    ({"nodes": ["other"]}, "`nodes` must name convolutions of the model; got 'other'"),
    ({"input_shapes": {3: (1, 2, 9, 8)}}, "`input_shapes` must have names as keys; got 3"),
    ({"input_shapes": "wide"}, "`input_shapes` must be a tuple of positive ints"),
    ({"input_shapes": {"x": None}}, "`input_shapes` must be a tuple of positive ints"),
    ({"input_shapes": (1, 2, 10**30, 8)}, "`input_shapes` must be .*; got one of 100 bits"),
    ({"input_shapes": (1, 2, 2**62, 8)}, "`model` must have samples of at most"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), BAD_ARGUMENTS)
def test_bad_arguments_are_errors_of_ours(model, arguments, message):
    with pytest.raises(st.SparseTconvError, match=message):
        interop.from_model(model, **arguments)


def test_no_node_wanted_is_no_node(model):
    assert interop.from_model(model, nodes=[]) == {}


def test_a_path_with_a_nul_is_refused():
    with pytest.raises(st.GeometryError, match="`model` must be the path of a file; got"):
        interop.from_model("a\0b.onnx")


@pytest.mark.parametrize("axes", [65, 66, 5000])
def test_a_tensor_of_too_many_axes_is_refused(axes):
    tensor = numpy_helper.from_array(np.ones(1, np.float32), "w")
    tensor.dims[:] = [1] * axes
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="node")
    refused(make([node], [tensor]), st.ShapeError, "tensors of at most 64 axes; got ")
