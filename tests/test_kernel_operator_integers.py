"""Integer samples that meet in one entry of a kernel operator's matrix do not wrap."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODES

import sparse_tconv as st

COPIES = ("zeros", "circular", "reflect", "symmetric", "replicate")
TYPES = [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64]


def an_operator(rng, local, dtype):
    """On one axis, either way, of ones."""
    modes = MODES if np.issubdtype(dtype, np.signedinteger) else COPIES
    k, n, padding = int(rng.integers(1, 4)), int(rng.integers(1, 6)), int(rng.integers(1, 4))
    made = st.LocalConv if local else st.Conv
    m = max(n + 2 * padding - k + 1, 1)
    op = made(
        np.ones((k, m) if local else (k,), dtype),
        (n,),
        padding=padding,
        padding_mode=str(rng.choice(modes)),
        flip=bool(rng.integers(2)),
        channels=False,
    )
    return op if rng.integers(2) else op.T


def exact_matrix(op, x):
    """w -> C(w) x in Python's integers, from the small matrices of unit kernels."""
    columns = []
    for number in range(op.weight.size):
        unit = np.zeros(op.weight.size, np.int64)
        unit[number] = 1
        matrix = op.with_weight(unit.reshape(op.weight.shape)).matrix.toarray()
        columns.append(matrix.astype(object) @ x.astype(object))
    return np.array(columns, object).T


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("local", [False, True])
def test_entries_are_exact_or_refused(local, dtype, settings_count, rng):
    limits = np.iinfo(dtype)
    ends = [limits.min, limits.max, limits.max // 2 + 1, limits.min // 2, 1, 0]
    for _ in range(settings_count(100)):
        op = an_operator(rng, local, dtype)
        x = np.array([ends[i] for i in rng.integers(0, len(ends), op.in_shape)], dtype)
        wanted, found = exact_matrix(op, x), op.kernel_operator(x)
        if all(limits.min <= value <= limits.max for value in wanted.flat):
            assert (found.matrix.toarray() == wanted).all()
            continue
        with pytest.raises(st.DTypeError, match=r"sums of the samples that meet .* dtype=np"):
            _ = found.matrix
        wide = found.to_matrix(dtype=np.float64).toarray()
        size = float(max(map(abs, x.tolist()))) * 40
        np.testing.assert_allclose(wide, wanted.astype(float), atol=1e-15 * size)
        if limits.bits < 64:
            assert (found.to_matrix(dtype=np.int64).toarray() == wanted).all()


@pytest.mark.parametrize("local", [False, True])
def test_batches_and_channels_are_added_up_in_the_type_asked_for(local):
    weight = np.ones((2, 3, 2, 4) if local else (2, 3, 2), np.int8)
    made = st.LocalConv if local else st.Conv
    op = made(weight, (3, 3), padding=1, padding_mode="antireflect").T
    x = np.full((5, *op.in_shape), 100, np.int8)
    found = op.kernel_operator(x)
    with pytest.raises(st.DTypeError, match="within -128 to 127; got int8"):
        _ = found.matrix
    wanted = op.kernel_operator(x.astype(float)).matrix.toarray()
    assert (found.to_matrix(dtype=np.int32).toarray() == wanted).all()
    assert found.to_matrix(dtype=np.int32).dtype == np.int32
    assert (found.T.to_matrix(dtype=np.int32).toarray() == wanted.T).all()
    assert (found.H.conj().to_matrix(dtype=np.complex128).toarray() == wanted.T).all()
    with pytest.raises(st.DTypeError, match="`dtype` must be able to hold entries"):
        op.kernel_operator(x.astype(float)).to_matrix(dtype=np.int32)
