"""Files and streams that are not what they should be, and places that cannot be written to."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from cli_runs import one_error_line

from sparse_tconv import cli

INFO = ["--in-shape", "3,8,8"]
APPLY = ["apply", "weight.npy", "x.npy", "-o"]
BUILD = ["build", "weight.npy", *INFO, "-o"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 3, 3, 3))
    np.save("weight.npy", weight)
    np.save("x.npy", rng.standard_normal((3, 8, 8)))
    np.savez("two.npz", a=weight, b=weight)
    np.savez("none.npz")
    np.save("pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.savez("pickled.npz", np.array([{}], dtype=object))
    np.save("words.npy", np.array(["a", "b"]))
    np.save("record.npy", np.zeros(3, dtype=[("a", "f4")]))
    np.save("scalar.npy", np.float64(3))
    np.save("empty.npy", np.zeros((0, 3, 3, 3)))
    Path("nothing.npy").touch()
    Path("text.npy").write_text("1 2 3")
    Path("folder.npy").mkdir()
    complete = Path("weight.npy").read_bytes()
    for size in (8, 60, 500):
        Path(f"first{size}.npy").write_bytes(complete[:size])
    archive = Path("two.npz").read_bytes()
    Path("first.npz").write_bytes(archive[:900])
    Path("damaged.npz").write_bytes(archive[:200] + b"\xff" * 50 + archive[250:])
    Path("huge.npy").write_bytes(_header("(1000000000000000,)") + b"123")
    Path("absurd.npy").write_bytes(_header("(1" + 30 * "0" + ",)") + b"123")
    Path("negative.npy").write_bytes(_header("(-5,)") + b"123")


def _header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


BAD = [
    ("missing.npy", "No such file or directory: 'missing.npy'"),
    ("folder.npy", "folder.npy"),  # what the system says of a directory
    ("text.npy", "`weight` must be a .npy or .npz file; got 'text.npy', which is neither"),
    ("nothing.npy", "`weight` must be a .npy or .npz file; got 'nothing.npy'"),
    ("pickled.npy", "`weight` must hold numbers; got Python objects in 'pickled.npy'"),
    ("pickled.npz", "`weight` must hold numbers; got Python objects in 'pickled.npz'"),
    ("first8.npy", "got 'first8.npy' with a header of 0 bytes"),
    ("first60.npy", "got 'first60.npy' with a header that is none"),
    ("first500.npy", "got 'first500.npy' with 372 bytes where its header speaks of 864"),
    ("first.npz", "got 'first.npz': File is not a zip file"),
    ("damaged.npz:a", "got 'damaged.npz:a': "),
    ("huge.npy", "3 bytes where its header speaks of 8,000,000,000,000,000"),
    ("absurd.npy", "got 'absurd.npy' with a header that says (10000"),
    ("negative.npy", "got 'negative.npy' with a header that says (-5,)"),
    ("two.npz", "got 'two.npz', which has 2: a, b. Write two.npz:a."),
    ("two.npz:c", "got 'two.npz:c'. Its arrays are: a, b."),
    ("none.npz", "got 'none.npz', which has 0: none."),
    ("words.npy", "`weight` must hold numbers; got <U1"),
    ("record.npy", "`weight` must hold numbers; got [('a', '<f4')]"),
    ("scalar.npy", "`weight` must have at least 3 axes"),
    ("empty.npy", "must have no axis of length 0"),
]


@pytest.mark.parametrize(("name", "message"), BAD)
def test_a_bad_file_is_one_line_and_exit_code_2(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", name, *INFO]) == 2
    assert message in one_error_line(capsys.readouterr())


def test_no_damage_to_a_file_gives_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    for name in ("weight.npy", "two.npz"):
        whole = np.frombuffer(Path(name).read_bytes(), np.uint8)
        for _ in range(100):
            damaged = whole.copy()
            damaged[rng.integers(min(len(whole), 300), size=3)] = rng.integers(256, size=3)
            Path("now").write_bytes(damaged[: rng.integers(1, len(whole) + 1)].tobytes())
            source = "now" if name.endswith("npy") else "now.npz:a"
            Path("now").replace(source.partition(":")[0])
            code = cli.main(["info", source, *INFO])
            captured = capsys.readouterr()
            assert (code, captured.err.count("\n")) in [(0, 0), (2, 1)]


def test_a_file_may_have_a_colon_in_its_name() -> None:
    Path("two.npz").replace("odd.npz:name.npz")
    assert cli.main(["info", "odd.npz:name.npz:b", *INFO]) == 0
    Path("weight.npy").replace("a.npz:b")
    assert cli.main(["info", "a.npz:b", *INFO]) == 0


def test_a_truncated_stream_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(Path("x.npy").read_bytes()[:300]))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert cli.main(["apply", "weight.npy", "-o", "y.npy"]) == 2
    assert "`x` must be a whole array in .npy format" in one_error_line(capsys.readouterr())
    assert not Path("y.npy").exists()


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("closed", [False, True])
def test_a_terminal_is_neither_read_nor_written_to(
    closed: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None if closed else _Terminal(io.BytesIO()))
        assert cli.main(["apply", "weight.npy", "-o", "y.npy"]) == 2
    assert "`x` must come from a file or a pipe" in one_error_line(capsys.readouterr())
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None if closed else _Terminal(io.BytesIO()))
        assert cli.main(["apply", "weight.npy", "x.npy"]) == 2
    assert "`--output` must be a file or a pipe" in one_error_line(capsys.readouterr())


def test_one_stream_holds_one_array(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["apply", "-", "-", "-o", "y.npy"]) == 2
    assert "must not both come from standard input" in one_error_line(capsys.readouterr())


BAD_PLACES = [
    ([*APPLY, "y.txt"], "must end in .npy; got 'y.txt'. Write y.npy."),
    ([*APPLY, "folder.npy"], "got 'folder.npy', which is a directory"),
    ([*APPLY, "x.npy/y.npy"], "the directory 'x.npy' does not exist"),
    ([*BUILD, "C.txt"], "must end in .npz or .mtx; got 'C.txt'. Write C.npz."),
    ([*BUILD, "nowhere/C.mtx"], "the directory 'nowhere' does not exist"),
    (BUILD[:-1], "the following arguments are required: -o/--output"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD_PLACES)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_computed(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(arguments)
    assert message in one_error_line(capsys.readouterr())


@pytest.mark.parametrize("arguments", [[*APPLY, "y.npy"], [*BUILD, "y.npz"]], ids=" ".join)
def test_a_directory_without_write_permission_is_one_line_and_names_the_file(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    assert cli.main(arguments) == 2
    line = one_error_line(capsys.readouterr())
    assert line.endswith(f"Permission denied: {arguments[-1]!r}")


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt, 130), (OSError(28, "No space left on device"), 2)]
)
@pytest.mark.parametrize(
    ("module", "writer", "arguments"),
    [(np, "save", [*APPLY, "out.npy"]), (scipy.io, "mmwrite", [*BUILD, "out.mtx"])],
    ids=["apply", "build"],
)
def test_a_file_is_written_whole_or_not_at_all(
    module: Any,
    writer: str,
    arguments: list[str],
    failure: Any,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def half(file: Any, *_: object, **__: object) -> None:
        file.write(b"half")
        raise failure

    Path(arguments[-1]).write_text("the old file")
    before = sorted(Path().iterdir())
    monkeypatch.setattr(module, writer, half)
    assert cli.main(arguments) == code
    assert sorted(Path().iterdir()) == before
    assert Path(arguments[-1]).read_text() == "the old file"


def test_a_file_that_is_replaced_keeps_its_permissions_and_its_links() -> None:
    Path("old.npy").touch(mode=0o640)
    Path("link.npy").symlink_to("old.npy")
    assert cli.main([*APPLY, "link.npy"]) == 0
    assert Path("link.npy").is_symlink()
    assert Path("old.npy").stat().st_mode & 0o777 == 0o640
    assert np.load("old.npy").shape == (4, 6, 6)


def test_a_named_pipe_is_written_into_not_replaced() -> None:
    os.mkfifo("pipe.npy")
    reader = os.open("pipe.npy", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert cli.main([*APPLY, "pipe.npy"]) == 0
        assert np.load(io.BytesIO(os.read(reader, 1 << 16))).shape == (4, 6, 6)
    finally:
        os.close(reader)
    assert Path("pipe.npy").is_fifo()
