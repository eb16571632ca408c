"""Sides in processes of their own, measured in turns.

Two OpenMP runtimes in one process, or one that spins while another works, stall each other: so each
side has its own process, waits passively, and rests while others are measured.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cases import Case

AGREEMENT = 1.3  # the ratio of medians and that of minima, one over the other
QUIET = 0.2  # cores that other processes may keep busy while a row is measured

# An idle BLAS thread spins for about this long after its last product.
SETTLE = 0.03


@dataclass(frozen=True)
class Effort:
    """How much is measured: turns per side, seconds per turn, and repetitions of a row whose ratios
    do not agree. A side that has used `patience` seconds is given no turns beyond `least_turns`.
    """

    turns: int = 9
    seconds: float = 0.1
    retries: int = 3
    patience: float = 6.0
    least_turns: int = 3


QUICK = Effort(turns=1, seconds=0.0, retries=0, patience=0.0, least_turns=1)


class Process:
    """A worker that stays alive, and answers one request at a time."""

    def __init__(self, side: str, threads: int, without_fast: bool) -> None:
        environment = dict(os.environ)
        for name in ("SPARSE_TCONV_ENGINE", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            environment.pop(name, None)
        environment.update(OMP_NUM_THREADS=str(threads), OMP_WAIT_POLICY="passive")
        command = [sys.executable, str(Path(__file__).with_name("worker.py")), side]
        self._process = subprocess.Popen(
            command + ["--without-fast"] * without_fast,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """The answer; a worker that fails or dies answers with `error`."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the worker has no pipes")
        try:
            print(json.dumps({"do": do, **request}), file=stdin, flush=True)
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        return json.loads(line) if line else {"error": "the worker died"}

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


class Stable:
    """The processes of one number of threads, started when first needed."""

    def __init__(self, threads: int, without_fast: bool) -> None:
        self.threads = threads
        self.without_fast = without_fast
        self._processes: dict[str, Process] = {}
        self._rates: dict[str, dict[str, float]] = {}

    def __getitem__(self, side: str) -> Process:
        if side not in self._processes:
            self._processes[side] = Process(side, self.threads, self.without_fast)
        return self._processes[side]

    def rates(self, side: str, dtype: str) -> dict[str, float]:
        """What the machine can do in one dtype, measured once in a side's process."""
        if dtype not in self._rates:
            self._rates[dtype] = self[side].ask("rates", dtype=dtype, threads=self.threads)
        return self._rates[dtype]

    def __enter__(self) -> Stable:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes.values():
            process.close()


@dataclass(frozen=True)
class Result:
    """Our times and a side's from the same turns, in seconds."""

    ours: list[float]
    theirs: list[float]
    others: float  # cores busy with processes that are not ours

    @property
    def ratio(self) -> float:
        """Our median over theirs."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    @property
    def ratio_of_minima(self) -> float:
        return min(self.ours) / min(self.theirs)

    @property
    def counted(self) -> bool:
        """Whether the two ratios agree, and the machine was quiet."""
        low, high = sorted((self.ratio, self.ratio_of_minima))
        return high <= AGREEMENT * low and self.others <= QUIET


def prepare(
    stable: Stable, sides: Iterable[str], case: Case, dtype: str, product: str
) -> dict[str, dict[str, Any]]:
    """The answer of each side: a fingerprint, or why it does not take part."""
    return {
        name: stable[name].ask(
            "prepare", case=case.as_dict(), dtype=dtype, product=product, threads=stable.threads
        )
        for name in sides
    }


def differs(one: list[float] | None, other: list[float] | None, dtype: str) -> bool:
    """Whether two fingerprints belong to different results."""
    if one is None or other is None:
        return False
    small = 1e-3 if dtype == "float32" else 1e-9
    near = abs(one[2] - other[2]) <= small * one[1] and abs(one[1] - other[1]) <= small * one[1]
    return one[0] != other[0] or not near


def race(stable: Stable, ours: str, others: list[str], effort: Effort) -> dict[str, Result]:
    """Our side against the others, in turns; then again against those whose ratios disagree."""
    results = run(stable, ours, others, effort)
    for _ in range(effort.retries):
        for name in [name for name, result in results.items() if not result.counted]:
            results |= run(stable, ours, [name], effort)
    return results


def run(stable: Stable, ours: str, others: list[str], effort: Effort) -> dict[str, Result]:
    """Our side against the others once."""
    processes = {name: stable[name] for name in (ours, *others)}
    load = Load(list(processes.values()))
    times = take_turns(processes, effort)
    busy = load.others()
    return {name: Result(times[ours], times[name], busy) for name in others}


class Load:
    """How many cores work for processes that are not part of the race, since it was made."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes
        self._start = self._now()

    def others(self) -> float:
        wall, busy, ours = (b - a for a, b in zip(self._start, self._now(), strict=True))
        return max(0.0, (busy - ours) / wall)

    def _now(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of all processors at work, of this process and its workers."""
        workers = sum(process.ask("cpu")["seconds"] for process in self._processes)
        return time.perf_counter(), processors_busy(), workers + time.process_time()


def processors_busy() -> float:
    """Seconds that all processors together have worked; 0 where the system does not say."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts = map(int, first[1:8])
    return (user + nice + system + interrupts + soft_interrupts) / os.sysconf("SC_CLK_TCK")


def take_turns(processes: Mapping[str, Process], effort: Effort) -> dict[str, list[float]]:
    """A B C A B C ..., with a rest after each turn."""
    times: dict[str, list[float]] = {name: [] for name in processes}
    spent = dict.fromkeys(processes, 0.0)
    for turn in range(effort.turns):
        for name, process in processes.items():
            if turn >= effort.least_turns and spent[name] > effort.patience:
                continue
            start = time.perf_counter()
            answer = process.ask("turn", seconds=effort.seconds)
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']}")
            times[name] += answer["times"]
            spent[name] += time.perf_counter() - start
            time.sleep(SETTLE)
    return times
