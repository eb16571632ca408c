"""The values of a matrix that has one kernel for each output position: copies where nothing is added
up, which is nearly everywhere, and sums at the borders that a boundary folds.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pattern import MatrixPattern
from ..threads import in_line, num_threads, run
from ._local_copies import pieces
from ._local_plan import local_plan

_SHARED = 1 << 23  # bytes from which threads share the writing
_TASKS = 8  # of a thread: one that is held up leaves some to the others


def local_values(
    pattern: MatrixPattern, weight: NDArray[Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Values in the order of the indices, as `dtype`, which holds the weight's: C-ordered, its
    kernels as the user gave them.
    """
    values = np.empty(pattern.nnz, dtype)
    if not values.size:
        return values
    numbers = weight.reshape(-1)
    plan = local_plan(pattern)
    workers = num_threads() if values.nbytes >= _SHARED else 1
    start = run if workers > 1 else in_line
    most = max(values.size // (_TASKS * workers), 1) if workers > 1 else values.size
    start(
        lambda task: task[0].write(numbers, values, task[1]),
        [(copy, rows) for copy in plan.copies for rows in pieces(copy.shape, copy.width, most)],
    )
    jobs = plan.sums(pattern)
    while batch := list(islice(jobs, _TASKS * workers)):
        start(lambda job: job.write(numbers, values), batch)
    return values
