"""One mechanism for random tests: how many settings they draw, and from which seed.

An ordinary run draws a tenth of the settings; ``SPARSE_TCONV_SWEEP=1`` (``make sweep``) draws them
all and writes ``tests/sweep-summary.txt``. ``SPARSE_TCONV_SEED`` replaces the fixed seed, which the
header of every run prints.
"""

from __future__ import annotations

import os
import platform
import zlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import hypothesis
import numpy as np
import pytest

# OpenMP threads of other libraries that spin while they wait would stall ours on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

SWEEP = os.environ.get("SPARSE_TCONV_SWEEP", "0") == "1"
SEED = int(os.environ.get("SPARSE_TCONV_SEED", "20250"))
PACKAGES = ("numpy", "scipy", "torch")
SUMMARY = Path(__file__).with_name("sweep-summary.txt")

# A test that sets max_examples itself is the same size in both profiles, so none should.
for profile, max_examples in {"default": 100, "sweep": 1000}.items():
    hypothesis.settings.register_profile(
        profile, max_examples=max_examples, deadline=None, derandomize=False, print_blob=True
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the hypothesis profile, and give hypothesis our seed unless it was given one."""
    hypothesis.settings.load_profile("sweep" if SWEEP else "default")
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(SEED)


def pytest_report_header() -> str:
    drawn = "all" if SWEEP else "a tenth"
    return f"sparse_tconv: SPARSE_TCONV_SEED={SEED}, {drawn} of the random settings"


@pytest.fixture
def settings_count(record_property: Callable[[str, object], None]) -> Callable[[int], int]:
    """``settings_count(full)``: how many of ``full`` random settings to draw in this run."""

    def count(full: int) -> int:
        drawn = full if SWEEP else max(full // 10, 1)
        record_property("settings", drawn)
        return drawn

    return count


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, so that no test changes what another draws."""
    return zlib.crc32(request.node.nodeid.encode()) ^ SEED


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """After a full sweep of the whole suite, write down what ran; the file is committed."""
    if SWEEP and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        SUMMARY.write_text("\n".join(_summary(terminalreporter)) + "\n", encoding="utf-8")


def _summary(reporter: pytest.TerminalReporter) -> list[str]:
    outcomes = ("passed", "failed", "error", "skipped")
    passed = [report for report in reporter.stats.get("passed", []) if report.when == "call"]
    counts = {report.nodeid: _drawn(report) for report in passed}
    drawn = [f"{count:>8}  {nodeid}" for nodeid, count in counts.items() if count]
    examples = hypothesis.settings.get_profile("sweep").max_examples
    properties = [report.nodeid for report in passed if "hypothesis" in report.keywords]
    return [
        "Full sweep of the random tests (make sweep).",
        ", ".join([f"python {platform.python_version()}", *map(_version, PACKAGES)]),
        f"SPARSE_TCONV_SEED={SEED}",
        ", ".join(f"{len(reporter.stats.get(outcome, []))} {outcome}" for outcome in outcomes),
        "",
        f"Random settings drawn in tests that passed, {sum(counts.values())} in all:",
        *drawn,
        "",
        f"Hypothesis properties, up to {examples} examples each:",
        *(f"          {nodeid}" for nodeid in properties),
    ]


def _drawn(report: pytest.TestReport) -> int:
    return sum(int(value) for name, value in report.user_properties if name == "settings")


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} absent"
