"""``sparse-tconv spectrum``: what the table says is what the matrix has."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from cli_runs import one_error_line, run

import sparse_tconv as st
from sparse_tconv import cli
from sparse_tconv.analysis import _summary

SMALL = ["spectrum", "weight.npy", "--in-shape", "2,7,6", "--padding", "1"]


@pytest.fixture(autouse=True)
def weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Kernels in the working directory."""
    monkeypatch.chdir(tmp_path)
    found = np.random.default_rng(0).standard_normal((3, 2, 3, 3))
    np.save("weight.npy", found)
    np.save("complex.npy", found * (1 + 2j))
    np.save("difference.npy", np.array([1.0, -1.0]))
    np.save("zero.npy", np.zeros(3))
    np.save("nan.npy", np.full(3, np.nan))
    return found


def facts(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    """What a command says as JSON."""
    assert cli.main([*arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, str]:
    """The lines of a command's table, the operator's apart, by name."""
    assert cli.main([*arguments]) == 0
    operator, *lines = capsys.readouterr().out.splitlines()
    assert operator.startswith("<Conv")
    return {line[:9].strip(): line[9:].strip() for line in lines}


def singular_values(weight: np.ndarray, **options: Any) -> np.ndarray:
    """By NumPy, from the matrix."""
    matrix = st.conv_matrix(weight, (2, 7, 6), padding=1, **options).toarray()
    return np.linalg.svd(matrix, compute_uv=False)


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("--padding-mode circular", {"padding_mode": "circular"}),
    ("--stride 2,1 --flip", {"stride": (2, 1), "flip": True}),
    ("--method dense", {}),
]


@pytest.mark.parametrize(("typed", "options"), OPTIONS)
def test_the_numbers_are_those_of_the_matrix(
    typed: str, options: dict[str, Any], weight: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = singular_values(weight, **options)
    found = facts(capsys, *SMALL, *typed.split())
    np.testing.assert_allclose(found["values"], wanted, rtol=0, atol=1e-12)
    assert found["rank"] == len(wanted)
    assert found["largest"] == pytest.approx(wanted[0], abs=1e-12)
    assert found["smallest"] == pytest.approx(wanted[-1], abs=1e-12)
    assert found["cond"] == pytest.approx(wanted[0] / wanted[-1], rel=1e-10)
    assert found["norm_lower"] <= wanted[0] <= found["norm_upper"]
    assert found["error"] < 1e-10


def test_the_table_says_the_same(weight: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = singular_values(weight)
    table = rows(capsys, *SMALL)
    assert table["complete"] == "proved"
    assert list(table) == [
        "shape",
        "rank",
        "largest",
        "smallest",
        "cond",
        "norm",
        "method",
        "error",
        "complete",
    ]
    assert table["shape"] == "126 x 84"
    assert table["rank"] == "84"
    assert float(table["largest"]) == pytest.approx(wanted[0], rel=1e-8)
    assert float(table["cond"]) == pytest.approx(wanted[0] / wanted[-1], rel=1e-8)
    assert table["error"].startswith("at most ")


@pytest.mark.parametrize("which", ["largest", "smallest"])
@pytest.mark.parametrize("method", ["auto", "dense", "gram", "lanczos"])
def test_a_few_values_are_those_of_the_end_asked_for(
    which: str, method: str, weight: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    if method == {"largest": "gram", "smallest": "lanczos"}[which]:
        method = "auto"
    wanted = singular_values(weight)
    wanted = wanted[:3] if which == "largest" else wanted[::-1][:3]
    found = facts(capsys, *SMALL, "-k", "3", "--which", which, "--method", method)
    np.testing.assert_allclose(found["values"], wanted, rtol=1e-8)
    assert found[which] == found["values"][0]


def test_a_few_smallest_values_give_the_condition_number_too(
    weight: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = singular_values(weight)
    found = facts(capsys, *SMALL, "--which", "smallest", "-k", "1", "--method", "qr")
    assert found["rank"] == len(wanted)
    assert found["cond"] == pytest.approx(wanted[0] / wanted[-1], rel=1e-8)


def test_what_a_few_largest_values_do_not_tell_is_not_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = facts(capsys, *SMALL, "-k", "2", "--method", "lanczos")
    assert [found[name] for name in ("rank", "smallest", "cond")] == [None] * 3
    table = rows(capsys, *SMALL, "-k", "2", "--method", "lanczos")
    assert table["smallest"] == table["rank"] == table["cond"] == "not found"
    assert table["note"] == "2 of 84 values; asked for the smallest, these are looked for"
    assert {"value 1", "value 2"} < set(table)


def test_zeros_among_the_values_are_seen(capsys: pytest.CaptureFixture[str]) -> None:
    periodic = [
        "--no-channels",
        "--in-shape",
        "8",
        "--padding",
        "(0,1),",
        "--padding-mode",
        "circular",
    ]
    table = rows(capsys, "spectrum", "difference.npy", *periodic)
    assert table["rank"] == "7"
    assert table["cond"].endswith(": the smallest may be zero")
    zero = ["spectrum", "zero.npy", "--no-channels", "--in-shape", "8"]
    assert rows(capsys, *zero)["cond"] == "inf"
    found = facts(capsys, *zero)
    assert (found["rank"], found["largest"], found["cond"]) == (0, 0.0, None)


def test_too_many_values_are_some_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_summary, "_MOST_ALL", 50)
    found = facts(capsys, *SMALL)
    assert (len(found["values"]), found["method"]) == (6, "lanczos")
    assert "value 6" in rows(capsys, *SMALL)
    monkeypatch.setattr(_summary, "_MOST_ITERATED", 50)
    found = facts(capsys, *SMALL)
    assert (found["values"], found["method"]) == (None, None)
    assert found["norm_lower"] <= found["norm_upper"]


def test_an_operator_without_structure_has_some_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    large = ["spectrum", "weight.npy", "--in-shape", "2,64,64"]
    assert facts(capsys, *large)["method"] == "lanczos"


HUGE = ["--in-shape", "2,40000,40000", "--padding", "1"]


@pytest.mark.parametrize("name", ["weight.npy", "complex.npy"])
@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_any_size_has_bounds_of_the_norm(
    name: str, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    table = rows(capsys, "spectrum", name, *HUGE, "--padding-mode", mode)
    lower, _, upper, *_ = table["norm"].split()
    assert 0 < float(lower) <= float(upper) < 1.01 * float(lower)
    assert table["note"] == "too large for all values; asked for one, the largest is looked for"


def test_a_tolerance_narrows_the_bounds_of_the_norm(capsys: pytest.CaptureFixture[str]) -> None:
    for width in ("0.5", "1e-2"):
        found = facts(capsys, "spectrum", "weight.npy", "--in-shape", "2,600,600", "--rtol", width)
        assert 0 < found["norm_lower"] <= found["norm_upper"]
        assert found["norm_upper"] - found["norm_lower"] <= float(width) * found["norm_upper"]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_values_are_drawn(suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*SMALL, "-o", f"values{suffix}"]) == 0
    assert capsys.readouterr().out.endswith(f"wrote values{suffix}\n")
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert Path(f"values{suffix}").read_bytes().startswith(start)


def test_a_plot_leaves_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert facts(capsys, *SMALL, "-k", "2", "-o", "values.png")["which"] == "largest"
    assert Path("values.png").is_file()


def test_an_interrupt_leaves_no_half_written_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure

    def interrupted(_: Figure, file: BinaryIO, **__: object) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    before = sorted(Path().iterdir())
    monkeypatch.setattr(Figure, "savefig", interrupted)
    assert cli.main([*SMALL, "-o", "values.png"]) == 130
    assert sorted(Path().iterdir()) == before


def test_a_pipe_in_and_a_pipe_out(tmp_path: Path) -> None:
    stdin = Path("weight.npy").read_bytes()
    answer = run("spectrum", "-", *SMALL[2:], "--json", cwd=tmp_path, stdin=stdin)
    assert answer.stderr == b""
    assert json.loads(answer.stdout)["shape"] == [126, 84]


REFUSED = [
    ("weight", "", "`--in-shape` must be given; got none"),
    ("weight", "--in-shape 2,7,6 -k 0", "`k` must be an int, at least 1; got 0"),
    ("weight", "--in-shape 2,7,6 -k 1000", "`k` must be between 1 and 60"),
    ("weight", "--in-shape 2,7,6 --method magic", "`method` must be one of 'auto', 'circular'"),
    ("weight", "--in-shape 2,7,6 --method circular", "got 'circular', but axis 0 is no circle"),
    ("weight", "--in-shape 2,40000,40000 -k 3", "`k` must be small enough for the vectors"),
    ("weight", "--in-shape 2,40000,40000 -o v.png", "`--output` must have values to draw"),
    ("weight", "--in-shape 2,7,6 --rtol -1", "`rtol` must be a number, at least 0; got -1.0"),
    ("nan", "--in-shape 8 --no-channels", "`op.weight` must be finite"),
    ("missing", "--in-shape 8", "No such file or directory: 'missing.npy'"),
]


@pytest.mark.parametrize(("name", "typed", "message"), REFUSED)
def test_what_has_no_spectrum_is_one_line_and_exit_code_2(
    name: str, typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["spectrum", f"{name}.npy", *typed.split()]) == 2
    assert message in one_error_line(capsys.readouterr())


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("--which middle", "invalid choice: 'middle'"),
        ("-k many", "invalid int value: 'many'"),
        ("-o values.jpg", "must end in .png or .svg or .pdf; got 'values.jpg'. Write values.png."),
        ("-o nowhere/values.png", "the directory 'nowhere' does not exist"),
    ],
)
def test_an_argument_of_a_spectrum_that_cannot_be_read_names_its_form(
    typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main([*SMALL, *typed.split()])
    assert message in one_error_line(capsys.readouterr())


def test_missing_matplotlib_is_told_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert cli.main([*SMALL, "-o", "values.png"]) == 2
    assert "pip install 'sparse_tconv[plot]'" in one_error_line(capsys.readouterr())
    assert cli.main(SMALL) == 0
