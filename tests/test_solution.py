"""What an answer says about itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from sparse_tconv.solution import ConvergenceWarning, Solution, Status


def solution(status=Status.CONVERGED, **options):
    return Solution(np.zeros((2, 3), np.float32), status, "lsmr", 7, 0.25, 3.0, **options)


def test_the_value_of_a_status_is_its_message():
    for status in Status:
        assert repr(solution(status)).splitlines()[0] == f"Solution: {status.value}"


def test_the_repr_is_a_table_of_the_numbers():
    assert repr(solution(damp=0.5, chosen_by="gcv, exact spectrum")).splitlines()[1:] == [
        "  x              (2, 3) float32",
        "  method         lsmr, 7 iterations",
        "  residual norm  2.500e-01",
        "  solution norm  3.000e+00",
        "  damp           5.000e-01, gcv, exact spectrum",
    ]


def test_a_truncated_expansion_shows_its_rank_and_a_direct_method_no_iterations():
    found = dataclasses.replace(solution(rank=12), method="tsvd", iterations=0)
    assert repr(found).splitlines()[2] == "  method         tsvd"
    assert repr(found).splitlines()[-1] == "  rank           12, given"


def test_one_iteration_is_singular():
    assert "lsmr, 1 iteration\n" in repr(dataclasses.replace(solution(), iterations=1))


def test_four_statuses_mean_as_exact_as_asked_for():
    good = {status for status in Status if solution(status).converged}
    assert good == {Status.CONVERGED, Status.COMPLETED, Status.DIRECT, Status.DISCREPANCY}


def test_a_solution_is_frozen_and_its_warning_is_a_user_warning():
    with pytest.raises(dataclasses.FrozenInstanceError, match="damp"):
        solution().damp = 3.0
    assert issubclass(ConvergenceWarning, UserWarning)
