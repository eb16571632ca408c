"""Scripts of this folder, and programs given as text, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import sparse_tconv

HERE = Path(__file__).parent
PATHS = os.pathsep.join([str(Path(sparse_tconv.__file__).parents[1]), str(HERE)])


def printed(*command: str, seconds: float = 120, **environment: str) -> str:
    """What Python prints when started so; it must end in time, without an error."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": PATHS} | environment,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    assert "Traceback" not in done.stderr, done.stderr[-5000:]
    return done.stdout
