"""Options that are words, given as anything else."""

from __future__ import annotations

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv import analysis, inverse, layers, testing

OP = st.Conv(np.ones((2, 2, 3)), (2, 9), padding=1)
EXPRESSION = OP + OP
NO_WORDS = [np.array(["auto", "largest"]), np.array([1.0, 2.0]), np.zeros((0, 2)), ["auto"], 3]

BY_METHOD = {
    name: getattr(analysis, name)
    for name in (
        *("singular_values", "singular_vectors", "smallest_singular_value", "rank", "cond"),
        *("null_space", "spectral_norm", "summary"),
    )
}
BY_WHICH = {
    name: getattr(analysis, name) for name in ("singular_values", "singular_vectors", "eigenvalues")
}
OTHERS = {
    "linear": lambda word: testing.dot_test(OP, linear=word),
    "engine": lambda word: st.Conv(np.ones(3), 9, channels=False, engine=word),
    "mode": lambda word: layers.upsample((1, 4), 2, mode=word),
    "side": lambda word: pytest.importorskip("sparse_tconv.plotting").overlap(OP, side=word),
    "stop": lambda word: inverse.richardson_lucy(OP, np.ones((2, 9)), stop=word),
}


@pytest.mark.parametrize("word", NO_WORDS, ids=repr)
@pytest.mark.parametrize("op", [OP, EXPRESSION], ids=["conv", "expression"])
@pytest.mark.parametrize("name", BY_METHOD)
def test_methods_that_are_no_words_are_refused_by_name(name, op, word):
    with pytest.raises(st.GeometryError, match="`method` must be "):
        BY_METHOD[name](op, **{"k": 1} if name == "singular_vectors" else {}, method=word)


@pytest.mark.parametrize("word", NO_WORDS, ids=repr)
@pytest.mark.parametrize("op", [OP, EXPRESSION], ids=["conv", "expression"])
@pytest.mark.parametrize("name", BY_WHICH)
def test_ends_that_are_no_words_are_refused_by_name(name, op, word):
    with pytest.raises(st.GeometryError, match="`which` must be 'largest' or 'smallest'"):
        BY_WHICH[name](op, 1, which=word)


@pytest.mark.parametrize("word", NO_WORDS[:-1], ids=repr)
@pytest.mark.parametrize("name", OTHERS)
def test_other_words_are_refused_by_name(name, word):
    with pytest.raises((st.GeometryError, st.DTypeError), match=f"`{name}` must be "):
        OTHERS[name](word)
