"""Interrupts the library at every point where Python looks for signals, one at a time.

``python interrupted.py ENGINE SHARE SEED`` prints what it found as JSON, with 1, 2 and 4 threads. It runs in a
process of its own: a hang ends it, with the stacks of all threads.

Python looks for signals where a function begins, where a loop turns back and after a call. The
points of a call are collected by tracing it once, then it is made again and again with a
KeyboardInterrupt raised at one of them. After each, on another thread (which a lock left taken would
stop), the same operator and a fresh one must answer right, the cache's books must balance, and BLAS
must have its own number of threads.
"""

from __future__ import annotations

import dis
import faulthandler
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import CodeType, FrameType
from typing import Any

import numpy as np

import sparse_tconv as st
from sparse_tconv.cache import store
from sparse_tconv.engines import engine_class
from sparse_tconv.threads import _blas

PATIENCE = 120  # seconds until a call that does not return is a hang
SIZES = {1: 10, 2: 80, 4: 80}  # small where threads do not matter
POLLS = ("CALL", "RESUME", "JUMP_BACKWARD", "ENTER_EXECUTOR")
INTERRUPTED, MISSED = "interrupted", "the point was not reached"
SWALLOWED, REPLACED = "dropped by a finalizer", "replaced by another error"
ENDINGS = (INTERRUPTED, MISSED, SWALLOWED, REPLACED)
QUIET = ("CALL_INTRINSIC", "JUMP_BACKWARD_NO_INTERRUPT")


@dataclass(frozen=True)
class Case:
    """A call, made on what `prepare` gives."""

    name: str
    prepare: Callable[[], Any]
    call: Callable[[Any], Any]


def cases(engine: str, n: int, rng: np.random.Generator) -> Iterator[Case]:
    """The calls of one engine."""
    weight, other = rng.standard_normal((2, 2, 2, 3, 3))
    x = rng.standard_normal((2, n, n))
    options = {"padding": 1, "padding_mode": "reflect", "engine": engine}
    geometry = st.ConvGeometry.from_conv(weight.shape, x.shape, padding=1, padding_mode="reflect")
    if engine_class(engine).refuses(geometry, weight.dtype) is not None:
        options["padding_mode"] = "zeros"
    strided = {"stride": 2, "padding": 1, "engine": engine}

    def operator() -> st.Conv:
        return st.Conv(weight, x.shape, **options)

    def products(op: Any) -> list[Any]:
        return [op.apply(x), op.T.apply(x), op.H @ x.ravel()]

    def by_weight(op: Any) -> list[Any]:
        linear = op.kernel_operator(x)
        return [linear @ weight.ravel(), linear.H @ x.ravel()]

    yield Case("conv", lambda: None, lambda _: st.conv(x, weight, **options))
    yield Case("conv_transpose", lambda: None, lambda _: st.conv_transpose(x, weight, **strided))
    yield Case("Conv", lambda: None, lambda _: products(operator()))
    yield Case("apply", operator, products)
    yield Case("matrix", operator, lambda op: [op.matrix.data, op.T.matrix.data])
    yield Case("with_weight", operator, lambda op: op.with_weight(other).apply(x))
    yield Case("kernel_operator", operator, by_weight)


@cache
def polling(code: CodeType) -> frozenset[int]:
    """Offsets of the instructions after which Python looks for signals."""
    return frozenset(
        found.offset
        for found in dis.get_instructions(code)
        if found.opname.startswith(POLLS) and not found.opname.startswith(QUIET)
    )


@cache
def handler(code: CodeType, offset: int) -> int:
    """Where an error at an instruction leads to; -1 for out of the function."""
    entries = dis.Bytecode(code).exception_entries
    return next((e.target for e in entries if e.start <= offset < e.end), -1)


def is_point(code: CodeType, before: int, offset: int) -> bool:
    """Whether an interrupt may come between two instructions; a signal is an error of the first, a
    tracer's error one of the second, so both must lead to the same place.
    """
    return before in polling(code) and handler(code, before) == handler(code, offset)


def traced(
    call: Callable[[], Any], see: Callable[[CodeType, int], None], only: CodeType | None = None
) -> Any:
    """Make a call, and `see` each point that it comes to: a code and an offset."""

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if only is not None and code is not only:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        last = -1

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "opcode":
                before, last = last, frame.f_lasti
                if before < 0 or is_point(code, before, last):
                    see(code, last)
            return step

        return step

    sys.settrace(enter)
    try:
        return call()
    finally:
        sys.settrace(None)


def forget() -> None:
    """Everything kept is forgotten, so that the next call builds it."""
    st.cache_clear()
    for name, module in list(sys.modules.items()):
        if name.startswith("sparse_tconv."):
            for found in list(vars(module).values()):
                if hasattr(found, "cache_info") and hasattr(found, "cache_clear"):
                    found.cache_clear() if found is not _blas.controls else None


def elsewhere(call: Callable[[], Any]) -> Any:
    """The answer of a call made on another thread."""
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    thread.join()
    return answers[0] if answers else None


def same(answer: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return isinstance(answer, list) and all(map(same, answer, wanted))
    return answer is not None and np.allclose(answer, wanted, rtol=1e-10, atol=1e-10)


def balanced() -> bool:
    """Whether the cache's buckets and total are those of its entries."""
    st.cache_info()
    numbers = sorted(number for held in store._buckets.values() for number in held)
    total = sum(entry.nbytes for entry in store._entries.values())
    return numbers == sorted(store._entries) and total == store._total <= store.limit


def interrupt(case: Case, state: Any, point: tuple[CodeType, int], occurrence: int) -> str:
    """Make the call with a KeyboardInterrupt at one point; how it ended."""
    left = occurrence

    def see(code: CodeType, offset: int) -> None:
        nonlocal left
        if (code, offset) == point:
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    try:
        traced(lambda: case.call(state), see, only=point[0])
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception:
        if left > 0:
            raise
        return REPLACED  # as NumPy's comparison of structured arrays does
    return MISSED if left > 0 else SWALLOWED


def check(case: Case, wanted: Any, share: float, rng: np.random.Generator) -> Iterator[str]:
    """Interrupt one call at a share of its points, the first and the last time that it comes to
    each, or at a random time; what was wrong afterwards, and how each ended.
    """
    numbers = [control.ask() for control in _blas.controls()]
    forget()
    state = case.prepare()
    seen: Counter[tuple[CodeType, int]] = Counter()
    traced(lambda: case.call(state), lambda code, offset: seen.update([(code, offset)]))
    for point, count in seen.items():
        times = {1, count} if share == 1 else {int(rng.integers(count)) + 1}
        for occurrence in times if rng.random() < share else ():
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            forget()
            state = case.prepare()
            yield interrupt(case, state, point, occurrence)
            told = [control.ask() for control in _blas.controls()]
            answers = elsewhere(lambda s=state: [case.call(s), case.call(case.prepare())])
            right = {
                "answers": same(answers, [wanted, wanted]),
                "books": balanced(),
                "BLAS": told == numbers,
            }
            where = f"{case.name}, {point[0].co_qualname}+{point[1]}, time {occurrence}"
            yield from (f"{where}: {name} wrong" for name, value in right.items() if not value)


def main(engine: str, share: float, seed: int) -> dict[str, int]:
    """How often each ending was seen; an ending that is not one of `ENDINGS` is a failure."""
    rng = np.random.default_rng(seed)
    for control in _blas.controls():
        control.say(2)
    ended: Counter[str] = Counter()
    for threads, n in SIZES.items():
        st.set_num_threads(threads)
        for case in cases(engine, n, rng):
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            ended.update(check(case, case.call(case.prepare()), share, rng))
    faulthandler.cancel_dump_traceback_later()
    return dict(ended)


if __name__ == "__main__":
    sys.unraisablehook = lambda unraisable: None
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))))
