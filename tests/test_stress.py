"""Many threads for a while, and many operators: no error, no wrong answer, no memory that grows."""

from __future__ import annotations

import json
import os

import pytest
from conftest import SWEEP
from scripts import printed

SECONDS = 600 if SWEEP else 3

MEMORY = """
import gc, sys, tracemalloc
import numpy as np
import sparse_tconv as st

kind, count = sys.argv[1], int(sys.argv[2])
limit = 1 << 20
st.set_cache_limit(limit)
rng = np.random.default_rng(0)
x = rng.standard_normal((2, 12, 12))


def once(n):
    weight = rng.standard_normal((2, 2, 3, 3))
    if kind == "functions":
        st.conv(x, weight, padding=1)
        st.conv_transpose(x, weight, stride=2)
    else:
        op = st.Conv(weight, x.shape, padding=1 + n % 3)
        op.T.apply(op.apply(x))
        op.with_weight(-weight).H.apply(op.apply(x)) if n % 10 == 0 else None


for n in range(100):
    once(n)
st.cache_clear()
gc.collect()
tracemalloc.start()
for n in range(count):
    once(n)
gc.collect()
print(tracemalloc.get_traced_memory()[0], st.cache_info().nbytes, limit)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_threads_forks_and_clears_beside_each_other_leave_every_answer_right(seed: int) -> None:
    answer = json.loads(
        printed("stressed.py", str(SECONDS), str(seed % 1000), seconds=SECONDS + 200)
    )
    assert answer["faults"] == []
    assert answer["products"] > 100
    assert answer["children"] > 1
    early, late = answer["memory"]
    assert late < early + (1 << 26)


COUNTS = (
    {"operators": 100_000, "functions": 10_000}
    if SWEEP
    else {"operators": 2_000, "functions": 1_000}
)


@pytest.mark.parametrize(("kind", "count"), COUNTS.items())
def test_memory_stays_within_the_limit_of_the_cache(kind: str, count: int) -> None:
    out = printed("-c", MEMORY, kind, str(count), seconds=3600)
    traced, held, limit = map(int, out.split())
    assert held <= limit
    assert traced <= 1.1 * limit
