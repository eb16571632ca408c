"""How the tests run the command line: in this process, or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
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


def write_model(path: str, dims: list[int | str], *, nodes: int = 2) -> dict[str, np.ndarray]:
    """Write an ONNX model: 'conv1' with a bias, and 'up', a transposed convolution; gives its
    arrays.
    """
    import onnx
    from onnx import helper, numpy_helper

    rng = np.random.default_rng(3)
    arrays = {
        "w1": rng.standard_normal((8, 3, 3, 3)).astype(np.float32),
        "b1": rng.standard_normal(8).astype(np.float32),
        "w2": rng.standard_normal((8, 4, 2, 2)).astype(np.float32),
    }
    made = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["h"], name="conv1", pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["h", "w2"], ["y"], name="up", strides=[2, 2]),
    ]
    graph = helper.make_graph(
        made[:nodes],
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, dims)],
        [helper.make_tensor_value_info("yh"[nodes == 1], onnx.TensorProto.FLOAT, None)]
        if nodes
        else [],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opset = helper.make_opsetid("", 18)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return arrays
