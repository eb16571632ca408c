"""Bars by tqdm."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from sparse_tconv.inverse import blur, psf, solve

tqdm = pytest.importorskip("tqdm")


@pytest.mark.parametrize("method", ["lsmr", "lsqr", "cg", "cgls", "fista"])
def test_a_bar_counts_iterations_and_is_closed(method, monkeypatch, capsys):
    seen = []

    class Bar(tqdm.tqdm):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            seen.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    op = blur(psf.gauss(1.0, 3), (8, 9))
    found = solve(op, np.eye(8, 9), method=method, damp=0.1, progress=True, maxiter=500)
    (bar,) = seen
    assert bar.total == 500
    assert 0 <= bar.n - found.iterations <= 2
    assert "it" in capsys.readouterr().err


def test_a_bar_is_closed_when_the_callback_fails(monkeypatch):
    gc.collect()  # bars of other tests, which are closed when they are collected
    closed = []
    monkeypatch.setattr(tqdm.tqdm, "close", lambda self: closed.append(self.n))

    def fail(x):
        raise KeyboardInterrupt("enough")

    op = blur(psf.gauss(1.0, 3), (8, 9))
    with pytest.raises(KeyboardInterrupt, match="enough"):
        solve(op, np.eye(8, 9), damp=0.1, callback=fail, progress=True)
    assert closed[0] == 1
