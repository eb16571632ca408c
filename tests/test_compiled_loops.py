"""Compiled loops come by themselves when they pay, once, and go when they do not work."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv import cli
from sparse_tconv.choice import compile_ahead, readiness
from sparse_tconv.engines.compiled import DirectEngine

COMPILED = ("direct", "blocks")
READINESS = "sparse_tconv.choice._readiness"
OPTIONS = {"padding": 4, "channels": False}


class Machine:
    """A process that has loaded nothing yet, and what it does."""

    def __init__(self):
        self.loaded = False
        self.warm = True
        self.error = None
        self.loads = 0

    def load(self):
        self.loads += 1
        if self.error is not None:
            raise self.error
        self.loaded = True


def forget(monkeypatch):
    """What a process knows when it begins; the two counts that operators compare go on."""
    for name, value in vars(type(readiness)()).items():
        if name not in ("pins", "grants"):
            monkeypatch.setattr(readiness, name, value)


@pytest.fixture
def machine(monkeypatch):
    """A fresh process with Numba installed; a product saves enough after a few calls."""
    made = Machine()
    forget(monkeypatch)
    monkeypatch.delenv("SPARSE_TCONV_COMPILED", raising=False)
    for name, value in {
        "load": made.load,
        "on_disk": lambda loop: made.warm,
        "_loaded": lambda: made.loaded,
        "has_compiler": lambda: True,
        "LOADING": 1e-3,
    }.items():
        monkeypatch.setattr(f"{READINESS}.{name}", value)
    with st.threads(1):
        yield made
    readiness.pins += 1


def blur(rng, **options):
    return st.Conv(rng.standard_normal((9, 9)), (100, 100), **OPTIONS, **options)


def products_until_compiled(op, x, most=100):
    """How many products it takes until compiled loops compute them."""
    for number in range(most):
        op @ x
        if op.engine in COMPILED:
            return number
    return None


def test_an_operator_changes_once_together_with_its_relatives(machine, rng):
    op = blur(rng)
    T, x = op.T, rng.standard_normal(op.shape[1])
    before = op.engine
    assert before not in COMPILED
    wanted = op.matrix @ x
    assert products_until_compiled(op, x) > 0
    assert machine.loads == 1
    assert op.engine == T.engine == op.H.engine == "direct"
    np.testing.assert_allclose(op @ x, wanted, atol=1e-12)
    np.testing.assert_allclose(T @ x, op.matrix.T @ x, atol=1e-12)
    for _ in range(5):
        op @ x
    assert op.engine == "direct"
    assert machine.loads == 1


def test_what_operators_save_is_summed_and_new_ones_start_with_the_loops(machine, rng):
    op, other = blur(rng), blur(rng)
    x = rng.standard_normal(op.shape[1])
    number = 0
    while not machine.loads:
        (op, other)[number % 2] @ x
        number += 1
    other @ x
    op @ x
    assert op.engine == other.engine == "direct"
    assert blur(rng).engine == "direct"
    assert op.with_weight(rng.standard_normal((9, 9))).engine == "direct"


def test_functions_get_them_too(machine, rng):
    x, w = rng.standard_normal((100, 100)), rng.standard_normal((9, 9))
    first = st.conv(x, w, **OPTIONS)
    while not machine.loads:
        again = st.conv(x, w, **OPTIONS)
    np.testing.assert_allclose(again, first, atol=1e-11)


def test_one_long_product_does_not_wait_for_a_second(machine, rng):
    op = blur(rng)
    op.apply(rng.standard_normal((500, 100, 100)))
    assert op.engine == "direct"


def test_a_named_engine_never_changes(machine, rng, monkeypatch):
    named = blur(rng, engine="fft")
    x = rng.standard_normal(named.shape[1])
    assert products_until_compiled(named, x) is None
    monkeypatch.setenv("SPARSE_TCONV_ENGINE", "fft")
    assert products_until_compiled(blur(rng), x) is None
    small = st.Conv(np.ones(3), (9,), channels=False)
    assert products_until_compiled(small, np.ones(9)) is None
    assert machine.loads == 0


def test_a_cold_disk_makes_nobody_wait(machine, rng):
    machine.warm = False
    op = blur(rng)
    x = rng.standard_normal(op.shape[1])
    assert products_until_compiled(op, x) is None
    assert machine.loads == 0
    assert "compiling does not pay yet: " in repr(op.info())
    assert "'sparse-tconv compile' does it ahead" in repr(op.info())


def test_a_cold_disk_is_compiled_for_in_the_end(machine, rng, monkeypatch):
    machine.warm = False
    monkeypatch.setattr(f"{READINESS}.COMPILING", 3e-3)
    op = blur(rng)
    assert products_until_compiled(op, rng.standard_normal(op.shape[1])) > 3


def test_a_loaded_numba_does_not_compile_for_a_short_product(machine, rng, monkeypatch):
    machine.loaded, machine.warm = True, False
    assert blur(rng).engine not in COMPILED
    forget(monkeypatch)
    machine.warm = True
    assert blur(rng).engine == "direct"


def test_info_says_where_an_operator_stands(machine, rng):
    op = blur(rng)
    reasons = dict(op.info().refusals)
    assert reasons["direct"].startswith("loading numba does not pay yet: 0 of 0.001 s")
    op @ rng.standard_normal(op.shape[1])
    st.set_compiled(False)
    assert dict(op.info().refusals)["direct"] == "compiled loops are switched off"


def test_set_compiled_holds_for_operators_made_before(machine, rng):
    op = blur(rng)
    x = rng.standard_normal(op.shape[1])
    st.set_compiled(True)
    op @ x
    assert op.engine == "direct"
    st.set_compiled(False)
    op @ x
    assert op.engine not in COMPILED
    assert products_until_compiled(op, x) is None
    st.set_compiled("auto")
    assert products_until_compiled(op, x) is not None


def test_the_environment_pins_them_until_set_compiled_does(machine, rng, monkeypatch):
    for word, compiled in (("1", True), ("TRUE", True), ("0", False), ("auto", False)):
        monkeypatch.setenv("SPARSE_TCONV_COMPILED", word)
        assert (blur(rng).engine in COMPILED) == compiled
    monkeypatch.setenv("SPARSE_TCONV_COMPILED", "0")
    st.set_compiled(True)
    assert blur(rng).engine == "direct"
    forget(monkeypatch)
    monkeypatch.setenv("SPARSE_TCONV_COMPILED", "perhaps")
    with pytest.raises(
        st.GeometryError, match=r"`SPARSE_TCONV_COMPILED` must be 'auto', '1', .*got 'perhaps'"
    ):
        blur(rng)


def test_set_compiled_refuses_what_it_cannot_do(machine, monkeypatch):
    for mode in ("yes", 1, None, np.array([True])):
        with pytest.raises(st.GeometryError, match="`mode` must be 'auto', True or False"):
            st.set_compiled(mode)
    monkeypatch.setattr(f"{READINESS}.has_compiler", lambda: False)
    with pytest.raises(st.MissingExtraError, match=r"`mode` must .*pip install 'sparse_tconv"):
        st.set_compiled(True)


def test_without_numba_nothing_is_weighed(machine, rng, monkeypatch):
    monkeypatch.setattr(f"{READINESS}.has_compiler", lambda: False)
    op = blur(rng)
    assert products_until_compiled(op, rng.standard_normal(op.shape[1])) is None
    assert dict(op.info().refusals)["direct"] == "numba is not installed"


@pytest.mark.parametrize("error", [ImportError("Numba needs NumPy 2.0"), AttributeError("core")])
def test_a_compiler_that_cannot_be_imported_is_told_once(error, machine, rng):
    machine.error = error
    op, other = blur(rng), blur(rng)
    x = rng.standard_normal(op.shape[1])
    with pytest.warns(RuntimeWarning, match="Compiled loops do not work here") as caught:
        assert products_until_compiled(op, x) is None
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert products_until_compiled(other, x) is None
        np.testing.assert_allclose(op @ x, op.matrix @ x, atol=1e-12)
    assert machine.loads == 1
    assert "numba does not work here" in dict(op.info().refusals)["direct"]


def test_a_compiler_that_fails_gives_the_product_back(machine, rng, monkeypatch):
    def fail(engine, x):
        raise RuntimeError("LLVM ran into an error\nwith details")

    monkeypatch.setattr(DirectEngine, "forward", fail)
    op = blur(rng)
    x = rng.standard_normal(op.shape[1])
    with pytest.warns(RuntimeWarning, match=r"do not work here \(RuntimeError: LLVM ran") as caught:
        answers = [op @ x for _ in range(100)]
    assert len(caught) == 1
    for answer in answers:
        np.testing.assert_allclose(answer, op.matrix @ x, atol=1e-12)
    assert op.engine not in COMPILED
    named = blur(rng, engine="direct")
    with pytest.raises(RuntimeError, match="LLVM ran"):
        named @ x


def test_too_little_memory_is_no_fault_of_the_compiler(machine, rng, monkeypatch):
    def fail(engine, x):
        raise MemoryError("too little")

    monkeypatch.setattr(DirectEngine, "forward", fail)
    st.set_compiled(True)
    op = blur(rng)
    with pytest.raises(MemoryError, match="too little"):
        op @ rng.standard_normal(op.shape[1])
    assert op.engine == "direct"


EQUAL_BITS = """
import sys, zlib
import numpy as np
import sparse_tconv as st

rng = np.random.default_rng(0)
op = st.Conv(rng.standard_normal((9, 9)), (256, 256), padding=4, channels=False)
x, digest, engines = rng.standard_normal(op.shape[1]), 0, [op.engine]
for _ in range(3000):
    y = op @ x
    digest = zlib.crc32(y.tobytes(), digest)
    x = y / np.linalg.norm(y)
    if op.engine != engines[-1]:
        engines.append(op.engine)
    if len(engines) > 1 or "numba" in sys.modules:
        break
for _ in range(5):
    digest = zlib.crc32((op @ x).tobytes(), digest)
print(digest, *engines)
"""
WARM = """
import numpy as np
from sparse_tconv.choice import compile_ahead
print(*compile_ahead(np.dtype(float)))
"""


def fresh_process(code):
    """What an interpreter prints that has loaded nothing, on one thread."""
    environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    return answer.stdout.split()


def test_equal_calls_give_equal_bits_across_the_change():
    fresh_process(WARM)
    first, second = fresh_process(EQUAL_BITS), fresh_process(EQUAL_BITS)
    assert first == second
    assert first[-1] == "direct"
    assert len(first) == 3


def test_compiling_ahead_refuses_other_types_and_wants_numba(monkeypatch, capsys):
    with pytest.raises(st.DTypeError, match=r"`dtype` must be float32, .*; got int64"):
        compile_ahead(np.dtype(int))
    monkeypatch.setattr("sparse_tconv.cli._compile.has_compiler", lambda: False)
    assert cli.main(["compile"]) == 2
    assert "`compile` must find Numba; got none" in capsys.readouterr().err
    monkeypatch.setattr("sparse_tconv.cli._compile.has_compiler", lambda: True)
    monkeypatch.setattr("sparse_tconv.cli._compile.compile_ahead", lambda dtype: ("loop",))
    monkeypatch.setattr("sparse_tconv.cli._compile.on_disk", lambda loop: False)
    assert cli.main(["compile", "--dtype", "float32"]) == 1
    assert "nothing could be kept on disk" in capsys.readouterr().out
