"""A KeyboardInterrupt at any point leaves nothing taken, half built or miscounted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SWEEP
from interrupted import ENDINGS, INTERRUPTED

import sparse_tconv
from sparse_tconv.engines import engine_names

HERE = Path(__file__).parent
PATHS = os.pathsep.join([str(Path(sparse_tconv.__file__).parents[1]), str(HERE)])
ENVIRONMENT = os.environ | {"PYTHONPATH": PATHS}
ENGINES = [name for name in engine_names() if name != "auto"]


def printed(*command: str, seconds: float) -> str:
    """What a script of this folder prints; a hang or a crash shows the stacks of its threads."""
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        cwd=HERE,
        env=ENVIRONMENT,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout


@pytest.mark.parametrize("engine", ENGINES)
def test_after_an_interrupt_at_any_point_the_next_calls_are_right(
    engine: str, seed: int, record_property: Callable[[str, object], None]
) -> None:
    share = 1 if SWEEP else 0.1
    answer = printed("interrupted.py", engine, str(share), str(seed), seconds=3600)
    ended = json.loads(answer)
    assert set(ended) <= set(ENDINGS)
    assert ended[INTERRUPTED] > 100
    record_property("settings", sum(ended.values()))
