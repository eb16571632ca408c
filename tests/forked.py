"""Forks while threads are inside an engine, and asks each child for right answers.

``python forked.py ENGINE COUNT SEED`` forks beside 1, 4 and 12 threads, COUNT times each, and prints,
as JSON, how often each ending was seen: a child that answers right ends with 0. It runs in a process of its own: a hang ends it, with the
stacks of all threads.

The threads multiply by operators that all share, by new ones, and through the functions, so that a
fork meets products, the building of engines and changes of the cache; half of them use the pool.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from typing import Any

import numpy as np

import sparse_tconv as st
from sparse_tconv.threads import _blas

SECONDS = 20  # until a child that has not answered is one that hangs
THREADS = (1, 4, 12)
RIGHT, WRONG = 0, 1


class Products:
    """Operators, and what they must give."""

    def __init__(self, engine: str, rng: np.random.Generator) -> None:
        self.engine = engine
        self.weight = rng.standard_normal((4, 4, 3, 3))
        self.x = rng.standard_normal((4, 48, 48))
        self.shared = self.fresh()
        self.wanted = st.Conv(self.weight, self.x.shape, padding=1, engine="csr").apply(self.x)
        self.back = st.Conv(self.weight, self.x.shape, padding=1, engine="csr").T.apply(self.x)

    def fresh(self) -> st.Conv:
        return st.Conv(self.weight, self.x.shape, padding=1, engine=self.engine)

    def right(self) -> bool:
        """Whether every way to multiply gives what it must."""
        gradient = self.shared.kernel_operator(self.x) @ self.weight.ravel()
        answers = [self.shared.apply(self.x), self.fresh().apply(self.x), gradient]
        answers += [st.conv(self.x, self.weight, padding=1, engine=self.engine)]
        backward = [self.shared.T.apply(self.x), self.fresh().H.apply(self.x)]
        return all(_close(answer, self.wanted) for answer in answers) and all(
            _close(answer, self.back) for answer in backward
        )


def _close(answer: Any, wanted: Any) -> bool:
    return np.allclose(np.ravel(answer), np.ravel(wanted), rtol=1e-10, atol=1e-10)


def busy(products: Products, number: int, stop: threading.Event, faults: list[str]) -> None:
    """Multiply until told to stop."""
    with st.threads(1 + 2 * (number % 2)):
        while not stop.is_set():
            try:
                if not products.right():
                    faults.append("a wrong product in the parent")
                if number == 0:
                    st.cache_clear()
            except BaseException as error:  # told to the parent's main thread
                faults.append(repr(error))


def child(products: Products, numbers: list[int]) -> int:
    """What a child finds: BLAS with its own number of threads, and right products on any number of
    ours.
    """
    right = [control.ask() for control in _blas.controls()] == numbers
    for threads in (1, 2):
        with st.threads(threads):
            right = products.right() and right
    return RIGHT if right else WRONG


def ending(process: int) -> str:
    """How a child ended."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return str(os.waitstatus_to_exitcode(status))
        time.sleep(0.002)
    os.kill(process, signal.SIGABRT)  # faulthandler shows where it hangs
    os.waitpid(process, 0)
    return "hangs"


def fork(products: Products, numbers: list[int]) -> str:
    """Fork once; how the child ended."""
    process = os.fork()
    if process == 0:
        code = WRONG
        try:
            code = child(products, numbers)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
        finally:
            os._exit(code)
    return ending(process)


def forks(products: Products, threads: int, count: int, rng: np.random.Generator) -> Counter[str]:
    """How children ended that were forked beside a number of threads."""
    numbers = [control.ask() for control in _blas.controls()]
    stop, faults = threading.Event(), []
    workers = [
        threading.Thread(target=busy, args=(products, number, stop, faults), daemon=True)
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    ended: Counter[str] = Counter()
    for _ in range(count):
        faulthandler.dump_traceback_later(3 * SECONDS, exit=True)
        ended[fork(products, numbers)] += 1
        time.sleep(rng.uniform(0, 0.01))
    stop.set()
    for worker in workers:
        worker.join()
    faulthandler.cancel_dump_traceback_later()
    return ended + Counter(faults)


def main(engine: str, count: int, seed: int) -> dict[str, int]:
    for control in _blas.controls():
        control.say(2)
    rng = np.random.default_rng(seed)
    products, ended = Products(engine, rng), Counter()
    for number in THREADS:
        ended += forks(products, number, count, rng)
    return dict(ended)


if __name__ == "__main__":
    faulthandler.enable()
    print(json.dumps(main(sys.argv[1], *map(int, sys.argv[2:4]))))
