"""``sparse-tconv check``: convolutions of the library, and pairs of the user's own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_runs import one_error_line, run

from sparse_tconv import cli

MINE = """
import numpy as np
from scipy.sparse.linalg import aslinearoperator

w = np.array([1.0, 2.0, 4.0])
operator = aslinearoperator(np.triu(np.ones((4, 4))))

def forward(x):
    return np.convolve(x, w)

def adjoint(y):
    return np.correlate(y, w, "valid")

def not_flipped(y):
    return np.convolve(y, w, "valid")

def raising(y):
    raise RuntimeError("no\\nway")

def two(pair):
    return pair[0] + 2 * pair[1]

def two_adjoint(y):
    return y, 2 * y

class Space:
    adjoint = staticmethod(adjoint)
"""
PAIR = ["check", "own_pair:forward", "own_pair:adjoint"]


@pytest.fixture(autouse=True)
def own_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A user's module in the working directory, forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("own_pair.py").write_text(MINE)
    Path("own_broken.py").write_text("raise RuntimeError('no\\nway')")
    Path("own_exit.py").write_text("raise SystemExit")
    before = list(sys.path)
    yield
    for name in ("own_pair", "own_broken", "own_exit"):
        sys.modules.pop(name, None)
    assert sys.path == before


@pytest.mark.parametrize(
    "arguments",
    [
        [*PAIR, "--in-shape", "9"],
        [*PAIR, "--in-shape", "9", "--out-shape", "11", "--dtype", "float64", "--trials", "3"],
        ["check", "own_pair:forward", "own_pair:Space.adjoint", "--in-shape", "9"],
        ["check", "own_pair:two", "own_pair:two_adjoint", "--in-shape", "(3,4),(3,4)"],
        ["check", "own_pair:operator"],
    ],
    ids=" ".join,
)
def test_a_right_pair_passes(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out.startswith("AdjointReport: passed\n")


def test_a_wrong_pair_fails_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "own_pair:forward", "own_pair:not_flipped", "--in-shape", "9"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("AdjointReport: FAILED\n")
    assert "kernel not flipped or flipped twice" in out


def test_a_wrong_pair_as_json_has_gap_and_diagnosis(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "own_pair:forward", "own_pair:not_flipped", "--in-shape", "9", "--json"]
    assert cli.main([*arguments, "--seed", "5"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["passed"] is False
    assert facts["gap"] > 0.1
    assert facts["seed"] == 5
    assert facts["diagnosis"][0]["cause"] == "kernel not flipped or flipped twice"


def test_a_pair_too_large_to_diagnose_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "own_pair:forward", "own_pair:not_flipped", "--in-shape", "20000"]
    assert cli.main(arguments) == 1
    assert "Diagnosis: none. `in_shape` and `out_shape` must have" in capsys.readouterr().out


def test_a_function_that_raises_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "own_pair:forward", "own_pair:raising", "--in-shape", "9"]
    assert cli.main([*arguments, "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert facts["gap"] is None
    assert facts["findings"][0]["evidence"] == "the adjoint raised RuntimeError: no way"


def test_a_convolution_of_the_library_passes(capsys: pytest.CaptureFixture[str]) -> None:
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 2)) * (1 + 1j)
    np.save("weight.npy", weight)
    typed = "--in-shape 3,8,7 --padding 2 --padding-mode symmetric,reflect --stride 2"
    assert cli.main(["check", "weight.npy", *typed.split()]) == 0
    out = capsys.readouterr().out
    assert "(3, 8, 7) complex128 -> (4, 5, 5) complex128" in out


REFUSED = [
    ([*PAIR], "`in_shape` must be given when `op` is a callable"),
    (["check", "own_pair:forward", "--in-shape", "9"], "`adjoint` must be a callable"),
    ([*PAIR, "--in-shape", "9", "--stride", "2"], "`--stride` must go with a weight"),
    ([*PAIR, "--in-shape", "9", "--no-channels"], "`--no-channels` must go with a weight"),
    ([*PAIR, "--in-shape", "9", "--padding-mode", "zeros"], "`--padding-mode` must go with"),
    ([*PAIR, "--in-shape", "9", "--trials", "0"], "`trials` must be an int of at least 1"),
    (["check", "own_pair:nothing", "own_pair:adjoint"], "own_pair has no 'nothing'"),
    (["check", "own_pair:forward", "adjoint"], "`adjoint` must be MODULE:NAME; got 'adjoint'"),
    (["check", "own_pair", "own_pair:adjoint"], "`forward` must be MODULE:NAME; got 'own_pair'"),
    (["check", "own_broken:forward"], "'own_broken:forward': RuntimeError: no way"),
    (["check", "own_exit:forward"], "'own_exit:forward': SystemExit"),
    (["check", "own_nowhere:forward"], "No module named 'own_nowhere'"),
    (["check", "weight.npy"], "No such file or directory: 'weight.npy'"),
    (["check", "all.npz:weight"], "No such file or directory: 'all.npz'"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_cannot_be_checked_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert message in one_error_line(capsys.readouterr())


# What is still alive when the result is there, and would write a second one or into it.
ALIVE = {
    "forks that come back": "import os\nfork = iter([os.fork])\n"
    "def forward(x):\n    next(fork, int)()\n    return 2 * x\n",
    "a thread that prints all the time, and after the end": "import sys, threading\n"
    "def prints(out=sys.__stdout__, end=threading.main_thread()):\n"
    "    while end.is_alive():\n        print('now', flush=True)\n        end.join(0.001)\n"
    "    out.write('late')\n    out.flush()\n"
    "threading.Thread(target=prints).start()\ndef forward(x):\n    return 2 * x\n",
    "a stream that was closed": "import sys\nsys.__stdout__.close()\n"
    "def forward(x):\n    return 2 * x\n",
}


@pytest.mark.parametrize("code", ALIVE.values(), ids=ALIVE)
def test_json_is_one_document_whatever_a_users_code_leaves_running(
    code: str, tmp_path: Path
) -> None:
    Path("own_alive.py").write_text(f"{code}adjoint = forward\n")
    command = ["check", "own_alive:forward", "own_alive:adjoint", "--in-shape", "3", "--json"]
    answer = run(*command, "--trials", "1", cwd=tmp_path)
    assert answer.returncode == 0
    assert json.loads(answer.stdout)["passed"] is True
    assert b"Traceback" not in answer.stderr


BASES = {
    "import": "class Own(BaseException): pass\nraise Own('no\\nway')\n",
    "attribute": "def __getattr__(name): raise GeneratorExit('no way')\n",
    "look": "class Own:\n    def __getattr__(self, name): raise BaseException('no way')\n"
    "forward = Own()\n",
    "call": "def forward(x): raise BaseException('no way')\n",
}


@pytest.mark.parametrize("where", BASES)
def test_exceptions_outside_exception_are_told(
    where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"own_base_{where}"
    Path(f"{name}.py").write_text(BASES[where])
    assert cli.main(["check", f"{name}:forward", f"{name}:forward", "--in-shape", "3"]) == 2
    assert "no way" in one_error_line(capsys.readouterr())
    sys.modules.pop(name, None)
