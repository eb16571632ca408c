"""What the pages and the help show is what happens. Their Python examples run as doctests."""

from __future__ import annotations

import re
import shlex
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

import sparse_tconv
from sparse_tconv import cli
from sparse_tconv.cli import _apply, _build, _check, _info
from sparse_tconv.inverse import Status
from sparse_tconv.testing import Cause

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]

PAIR = """
import numpy as np
from scipy.sparse.linalg import aslinearoperator
operator = aslinearoperator(np.eye(3))
def forward(x):
    return x[1:-1, 1:-1]
def adjoint(y):
    return np.pad(y, 1)
"""


def _commands(text: str, prompt: str) -> list[str]:
    """The commands in a text that need no shell."""
    lines = re.findall(rf"^{re.escape(prompt)}(sparse-tconv .*)$", text, re.MULTILINE)
    return [line for line in lines if "|" not in line]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands of the examples read."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((16, 3, 3, 3))
    np.save("weight.npy", weight)
    np.savez("model.npz", conv1=rng.standard_normal((16, 3, 3, 3)), conv2=weight)
    np.save("psf.npy", np.ones((3, 3)) / 9)
    np.save("x.npy", rng.standard_normal((3, 64, 64)))
    np.save("y.npy", rng.standard_normal((16, 32, 32)))
    Path("mymodule.py").write_text(PAIR)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_python_block_of_a_page_is_executed(page: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert all(block.startswith(">>> ") for block in blocks)
    # doctest takes what follows a result as part of it, up to an empty line.
    assert all(block.endswith("\n\n") for block in blocks)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_links_between_pages_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^```.*?^```|`[^`]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", prose):
        assert (page.parent / link).is_file(), link


@pytest.mark.parametrize("name", ["main job", "tests"])
def test_readme_holds_the_command_that_ci_reads(name: str) -> None:
    assert len(re.findall(rf"^- {name}: `[^`]+`$", README.read_text(), re.MULTILINE)) == 1


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("command", _commands(README.read_text(), "$ "))
def test_a_command_of_the_readme_works(command: str) -> None:
    assert cli.main(shlex.split(command)[1:]) == 0


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    "command",
    [
        command
        for module in (_info, _build, _apply, _check)
        for command in _commands(module.EXAMPLES, "  ")
    ],
)
def test_an_example_of_the_help_works(command: str) -> None:
    assert cli.main(shlex.split(command)[1:]) == 0


@pytest.mark.parametrize("kind", [Cause, Status])
def test_every_outcome_has_a_meaning_and_a_remedy_on_the_page(kind: type[Enum]) -> None:
    page = (ROOT / "docs" / "about" / "findings.md").read_text(encoding="utf-8")
    for name, member in kind.__members__.items():
        assert re.search(rf"^\| `{name}` \| {re.escape(member.value)} \| .+ \| .+ \|$", page, re.M)


def test_the_citation_is_of_this_version() -> None:
    assert f"\nversion: {sparse_tconv.__version__}\n" in (ROOT / "CITATION.cff").read_text()
