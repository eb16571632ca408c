"""``sparse-tconv apply --chunks``: from one memory-mapped file into another."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import one_error_line, run, write_model

import sparse_tconv as st
from sparse_tconv import chunked, cli

da = pytest.importorskip("dask.array")

APPLY = ["apply", "weight.npy", "x.npy", "-o", "y.npy"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Arrays of small integers, whose sums are exact, in the working directory."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    arrays = {
        "weight": rng.integers(-9, 9, (4, 2, 3, 2)).astype(float),
        "bare": rng.integers(-9, 9, (3, 2)),
        "x": rng.integers(-9, 9, (3, 2, 9, 7)).astype(float),
        "y": rng.integers(-9, 9, (4, 5, 4)).astype(float),
        "image": rng.integers(-9, 9, (9, 7)),
        "complex": rng.integers(-9, 9, (2, 9, 7)) * (1 + 2j),
        "empty": np.zeros((0, 2, 9, 7)),
        "fortran": np.asfortranarray(rng.integers(-9, 9, (2, 9, 7)).astype(">f4")),
    }
    for name, array in arrays.items():
        np.save(f"{name}.npy", array)
    np.savez("all.npz", **arrays)
    np.save("half.npy", arrays["x"].astype(np.float16))
    np.save("pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    Path("cut.npy").write_bytes(Path("x.npy").read_bytes()[:300])
    Path("text.npy").write_text("1 2 3")
    Path("folder.npy").mkdir()
    return arrays


SAME = [
    ("weight x", "--chunks 4,3"),
    ("weight x", "--chunks 100"),
    ("weight x", "--chunks 2,1,5,2 --padding same --padding-mode symmetric"),
    ("weight x", "--chunks 2 --stride 2,1 --padding (1,2),(4,0) --padding-mode circular"),
    ("weight complex", "--chunks 3 --flip"),
    ("weight empty", "--chunks 3"),
    ("weight fortran", "--chunks 3,7"),
    ("weight x", "--chunks 4 --engine csr --dtype complex128"),
    ("bare image", "--chunks 4,2 --no-channels --padding full"),
    ("weight y", "--chunks 2,3 --transpose --stride 2 --output-size 11,8"),
    ("weight y", "--chunks 3 --transpose --padding 1 --padding-mode reflect"),
]


@pytest.mark.parametrize(("arrays", "typed"), SAME)
def test_chunks_give_what_the_command_gives_without_them(
    arrays: str, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weight, x = arrays.split()
    command = ["apply", f"{weight}.npy", f"{x}.npy", "-o"]
    _, _, *rest = typed.split()
    assert cli.main([*command, "whole.npy", *rest]) == 0
    assert cli.main([*command, "parts.npy", *typed.split()]) == 0
    whole, parts = np.load("whole.npy"), np.load("parts.npy")
    assert parts.dtype == whole.dtype
    np.testing.assert_array_equal(parts, whole)
    first, second = capsys.readouterr().out.splitlines()
    assert second == first.replace("whole", "parts")


def test_a_file_may_be_written_over_what_it_is_made_of(files: dict[str, np.ndarray]) -> None:
    assert cli.main([*APPLY[:3], "-o", "x.npy", "--chunks", "4"]) == 0
    np.testing.assert_array_equal(np.load("x.npy"), st.conv(files["x"], files["weight"]))
    assert not any(path.name.startswith(".") for path in Path().iterdir())


def test_a_layer_of_a_model_adds_its_bias() -> None:
    pytest.importorskip("onnx")
    arrays = write_model("model.onnx", [1, 3, 9, 8])
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 8)).astype(np.float32)
    np.save("x.npy", x)
    arguments = ["apply", "model.onnx:conv1", "x.npy", "-o", "y.npy", "--chunks", "4,5"]
    assert cli.main(arguments) == 0
    wanted = st.conv(x, arrays["w1"], arrays["b1"], padding=1)
    np.testing.assert_allclose(np.load("y.npy"), wanted, rtol=0, atol=1e-4)


def test_the_weight_may_come_from_standard_input(
    files: dict[str, np.ndarray], tmp_path: Path
) -> None:
    stdin = Path("weight.npy").read_bytes()
    answer = run("apply", "-", *APPLY[2:], "--chunks", "4", cwd=tmp_path, stdin=stdin)
    assert (answer.returncode, answer.stderr) == (0, b"")  # no bar: stderr is no terminal
    np.testing.assert_array_equal(np.load("y.npy"), st.conv(files["x"], files["weight"]))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = _Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    assert cli.main([*APPLY, "--chunks", "4"]) == 0
    assert "100% Completed" in stderr.getvalue()


REFUSED = [
    ("x", "--chunks 0", "`chunks` must be an int or one int per axis, at least 1; got 0"),
    ("x", "--chunks=-1", "`chunks` must be an int or one int per axis, at least 1; got -1"),
    ("x", "--chunks 1,2,3", "`chunks` must be an int or one int per axis (2 axes); got 3 entries"),
    ("x", "--chunks (1,2),3", "`chunks` must be an int or one int per axis, at least 1; got (1, 2"),
    ("all.npz", "--chunks 4", "`x` must be a .npy file to be read in chunks; got 'all.npz'"),
    ("all.npz:x", "--chunks 4", "`x` must be a .npy file to be read in chunks; got 'all.npz:x'"),
    ("-", "--chunks 4", "`x` must be a .npy file to be read in chunks; got '-'"),
    ("text", "--chunks 4", "`x` must be a .npy file to be read in chunks; got 'text.npy'"),
    ("missing", "--chunks 4", "No such file or directory: 'missing.npy'"),
    ("folder", "--chunks 4", "folder.npy"),
    ("pickled", "--chunks 4", "`x` must hold numbers; got Python objects in 'pickled.npy'"),
    ("cut", "--chunks 4", "got 'cut.npy' with 172 bytes where its header speaks of 3,024"),
    ("half", "--chunks 4", "`x` must be an integer dtype, or float32, float64"),
    ("x", "--chunks 4 --in-shape 2,9,8", "`x` must have shape (..., 2, 9, 8); got (3, 2, 9, 7)"),
    ("bare", "--chunks 4", "`in_shape` must have 3 entries (C_in, H, W) for a 4-d weight; got 2"),
]


@pytest.mark.parametrize(("x", "typed", "message"), REFUSED)
def test_what_cannot_go_in_chunks_is_one_line_and_exit_code_2(
    x: str, typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = x if x == "-" or "." in x else f"{x}.npy"
    before = sorted(Path().iterdir())
    assert cli.main(["apply", "weight.npy", source, "-o", "out.npy", *typed.split()]) == 2
    assert message in one_error_line(capsys.readouterr())
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("output", [[], ["-o", "-"]])
def test_a_stream_cannot_be_written_in_chunks(
    output: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([*APPLY[:3], *output, "--chunks", "4"]) == 2
    assert "`--output` must be a file to be written in chunks" in one_error_line(
        capsys.readouterr()
    )


def test_a_named_pipe_is_written_into_but_not_read_in_chunks(
    files: dict[str, np.ndarray], capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("pipe.npy")
    reader = os.open("pipe.npy", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert cli.main([*APPLY[:3], "-o", "pipe.npy", "--chunks", "4"]) == 0
        y = np.load(io.BytesIO(os.read(reader, 1 << 16)))
    finally:
        os.close(reader)
    np.testing.assert_array_equal(y, st.conv(files["x"], files["weight"]))
    capsys.readouterr()
    assert cli.main(["apply", "weight.npy", "pipe.npy", "-o", "y.npy", "--chunks", "4"]) == 2
    assert "`x` must be a .npy file" in one_error_line(capsys.readouterr())


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt, 130), (OSError(28, "No space left on device"), 2)]
)
def test_a_file_is_written_whole_or_not_at_all_in_chunks(
    failure: Any, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: Any, target: Any, **__: Any) -> None:
        target[0] = 1
        raise failure

    Path("y.npy").write_text("the old file")
    before = sorted(Path().iterdir())
    monkeypatch.setattr(da, "store", half)
    assert cli.main([*APPLY, "--chunks", "4"]) == code
    assert sorted(Path().iterdir()) == before
    assert Path("y.npy").read_text() == "the old file"


def test_a_full_disk_is_one_line_before_anything_is_computed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert cli.main([*APPLY, "--chunks", "4"]) == 2
    assert "No space left on device" in one_error_line(capsys.readouterr())


def test_missing_dask_is_told_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "dask.array", None)
    assert cli.main([*APPLY, "--chunks", "4"]) == 2
    assert "pip install 'sparse_tconv[dask]'" in one_error_line(capsys.readouterr())


def test_operators_and_their_adjoints_apply_to_dask_arrays(files: dict[str, np.ndarray]) -> None:
    op = st.Conv(files["weight"] * (1 - 2j), (2, 9, 7), stride=2)
    x = np.ascontiguousarray(files["complex"])
    y = op.apply(x)
    pairs = [(op, x), (op.T, y), (op.H, y), (op.T.H, x), (st.Affine(op, [1, 2, 3, 4]), x)]
    for mapped, sample in pairs:
        lazy = chunked.apply(mapped, da.from_array(sample, chunks=3))
        np.testing.assert_array_equal(lazy.compute(scheduler="sync"), mapped.apply(sample))


def test_a_wrong_operator_or_shape_for_a_dask_array_is_an_error(
    files: dict[str, np.ndarray],
) -> None:
    x = da.from_array(files["image"], chunks=3)
    with pytest.raises(st.DTypeError, match="`op` must be a Conv, ConvTranspose or Affine; got"):
        chunked.apply(files["weight"], x)
    with pytest.raises(st.ShapeError, match=r"`x` must have shape \(\.\.\., 2, 9, 7\); got \(9, 7"):
        chunked.apply(st.Conv(files["weight"], (2, 9, 7)), x)
