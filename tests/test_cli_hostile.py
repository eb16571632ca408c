"""Whatever stands in the way, a command ends in one line and an exit code, and leaves nothing."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from cli_runs import ENVIRONMENT, PROGRAM, one_error_line, run

from sparse_tconv import cli

pytest.importorskip("dask.array")

BARE = "--no-channels"
APPLY = ["apply", "weight.npy", "x.npy", BARE, "-o"]
BUILD = ["build", "weight.npy", BARE, "--in-shape", "9", "-o"]
INFO = ["info", "weight.npy", BARE, "--in-shape", "9"]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("weight.npy", np.arange(1.0, 4.0))
    np.save("x.npy", np.arange(9.0))


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a command that fails with exit code 2, in the parser or after it."""
    try:
        code = cli.main(arguments)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    return one_error_line(capsys.readouterr())


@pytest.mark.parametrize(
    ("name", "encoding"), [("ü.npz", "ascii"), ("\udcff.npz", "ascii"), ("\udcff.mtx", "utf-8")]
)
def test_names_that_the_terminal_cannot_show_are_written_and_escaped(
    name: str, encoding: str, tmp_path: Path
) -> None:
    environment = ENVIRONMENT | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [*PROGRAM, *BUILD, os.fsencode(name)]
    answer = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment)
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert answer.stdout.startswith(b"wrote ")
    assert Path(name).exists()


def test_json_is_ascii_that_every_parser_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*BUILD, "ü.npz", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["output"] == "ü.npz"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        INFO,
        ["spectrum", *INFO[1:], "-o", "/dev/full"],
    ],
    ids=" ".join,
)
def test_what_a_full_device_does_not_take_is_told(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        answer = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env=ENVIRONMENT,
        )
    assert answer.returncode == 2
    assert answer.stderr.count(b"\n") == 1
    assert b"No space left on device" in answer.stderr


def test_links_in_a_circle_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.npy").symlink_to("b.npy")
    Path("b.npy").symlink_to("a.npy")
    assert "Too many levels of symbolic links" in told([*APPLY, "a.npy"], capsys)
    assert "Too many levels of symbolic links" in told(["info", "a.npy"], capsys)
    assert Path("a.npy").is_symlink()


@pytest.mark.parametrize("length", [246, 251, 255])
def test_the_longest_names_are_written(length: int) -> None:
    name = "n" * (length - 4) + ".npy"
    assert cli.main([*APPLY, name]) == 0
    assert cli.main([*APPLY, name, "--chunks", "4"]) == 0
    assert np.load(name).shape == (7,)
    assert len(list(Path().iterdir())) == 3


def test_names_that_no_file_has_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("n" * 256 + ".npy", "nul\0.npy"):
        assert "must be a file; got" in told([*APPLY, name], capsys)
        told(["info", name, BARE, "--in-shape", "9"], capsys)


HUGE = ["99999999999999999999", "9223372036854775807", "-9223372036854775808", "1" + 4000 * "0"]


@pytest.mark.parametrize("value", HUGE, ids=len)
@pytest.mark.parametrize("option", ["--padding", "--dilation", "--groups", "--in-shape"])
def test_numbers_without_end_are_told(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["info", "weight.npy", BARE, "--in-shape=9", "--padding-mode=replicate"]
    line = told([*arguments, f"{option}={value}"], capsys)
    names = (
        option[2:],
        option[2:].replace("-", "_"),
        "sizes must keep an axis within 2^59 positions",
    )
    assert any(name in line for name in names)


@pytest.mark.parametrize("value", ["99999999999999999999", "0", "-1", "(" * 2000, "-" * 500 + "1"])
def test_chunks_without_sense_are_told(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = told([*APPLY, "y.npy", f"--chunks={value}"], capsys)
    assert "chunks" in line
    assert not Path("y.npy").exists()


MODULES = {
    "raises": "def __getattr__(name):\n    raise RuntimeError('no way')\n",
    "absent": "def __getattr__(name):\n    raise AttributeError(name)\n",
    "leaves": "import sys\ndef forward(x):\n    sys.exit(7)\nadjoint = forward\n",
    "leaves_early": "raise SystemExit(7)\n",
    "stops": "class Own:\n    shape = property(lambda self: 1 // 0)\nforward = Own()\n",
    "prints": (
        "import atexit, os, sys\nprint('on import')\natexit.register(print, 'at exit')\n"
        "def forward(x):\n    print('forward')\n    os.write(1, b'below')\n"
        "    sys.__stdout__.write('around')\n    os.system('echo child')\n    return 2 * x\n"
        "adjoint = forward\n"
    ),
}
SAID = {
    "raises": "`forward` must be readable; got 'raises:forward': RuntimeError: no way.",
    "absent": "`forward` must exist; got 'absent:forward', but absent has no 'forward'.",
    "leaves": "got 'leaves:forward': SystemExit: 7.",
    "leaves_early": "`forward` must be importable; got 'leaves_early:forward': SystemExit: 7.",
}


@pytest.mark.parametrize("name", SAID)
def test_a_users_module_may_raise_and_leave(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"{name}.py").write_text(MODULES[name])
    arguments = ["check", f"{name}:forward", f"{name}:adjoint", "--in-shape", "3"]
    assert SAID[name] in told(arguments, capsys)


def test_a_users_operator_may_raise_when_it_is_looked_at(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("stops.py").write_text(MODULES["stops"])
    assert "got 'stops:forward': " in told(["check", "stops:forward"], capsys)


def test_json_is_json_whatever_users_code_prints(tmp_path: Path) -> None:
    Path("prints.py").write_text(MODULES["prints"])
    check = ["check", "prints:forward", "prints:adjoint", "--in-shape", "3", "--trials", "1"]
    answer = run(*check, "--json", cwd=tmp_path)
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["passed"] is True
    for word in (b"on import", b"forward", b"below", b"around", b"child", b"at exit"):
        assert word in answer.stderr


def test_a_pipe_is_read_as_a_file_is(tmp_path: Path) -> None:
    script = f"{' '.join(PROGRAM)} info <(cat weight.npy) {BARE} --in-shape 9"
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=tmp_path, env=ENVIRONMENT
    )
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert answer.stdout == run(*INFO, cwd=tmp_path).stdout


def test_an_archive_may_come_from_a_pipe(tmp_path: Path) -> None:
    np.savez_compressed("w.npz", w=np.ones(3))
    answer = run(
        "info", "-", BARE, "--in-shape", "9", cwd=tmp_path, stdin=Path("w.npz").read_bytes()
    )
    assert answer.returncode == 0
    assert (
        b"must be an array in .npz format"
        in run(
            "info",
            "-",
            BARE,
            "--in-shape",
            "9",
            cwd=tmp_path,
            stdin=Path("w.npz").read_bytes()[:-9],
        ).stderr
    )


ENDLESS = {
    "zeros": b"",
    "a header that never ends": b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    "an array as large as memory": b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117)
    + b"\n",
    "an array, and more": None,
}


@pytest.mark.parametrize("what", ENDLESS)
def test_of_an_endless_pipe_no_more_is_read_than_an_array_takes(what: str, tmp_path: Path) -> None:
    start = ENDLESS[what]
    Path("start").write_bytes(Path("weight.npy").read_bytes() if start is None else start)
    script = (
        f"ulimit -v 4000000; (cat start; cat /dev/zero) | {' '.join(PROGRAM)}"
        f" info - {BARE} --in-shape 9"
    )
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=tmp_path, env=ENVIRONMENT, timeout=120
    )
    assert (answer.returncode, answer.stderr.count(b"\n")) == ((0, 0) if start is None else (2, 1))


def test_an_archive_from_a_pipe_is_read_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sparse_tconv.cli._arrays._LARGEST_ARCHIVE", 5000)
    stdin = io.TextIOWrapper(io.BytesIO(b"PK\x03\x04" + bytes(1 << 22)))
    monkeypatch.setattr(sys, "stdin", stdin)
    line = told(["info", "-", BARE, "--in-shape", "9"], capsys)
    assert "`weight` must be of at most 5,000 bytes to come from a pipe" in line


@pytest.mark.parametrize("where", ["/dev/stdout", "link.npy"])
def test_standard_output_by_name_gets_the_array_alone(where: str, tmp_path: Path) -> None:
    Path("link.npy").symlink_to("/dev/stdout")
    answer = run(*APPLY, where, cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert np.load(io.BytesIO(answer.stdout)).shape == (7,)


def test_what_is_said_of_a_matrix_on_standard_output_is_said_beside_it(tmp_path: Path) -> None:
    with Path("C.npz").open("wb") as out:
        command = [*PROGRAM, *BUILD, "/dev/stdout"]
        answer = subprocess.run(
            command, stdout=out, stderr=subprocess.PIPE, cwd=tmp_path, env=ENVIRONMENT
        )
    assert answer.returncode == 0
    assert answer.stderr.startswith(b"wrote /dev/stdout: 7 x 9")
    assert scipy.sparse.load_npz("C.npz").shape == (7, 9)


def test_without_standard_error_an_error_is_an_exit_code(tmp_path: Path) -> None:
    script = f"{' '.join(PROGRAM)} info missing.npy 2>&-"
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=tmp_path, env=ENVIRONMENT
    )
    assert (answer.returncode, answer.stdout) == (2, b"")


def test_a_reader_that_goes_is_no_error(tmp_path: Path) -> None:
    script = f"set -o pipefail; {' '.join(PROGRAM)} apply weight.npy x.npy {BARE} | true; echo $?"
    answer = subprocess.run(
        ["bash", "-c", script], capture_output=True, cwd=tmp_path, env=ENVIRONMENT
    )
    assert answer.stderr == b""
    assert answer.stdout.strip() in (b"0", b"141")


def test_a_picture_may_be_restored_in_its_place(rng: np.random.Generator) -> None:
    image = pytest.importorskip("PIL.Image")
    image.fromarray(rng.integers(0, 256, (24, 20), dtype=np.uint8)).save("p.png")
    before = Path("p.png").read_bytes()
    assert cli.main(["deblur", "p.png", "--psf", "gauss:1", "--damp", "0.1", "-o", "p.png"]) == 0
    assert Path("p.png").read_bytes() != before
    with image.open("p.png") as restored:
        assert restored.size == (20, 24)


def test_broken_pictures_are_told(
    rng: np.random.Generator, settings_count, capsys: pytest.CaptureFixture[str]
) -> None:
    image = pytest.importorskip("PIL.Image")
    picture = image.fromarray(rng.integers(0, 256, (24, 20, 3), dtype=np.uint8))
    for number in range(settings_count(50)):
        suffix = ("png", "jpg", "tif", "bmp", "webp")[number % 5]
        picture.save(f"p.{suffix}")
        damaged = np.frombuffer(Path(f"p.{suffix}").read_bytes(), np.uint8).copy()
        damaged[rng.integers(damaged.size, size=9)] = rng.integers(256, size=9)
        kept = damaged.size if rng.random() < 0.5 else rng.integers(1, damaged.size)
        Path(f"p.{suffix}").write_bytes(damaged[:kept].tobytes())
        command = ["deblur", f"p.{suffix}", "--psf", "gauss:1", "--damp", "0.1", "-o", "out.png"]
        code, lines = cli.main(command), capsys.readouterr().err.splitlines()
        told = all(line.startswith("finding: ") for line in lines)
        assert (code, told) == (0, True) or (code, len(lines)) == (2, 1)
        assert not any(path.name.startswith(".") for path in Path().iterdir())
