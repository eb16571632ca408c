"""Layers of ONNX models in place of weight files."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from cli_runs import one_error_line, write_model

import sparse_tconv as st
from sparse_tconv import cli

pytest.importorskip("onnx")


@pytest.fixture(autouse=True)
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Models in the working directory, and a sample for them."""
    monkeypatch.chdir(tmp_path)
    write_model("open.onnx", ["batch", 3, "height", "width"])
    write_model("one.onnx", [1, 3, 9, 8], nodes=1)
    write_model("none.onnx", [1, 3, 9, 8], nodes=0)
    found = write_model("model.onnx", [1, 3, 9, 8])
    found["x"] = np.random.default_rng(0).standard_normal((2, 3, 9, 8)).astype(np.float32)
    np.save("x.npy", found["x"])
    np.save("weight.npy", found["w1"])
    return found


def layers(arrays: dict[str, np.ndarray]) -> tuple[st.Affine, st.ConvTranspose]:
    """What the two nodes are."""
    first = st.Affine(st.Conv(arrays["w1"], (3, 9, 8), padding=1), arrays["b1"])
    return first, st.ConvTranspose(arrays["w2"], (8, 9, 8), stride=2)


@pytest.mark.parametrize("source", ["model.onnx:conv1", "one.onnx", "one.onnx:conv1"])
def test_apply_gives_the_layer_with_its_bias(source: str, arrays: dict[str, np.ndarray]) -> None:
    assert cli.main(["apply", source, "x.npy", "-o", "h.npy"]) == 0
    wanted = layers(arrays)[0].apply(arrays["x"])
    np.testing.assert_array_equal(np.load("h.npy"), wanted)
    assert cli.main(["apply", "model.onnx:up", "h.npy", "-o", "y.npy"]) == 0
    np.testing.assert_array_equal(np.load("y.npy"), layers(arrays)[1].apply(wanted))


def test_build_writes_the_linear_part(arrays: dict[str, np.ndarray]) -> None:
    for node, layer in zip(("conv1", "up"), layers(arrays), strict=True):
        assert cli.main(["build", f"model.onnx:{node}", "-o", "C.npz"]) == 0
        op = layer.op if isinstance(layer, st.Affine) else layer
        difference = scipy.sparse.load_npz("C.npz") - op.matrix
        assert difference.nnz == 0


def test_a_dtype_converts_the_weight_and_the_bias(arrays: dict[str, np.ndarray]) -> None:
    wide = arrays["w1"].astype(np.float64)
    assert cli.main(["build", "one.onnx", "-o", "C.npz", "--dtype", "float64"]) == 0
    wanted = st.conv_matrix(wide, (3, 9, 8), padding=1)
    assert scipy.sparse.load_npz("C.npz").dtype == np.float64
    assert (scipy.sparse.load_npz("C.npz") - wanted).nnz == 0
    assert cli.main(["apply", "one.onnx", "x.npy", "-o", "h.npy", "--dtype", "float64"]) == 0
    layer = st.Affine(st.Conv(wide, (3, 9, 8), padding=1), arrays["b1"])
    np.testing.assert_array_equal(np.load("h.npy"), layer.apply(arrays["x"]))


def test_info_without_a_node_lists_all(
    arrays: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = layers(arrays)
    assert cli.main(["info", "model.onnx"]) == 0
    assert capsys.readouterr().out == f"conv1  {first.op!r} + bias\nup     {second!r}\n"
    assert cli.main(["info", "model.onnx", "--json"]) == 0
    nodes = json.loads(capsys.readouterr().out)["nodes"]
    assert [(name, facts["bias"]) for name, facts in nodes.items()] == [
        ("conv1", True),
        ("up", False),
    ]
    assert nodes["up"]["out_shape"] == [4, 18, 16]
    assert cli.main(["info", "none.onnx"]) == 0
    assert capsys.readouterr().out == ""


def write_mixed(path: str, kind: type = np.float32) -> np.ndarray:
    """A model of a padded convolution 'a', one of a weight it computes, one of an open size and one
    of integers; gives the kernel of 'a'.
    """
    import onnx
    from onnx import helper, numpy_helper

    weight = np.random.default_rng(4).standard_normal((2, 3, 3, 3)).astype(kind)
    amounts = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    nodes = [
        helper.make_node("Pad", ["x", "amounts"], ["p"], mode="reflect"),
        helper.make_node("Conv", ["p", "w"], ["y"], name="a"),
        helper.make_node("Sin", ["w"], ["v"]),
        helper.make_node("Conv", ["x", "v"], ["z"], name="computed"),
        helper.make_node("Unknown", ["x"], ["u"], domain="elsewhere"),
        helper.make_node("Conv", ["u", "w"], ["t"], name="open"),
        helper.make_node("ConvInteger", ["x", "w"], ["s"], name="whole"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 9, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(amounts, "amounts")],
    )
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("elsewhere", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=8), path)
    return weight


def test_info_lists_what_is_not_read_too(capsys: pytest.CaptureFixture[str]) -> None:
    op = st.Conv(write_mixed("mixed.onnx"), (3, 11, 10))
    assert cli.main(["info", "mixed.onnx"]) == 0
    shown = capsys.readouterr()
    first, computed, unknown, whole = shown.out.splitlines()
    assert shown.err == ""
    assert first == f"a         {op!r}"
    assert computed.startswith("computed  not read: `inputs` must give 'v'")
    assert unknown.startswith("open      not read: `input_shapes` must say the size of 'u'")
    assert unknown.endswith("On the command line: --input-shape NAME=1,3,224,224.")
    assert whole == "whole     not read: ConvInteger"
    assert cli.main(["info", "mixed.onnx", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert list(facts["nodes"]) == ["a"]
    assert [len(facts["unread"]), facts["unread"]["whole"]] == [3, "ConvInteger"]
    assert cli.main(["info", "mixed.onnx:computed"]) == 2
    assert "node 'computed': `inputs` must give 'v'" in one_error_line(capsys.readouterr())


def test_pads_fold_on_demand_and_half_precision_is_converted(
    arrays: dict[str, np.ndarray],
) -> None:
    weight = write_mixed("half.onnx", np.float16).astype(np.float32)
    wanted = st.Conv(weight, (3, 9, 8), padding=1, padding_mode="reflect").apply(arrays["x"])
    typed = ["apply", "half.onnx:a", "x.npy", "-o", "y.npy", "--dtype", "float32", "--fold-pads"]
    assert cli.main(typed) == 0
    np.testing.assert_array_equal(np.load("y.npy"), wanted)


def test_info_of_a_node_is_the_table_of_its_operator(
    arrays: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", "model.onnx:conv1"]) == 0
    assert capsys.readouterr().out == f"{layers(arrays)[0].op.info()}\n"
    assert cli.main(["info", "model.onnx:conv1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bias"] is True


def test_a_layer_is_checked_and_has_a_spectrum(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "model.onnx:up"]) == 0
    assert "AdjointReport: passed" in capsys.readouterr().out
    assert cli.main(["spectrum", "model.onnx:up", "-k", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shape"] == [4 * 18 * 16, 8 * 9 * 8]


@pytest.mark.parametrize("shape", ["1,3,9,8", "x=1,3,9,8", "x=7,3,9,8"])
def test_an_input_shape_closes_what_the_model_leaves_open(
    shape: str, arrays: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", "open.onnx:up", "--input-shape", shape]) == 0
    assert capsys.readouterr().out == f"{layers(arrays)[1].info()}\n"


REFUSED = [
    ("build model.onnx -o C.npz", "which has 2: conv1, up. Write model.onnx:conv1."),
    ("apply model.onnx x.npy -o y.npy", "which has 2: conv1, up. Write model.onnx:conv1."),
    ("spectrum model.onnx", "which has 2: conv1, up. Write model.onnx:conv1."),
    ("check model.onnx", "which has 2: conv1, up. Write model.onnx:conv1."),
    ("check none.onnx", "got 'none.onnx', which has 0: none. It has nothing to convolve with."),
    ("info model.onnx:conv2", "got 'conv2'. They are: 'conv1', 'up'."),
    ("info model.onnx --stride 2", "`--stride` must go with a weight; got 'model.onnx', and the"),
    ("info model.onnx:up --transpose", "`--transpose` must go with a weight; got 'model.onnx:up'"),
    ("info model.onnx:up --no-channels", "`--no-channels` must go with a weight"),
    ("build one.onnx -o C.npz --padding-mode zeros", "the model has it. Leave it out."),
    ("check one.onnx --in-shape 3,9,8", "`--in-shape` must go with a weight"),
    ("spectrum one.onnx --engine csr", "`--engine` must go with a weight"),
    ("info open.onnx", "On the command line: --input-shape NAME=1,3,224,224."),
    ("info open.onnx --input-shape 1,3,9", "must have 4 entries for 'x', batch axis included"),
    ("info open.onnx --input-shape x=1,3,9,8 --input-shape 1,3,9,8", "got x, no name"),
    ("info open.onnx --input-shape x=1,3,9,8 --input-shape x=1,3,9,9", "got x, x"),
    ("info weight.npy --in-shape 3,9,8 --input-shape 1", "must go with an ONNX model; got 'weig"),
    ("check own:f own:g --in-shape 3 --input-shape 1", "`--input-shape` must go with a weight"),
    ("info one.onnx --dtype int8", "`dtype` must hold the weight, which is float32; got int8"),
    ("info weight.npy --in-shape 3,9,8 --fold-pads", "`--fold-pads` must go with an ONNX model"),
    ("check own:f own:g --in-shape 3 --fold-pads", "`--fold-pads` must go with a weight"),
    ("check missing.onnx:conv1", "No such file or directory: 'missing.onnx'"),
    ("info missing.onnx", "No such file or directory: 'missing.onnx'"),
    ("apply one.onnx weight.npy -o y.npy", "`x` must have shape (..., 3, 9, 8)"),
]


@pytest.mark.parametrize(("typed", "message"), REFUSED)
def test_what_cannot_be_a_layer_is_one_line_and_exit_code_2(
    typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(typed.split()) == 2
    assert message in one_error_line(capsys.readouterr())


def test_an_input_shape_that_cannot_be_read_names_its_form(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(["info", "open.onnx", "--input-shape", "x=wide"])
    assert "must be ints such as 2 or 2,1; got 'wide'" in one_error_line(capsys.readouterr())


def test_a_damaged_model_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("model.onnx").read_bytes()
    Path("folder.onnx").mkdir()
    Path("empty.onnx").touch()
    Path("cut.onnx").write_bytes(whole[: len(whole) // 2])
    Path("array.onnx").write_bytes(Path("x.npy").read_bytes())
    for name in ("folder", "empty", "cut", "array"):
        assert cli.main(["info", f"{name}.onnx"]) == 2
        assert "`model` must be" in one_error_line(capsys.readouterr())


def test_no_damage_to_a_model_gives_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    whole = np.frombuffer(Path("model.onnx").read_bytes(), np.uint8)
    for _ in range(100):
        damaged = whole.copy()
        damaged[rng.integers(len(whole), size=3)] = rng.integers(256, size=3)
        Path("now.onnx").write_bytes(damaged[: rng.integers(1, len(whole) + 1)].tobytes())
        code = cli.main(["info", "now.onnx"])
        assert (code, capsys.readouterr().err.count("\n")) in [(0, 0), (2, 1)]


def test_a_file_or_a_node_may_have_a_colon_or_a_suffix_in_its_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("one.onnx").replace("odd.onnx:name.onnx")
    assert cli.main(["info", "odd.onnx:name.onnx"]) == 0
    Path("weight.npy").replace("a.onnx:b")
    assert cli.main(["info", "a.onnx:b", "--in-shape", "3,9,8"]) == 0
    capsys.readouterr()
    assert cli.main(["info", "model.onnx:other.onnx"]) == 2
    assert "got 'other.onnx'. They are: 'conv1', 'up'" in one_error_line(capsys.readouterr())


def test_the_names_of_a_model_need_neither_sizes_nor_weights() -> None:
    assert st.interop.onnx.node_names("open.onnx") == ("conv1", "up")
    assert st.interop.onnx.node_names("none.onnx") == ()
    with pytest.raises(st.GeometryError, match="`model` must be an ONNX model; got bytes"):
        st.interop.onnx.node_names(b"nothing")


def test_missing_onnx_is_told_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("sparse_tconv.interop.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("sparse_tconv.interop.onnx", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert cli.main(["info", "model.onnx:conv1"]) == 2
    assert "pip install 'sparse_tconv[onnx]'" in one_error_line(capsys.readouterr())
