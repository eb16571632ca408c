"""How the tests run the command line: in this process, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sparse_tconv

PROGRAM = [sys.executable, "-m", "sparse_tconv"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(sparse_tconv.__file__).parents[1])}


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    return subprocess.run(
        [*PROGRAM, *arguments], input=stdin, capture_output=True, cwd=cwd, env=ENVIRONMENT
    )


def one_error_line(captured: pytest.CaptureResult[str]) -> str:
    """The line that an error is told in, there being nothing else."""
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("sparse-tconv")
    return line
