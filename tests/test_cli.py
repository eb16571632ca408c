"""The command line, tried as a user would."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sparse_tconv
from sparse_tconv import cli, demo
from sparse_tconv.errors import GeometryError, MissingExtraError

PROGRAM = [sys.executable, "-m", "sparse_tconv"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(sparse_tconv.__file__).parents[1])}


def _run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT
    )


@pytest.fixture(scope="module")
def result() -> demo.Demo:
    return demo.run(size=96)


def _one_error_line(captured: pytest.CaptureResult[str]) -> str:
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("sparse-tconv")
    return line


def test_no_arguments_print_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    assert "demo" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["demo", "--help"]], ids=" ".join)
def test_help_says_how_to_use_a_command(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(arguments)
    assert "usage: sparse-tconv" in capsys.readouterr().out


def test_version_is_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"sparse-tconv {sparse_tconv.__version__}\n"


def test_demo_as_a_module_prints_a_table_and_writes_a_picture(tmp_path: Path) -> None:
    answer = _run("demo", "--size", "64", cwd=tmp_path)
    assert answer.returncode == 0
    assert answer.stderr == ""
    for row in ("photograph", "C ", "assembly", "adjoint gap", "PSNR enlarged", "PSNR restored"):
        assert any(line.startswith(row) for line in answer.stdout.splitlines())
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
    assert message in _one_error_line(capsys.readouterr())


def test_a_directory_as_output_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "picture.png"
    directory.mkdir()
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(["demo", "--output", str(directory)])
    assert "is a directory" in _one_error_line(capsys.readouterr())


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
    assert "`size` must be" in _one_error_line(capsys.readouterr())


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
    assert "pip install 'sparse_tconv[demo]'" in _one_error_line(capsys.readouterr())


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


def test_a_reader_that_goes_away_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as closed:
        answer = subprocess.run(
            [*PROGRAM, "--version"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
    assert answer.stderr == ""
