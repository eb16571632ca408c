"""The command line, tried as a user would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from cli_runs import ENVIRONMENT, PROGRAM, one_error_line, run
from matplotlib.figure import Figure

import sparse_tconv
from sparse_tconv import cli, demo
from sparse_tconv.errors import GeometryError, MissingExtraError

COMMANDS = ("demo", "info", "build", "apply", "check", "spectrum", "deblur", "compile")


@pytest.fixture(scope="module")
def result() -> demo.Demo:
    return demo.run(size=96)


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    out = capsys.readouterr().out
    assert all(f"    {command} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_shows_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main([command, "--help"])
    usage, _, examples = capsys.readouterr().out.partition("examples:\n")
    assert usage.startswith(f"usage: sparse-tconv {command}")
    assert f"  sparse-tconv {command}" in examples
    assert max(map(len, usage.splitlines())) < 80


LOADED = """
import sys
import sparse_tconv.cli
heavy = {"matplotlib", "PIL", "onnx", "dask", "torch", "tqdm", "numba", "pylops"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_command_line_loads_optional_packages_only_where_it_uses_them(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, cwd=tmp_path, env=ENVIRONMENT
    )
    assert (answer.stdout, answer.stderr) == (b"[]\n", b"")


def test_version_is_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"sparse-tconv {sparse_tconv.__version__}\n"


def test_demo_as_a_module_prints_a_table_and_writes_a_picture(tmp_path: Path) -> None:
    answer = run("demo", "--size", "64", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stderr == b""
    for row in ("photograph", "C ", "assembly", "adjoint gap", "PSNR enlarged", "PSNR restored"):
        assert any(line.startswith(row) for line in answer.stdout.decode().splitlines())
    picture = tmp_path / "sparse-tconv-demo.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_demo_without_a_plot_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["demo", "--size", "64", "--no-plot"]) == 0
    assert "PSNR restored" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_demo_restores_more_than_it_was_given(result: demo.Demo) -> None:
    before = demo.psnr(result.enlarged, result.original)
    assert demo.psnr(result.restored, result.original) > before + 1.0


def test_demo_gap_is_at_the_level_of_rounding(result: demo.Demo) -> None:
    assert result.report
    assert result.report.gap <= 8 * np.finfo(np.float64).eps * demo.PSF_SIDE


def test_demo_gives_the_same_pictures_every_time(result: demo.Demo) -> None:
    np.testing.assert_array_equal(demo.run(size=96).data, result.data)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["demo", "--size", "large"], "invalid int value: 'large'"),
        (["demo", "--output", "picture.jpg"], "must end in .png; got 'picture.jpg'"),
        (["demo", "--output", "nowhere/picture.png"], "the directory 'nowhere' does not exist"),
    ],
    ids=" ".join,
)
def test_an_argument_that_cannot_be_read_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(arguments)
    assert message in one_error_line(capsys.readouterr())


def test_a_directory_as_output_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "picture.png"
    directory.mkdir()
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(["demo", "--output", str(directory)])
    assert "is a directory" in one_error_line(capsys.readouterr())


@pytest.mark.parametrize(("size", "nearest"), [(31, 32), (601, 600), (-5, 32)])
def test_a_size_out_of_range_names_the_nearest_one(size: int, nearest: int) -> None:
    with pytest.raises(GeometryError, match=f"from 32 to 600; got {size}. Use {nearest}."):
        demo.run(size)


@pytest.mark.parametrize("size", [64.0, "64", True, None])
def test_a_size_that_is_no_int_is_refused(size: object) -> None:
    with pytest.raises(GeometryError, match=r"`size` must be an int from 32 to 600; got "):
        demo.run(size)  # type: ignore[arg-type]


def test_an_error_of_the_library_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["demo", "--size", "8"]) == 2
    assert "`size` must be" in one_error_line(capsys.readouterr())


@pytest.mark.parametrize("package", ["matplotlib", "PIL"])
def test_a_missing_extra_is_told_with_its_pip_line(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in [package, "PIL.Image", "matplotlib.cbook"]:
        if module.startswith(package):
            monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparse_tconv\[demo\]'"):
        demo.photograph(64)
    assert cli.main(["demo", "--size", "64"]) == 2
    assert "pip install 'sparse_tconv[demo]'" in one_error_line(capsys.readouterr())


def test_a_picture_that_cannot_be_written_is_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "picture.png")

    monkeypatch.setattr(demo, "draw", refuse)
    assert cli.main(["demo", "--size", "64", "--output", str(tmp_path / "picture.png")]) == 2
    assert "Permission denied: 'picture.png'" in capsys.readouterr().err


def test_an_interrupt_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", interrupt)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr() == ("", "")


def test_an_interrupt_leaves_no_half_written_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Figure, file: BinaryIO, **__: object) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", interrupted)
    assert cli.main(["demo", "--size", "64", "--output", str(tmp_path / "picture.png")]) == 130
    assert list(tmp_path.iterdir()) == []


SLOW = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background inherits none
def forward(x):
    print("begun", flush=True)
    time.sleep(60)
"""


def test_ctrl_c_ends_a_command_quietly(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    arguments = ["check", "slow:forward", "slow:forward", "--in-shape", "3"]
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate() == (b"", b"")
    assert process.returncode == 130


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.ones(3))
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        answer = subprocess.run(
            [*PROGRAM, "info", "w.npy", "--no-channels", "--in-shape", "9"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=ENVIRONMENT,
        )
    assert answer.stderr == ""
    assert answer.returncode == 141


def test_output_that_cannot_be_delivered_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full:
        def write(self, text: str) -> int:
            return len(text)

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def fileno(self) -> int:
            raise OSError(9, "no file")

    monkeypatch.setattr(sys, "stdout", Full())
    assert cli.main([]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_an_error_of_memory_is_one_line_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def exhausted(_: int) -> None:
        raise MemoryError

    monkeypatch.setattr(demo, "run", exhausted)
    assert cli.main(["demo"]) == 2
    assert one_error_line(capsys.readouterr()).endswith("MemoryError")
