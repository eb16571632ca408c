"""What the reference page and the help show is what happens."""

from __future__ import annotations

import doctest
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from cli_runs import write_model

from sparse_tconv import cli, inverse
from sparse_tconv.cli import _apply, _build, _check, _deblur, _info, _spectrum

pytest.importorskip("onnx")
pytest.importorskip("dask.array")

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command-line.rst"
PAIR = "import numpy\nforward = lambda x: x[1:-1, 1:-1]\nadjoint = lambda y: numpy.pad(y, 1)\n"
SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def page_commands() -> list[tuple[str, str]]:
    """The commands of the page with what they are shown to print, in order."""
    parts = re.findall(
        r"^   \$ sparse-tconv (.*)\n((?:   (?!\$).*\n)*)", PAGE.read_text(), re.MULTILINE
    )
    return [(command, shown) for command, shown in parts]


def help_commands() -> list[str]:
    """The commands in the examples of the help that need no shell."""
    texts = [module.EXAMPLES for module in (_spectrum, _deblur)]
    texts += [m.EXTRA_EXAMPLES for m in (_apply, _build, _check, _info, _spectrum)]
    return re.findall(r"^  sparse-tconv ([^|\n]*)$", "\n".join(texts), re.MULTILINE)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What the commands read."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.save("weight.npy", rng.standard_normal((16, 3, 3, 3)))
    np.save("psf.npy", np.ones((3, 3)) / 9)
    np.save("x.npy", rng.standard_normal((3, 64, 64)))
    write_model("model.onnx", [1, 3, 64, 64])
    photo = 255 * inverse.problems.deblurring(inverse.psf.gauss(1), (48, 40)).y.clip(0, 1)
    image = PIL.Image.fromarray(np.rint(photo).astype(np.uint8)).convert("RGB")
    image.save("photo.png")
    Path("mymodule.py").write_text(PAIR)
    sys.modules.pop("mymodule", None)  # that of other tests
    yield
    sys.modules.pop("mymodule", None)


@pytest.mark.usefixtures("files")
def test_the_commands_of_the_page_print_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    commands = page_commands()
    assert {command.split()[0] for command, _ in commands} == {
        module.__name__.rpartition("._")[2] for module in cli._main.COMMANDS
    }
    for command, shown in commands:
        assert cli.main(shlex.split(command)) == 0
        printed = capsys.readouterr().out
        assert doctest.OutputChecker().check_output(shown, printed, SHOWN), (command, printed)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("command", help_commands())
def test_an_example_of_the_help_works(command: str) -> None:
    assert cli.main(shlex.split(command)) == 0
