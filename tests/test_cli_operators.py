"""The commands about one operator: what they print and write is what the functions give."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from cli_runs import one_error_line, run

import sparse_tconv as st
from sparse_tconv import cli

Files = dict[str, Any]


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """Arrays on disk, in the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    arrays = {
        "weight": rng.standard_normal((4, 6, 3, 2)),
        "half": rng.standard_normal((4, 3, 3, 2)),
        "bare": rng.standard_normal((3, 2)),
        "x": rng.standard_normal((6, 9, 7)),
        "y": rng.standard_normal((2, 4, 5, 4)),
        "image": rng.standard_normal((9, 7)),
        "complex": rng.standard_normal((6, 9, 7)) * (1 + 2j),
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    np.savez("all.npz", **arrays)
    np.savez("one.npz", arrays["weight"])
    return arrays


PARAMETERS = [
    ("weight x", "", {}),
    ("weight x", "--stride 2 --padding 1", {"stride": 2, "padding": 1}),
    ("weight x", "--stride 2,1 --padding 1,2", {"stride": (2, 1), "padding": (1, 2)}),
    ("weight x", "--padding (1,2),(0,1)", {"padding": ((1, 2), (0, 1))}),
    ("weight x", "--padding=-1,2", {"padding": (-1, 2)}),
    ("weight x", "--padding same --stride 2", {"padding": "same", "stride": 2}),
    ("weight x", "--padding full --dilation 1,2", {"padding": "full", "dilation": (1, 2)}),
    (
        "weight x",
        "--padding 2 --padding-mode symmetric,circular",
        {"padding": 2, "padding_mode": ("symmetric", "circular")},
    ),
    (
        "weight x",
        "--padding 2 --padding-mode reflect",
        {"padding": 2, "padding_mode": "reflect"},
    ),
    ("half x", "--groups 2 --flip", {"groups": 2, "flip": True}),
    ("bare image", "--no-channels --engine csr", {"channels": False, "engine": "csr"}),
    ("weight complex", "", {}),
]


@pytest.mark.parametrize(("arrays", "typed", "options"), PARAMETERS)
def test_apply_is_the_function_with_the_same_parameters(
    arrays: str, typed: str, options: dict[str, Any], files: Files
) -> None:
    weight, x = arrays.split()
    assert cli.main(["apply", f"{weight}.npy", f"{x}.npy", "-o", "out.npy", *typed.split()]) == 0
    wanted = st.conv(files[x], files[weight], **options)
    np.testing.assert_array_equal(np.load("out.npy"), wanted)


TRANSPOSED: list[tuple[str, dict[str, Any]]] = [
    ("--stride 2 --padding 1 --output-padding 1,0", {"output_padding": (1, 0)}),
    ("--stride 2 --padding 1 --output-size 10,7", {"output_size": (10, 7)}),
]


@pytest.mark.parametrize(("typed", "options"), TRANSPOSED)
def test_apply_transpose_is_the_transposed_convolution(
    typed: str, options: dict[str, Any], files: Files
) -> None:
    arguments = ["apply", "all.npz:weight", "all.npz:y", "--transpose", "-o", "out.npy"]
    assert cli.main([*arguments, *typed.split()]) == 0
    wanted = st.conv_transpose(files["y"], files["weight"], stride=2, padding=1, **options)
    np.testing.assert_array_equal(np.load("out.npy"), wanted)


def test_apply_says_what_it_wrote(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["apply", "one.npz", "x.npy", "-o", "out.npy", "--dtype", "float32"]) == 0
    assert capsys.readouterr().out == "wrote out.npy: (4, 7, 6), float64\n"


def test_apply_checks_the_samples_against_a_shape_that_is_given(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["apply", "weight.npy", "x.npy", "-o", "y.npy", "--in-shape", "6,5,5"]) == 2
    assert "`x` must have shape (..., 6, 5, 5); got (6, 9, 7)" in one_error_line(
        capsys.readouterr()
    )


def test_apply_works_in_a_pipe(files: Files, tmp_path: Path) -> None:
    first = run("apply", "weight.npy", cwd=tmp_path, stdin=Path("x.npy").read_bytes())
    second = run("apply", "weight.npy", "-", "--transpose", cwd=tmp_path, stdin=first.stdout)
    assert (first.stderr, second.stderr) == (b"", b"")
    op = st.Conv(files["weight"], files["x"].shape)
    wanted = op.T.apply(op.apply(files["x"]))
    np.testing.assert_array_equal(np.load(io.BytesIO(second.stdout)), wanted)


def test_a_weight_may_come_from_standard_input(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(Path("weight.npy").read_bytes()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert cli.main(["apply", "-", "x.npy", "-o", "out.npy"]) == 0
    np.testing.assert_array_equal(np.load("out.npy"), st.conv(files["x"], files["weight"]))


@pytest.mark.parametrize("name", ["C.npz", "C.mtx", "C.MTX"])
def test_build_writes_what_scipy_reads(
    name: str, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build", "weight.npy", "--in-shape", "6,9,7", "--stride", "2", "-o", name]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == f"wrote {name}: 48 x 378, 1,728 entries, float64\n"
    read = scipy.sparse.load_npz if name.endswith("npz") else scipy.io.mmread
    wanted = st.conv_matrix(files["weight"], (6, 9, 7), stride=2)
    np.testing.assert_array_equal(read(name).toarray(), wanted.toarray())


def test_build_passes_on_the_options_of_a_matrix(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("sparse.npy", np.array([1.0, 0.0, 2.0]))
    typed = "--no-channels --in-shape 5 --transpose --drop-zeros --index-dtype int64 --json"
    more = "--dtype float32 --max-bytes 1000"
    assert cli.main(["build", "sparse.npy", "-o", "C.npz", *typed.split(), *more.split()]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == {
        "output": "C.npz",
        "shape": [7, 5],
        "nnz": 10,
        "dtype": "float32",
        "index_dtype": "int64",
        "in_shape": [5],
        "out_shape": [7],
    }
    wanted = st.conv_transpose_matrix([1.0, 0.0, 2.0], 5, channels=False)
    np.testing.assert_array_equal(scipy.sparse.load_npz("C.npz").toarray(), wanted.toarray())


def test_build_refuses_to_lose_the_digits_of_a_longdouble(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save("long.npy", files["bare"].astype(np.longdouble))
    arguments = ["build", "long.npy", "--no-channels", "--in-shape", "9,7", "-o"]
    assert cli.main([*arguments, "C.mtx"]) == 2
    assert "`--output` must end in .npz for " in one_error_line(capsys.readouterr())
    assert cli.main([*arguments, "C.npz"]) == 0


def test_a_matrix_that_would_not_fit_is_one_line_and_exit_code_2(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["build", "weight.npy", "--in-shape", "6,4000000,4000000", "-o", "C.npz"]
    assert cli.main(arguments) == 2
    line = one_error_line(capsys.readouterr())
    assert "`matrix` must fit in the memory that is available" in line
    assert "or use `Conv`" in line


def test_info_prints_the_table_of_the_operator(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", "weight.npy", "--in-shape", "6,4000000,4000000"]) == 0
    wanted = repr(st.Conv(files["weight"], (6, 4000000, 4000000)).info())
    assert capsys.readouterr().out == f"{wanted}\n"


def test_info_as_json_has_shapes_and_costs(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = "--transpose --in-shape 4,5,4 --stride 2 --json"
    assert cli.main(["info", "weight.npy", *typed.split()]) == 0
    facts = json.loads(capsys.readouterr().out)
    op = st.ConvTranspose(files["weight"], (4, 5, 4), stride=2)
    assert facts["in_shape"] == [4, 5, 4]
    assert facts["out_shape"] == list(op.out_shape)
    assert facts["shape"] == list(op.shape)
    assert facts["nnz"] == op.geometry.nnz
    assert facts["engine"] in facts["estimates"]
    assert facts["dtype"] == "float64"


def test_a_dtype_lets_half_precision_in(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    np.save("f2.npy", files["weight"].astype(np.float16))
    assert cli.main(["info", "f2.npy", "--in-shape", "6,9,7"]) == 2
    assert "float16" in one_error_line(capsys.readouterr())
    assert cli.main(["info", "f2.npy", "--in-shape", "6,9,7", "--dtype", "float32"]) == 0


REFUSED = [
    ("", "`--in-shape` must be given; got none"),
    ("--in-shape 6,9,7 --output-padding 1", "`output_padding` must go with a transposed"),
    ("--in-shape 6,9,7 --output-size 4", "`output_size` must go with a transposed convolution"),
    ("--in-shape 2,6,9,7", "`in_shape` must have 3 entries (C_in, H, W) for a 4-d weight; got 4"),
    ("--in-shape 6,9,7 --padding SAME", "It is 'same' here"),
    ("--in-shape 6,9,7 --padding-mode wrap", "It is 'circular' here"),
    ("--in-shape 6,9,7 --engine abacus", "`engine` must be one of 'auto', "),
    ("--in-shape 6,9,7 --groups 3", "`groups` must divide both channel counts"),
    ("--in-shape 6,9,7 --dtype int32", "`dtype` must hold the weight, which is float64"),
]


@pytest.mark.parametrize(("typed", "message"), REFUSED)
def test_what_the_library_refuses_is_one_line_and_exit_code_2(
    typed: str, message: str, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", "weight.npy", *typed.split()]) == 2
    assert message in one_error_line(capsys.readouterr())


UNREADABLE = [
    (["--in-shape", "3x64x64"], "must be ints such as 2 or 2,1; got '3x64x64'"),
    (["--stride", "1.5"], "must be ints such as 2 or 2,1; got '1.5'"),
    (["--stride", "9" * 5000], "must be ints such as 2 or 2,1; got "),
    (["--padding", "(1,2"], "must be ints such as 2 or 2,1; got '(1,2'"),
    (["--padding", "(" * 500], "must be ints such as 2 or 2,1; got "),
    (["--dtype", "float23"], "must be a NumPy dtype; got 'float23'"),
    (["--dtype", "(2"], "must be a NumPy dtype; got '(2'"),
    (["--strid", "2"], "unrecognized arguments: --strid"),
]


@pytest.mark.parametrize(("typed", "message"), UNREADABLE)
def test_an_argument_of_an_operator_that_cannot_be_read_names_its_form(
    typed: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(["info", "weight.npy", *typed])
    assert message in one_error_line(capsys.readouterr())
