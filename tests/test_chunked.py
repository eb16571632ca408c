"""Chunked products equal those in memory, for every geometry and chunking."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from factories import MODES, random_array, random_setting

import sparse_tconv as st
from sparse_tconv import chunked
from sparse_tconv.errors import DTypeError

da = pytest.importorskip("dask.array")


def random_chunks(rng, shape):
    """Uneven chunks, chunks of one included."""
    chunks = []
    for n in shape:
        cuts = np.unique(rng.integers(0, n + 1, rng.integers(0, 4)))
        chunks.append(tuple(np.diff([0, *cuts[(cuts > 0) & (cuts < n)], n]).tolist()))
    return tuple(chunks)


def chunked_array(rng, x):
    return da.from_array(x, chunks=random_chunks(rng, x.shape))


def test_both_products_equal_those_in_memory(rng, settings_count):
    for _ in range(settings_count(500)):
        setting = random_setting(rng, dtypes=(np.int64,))
        batch = tuple(rng.integers(1, 4, rng.integers(0, 2)))
        x = random_array(rng, (*batch, *setting.in_shape), np.int64)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        y = chunked.conv(chunked_array(rng, x), setting.weight, **setting.options)
        assert y.shape == (*batch, *op.out_shape)
        assert y.dtype == np.int64
        got = y.compute(scheduler="sync")
        np.testing.assert_array_equal(got, op.apply(x))
        for number, sizes in enumerate(y.chunks):
            assert sum(sizes) == y.shape[number]
        back = transposed(rng, setting, op, got)
        if back is not None:
            np.testing.assert_array_equal(back.compute(scheduler="sync"), op.T.apply(got))


def transposed(rng, setting, op, y):
    """The chunked transpose back to the setting's size, where a transposed convolution has it."""
    try:
        return chunked.conv_transpose(
            chunked_array(rng, y), setting.weight, output_size=setting.size, **setting.options
        )
    except st.GeometryError:
        return None


def test_the_chunked_pair_keeps_the_adjoint_identity(rng):
    weight = random_array(rng, (4, 2, 3, 3), np.complex128)
    options = {"stride": 2, "padding": ((3, 1), (2, 2)), "groups": 2, "padding_mode": "reflect"}
    op = st.Conv(weight, (4, 13, 11), **options)
    x, y = random_array(rng, op.in_shape, complex), random_array(rng, op.out_shape, complex)
    forward = chunked.conv(chunked_array(rng, x), weight, **options)
    adjoint = chunked.conv_transpose(
        chunked_array(rng, y), weight.conj(), output_size=(13, 11), **options
    )
    left, right = da.vdot(forward.ravel(), y.ravel()), da.vdot(x.ravel(), adjoint.ravel())
    assert abs(left.compute() - right.compute()) < 1e-11


@pytest.mark.parametrize("mode", MODES)
def test_chunks_smaller_than_the_halo(mode, rng):
    x = da.from_array(rng.integers(-9, 9, (12, 9)), chunks=1)
    w = rng.integers(-9, 9, (7, 5))
    options = {"padding": ((6, 5), (4, 13)), "padding_mode": mode, "channels": False}
    y = chunked.conv(x, w, **options)
    np.testing.assert_array_equal(y.compute(scheduler="sync"), st.conv(x.compute(), w, **options))


def test_nothing_is_computed_until_it_is_asked_for():
    def fail(block):
        raise RuntimeError("computed")

    x = da.ones((40, 40), chunks=10).map_blocks(fail, dtype=float, meta=np.empty((0, 0)))
    y = chunked.conv(x, np.ones((3, 3)), padding=1, padding_mode="symmetric", channels=False)
    assert y.shape == (40, 40)
    assert y.numblocks == (4, 4)
    with pytest.raises(RuntimeError, match="computed"):
        y.compute(scheduler="sync")


def test_bias_and_dtypes(rng):
    x = rng.standard_normal((2, 3, 10)).astype(np.float32)
    w = random_array(rng, (4, 3, 3), np.complex64)
    y = chunked.conv(da.from_array(x, chunks=(1, 2, 4)), w, [1.0, 2.0, 3.0, 4.0], padding=1)
    assert y.dtype == np.complex64
    wanted = st.conv(x, w, [1.0, 2.0, 3.0, 4.0], padding=1)
    np.testing.assert_allclose(y.compute(), wanted, rtol=1e-5, atol=1e-5)


def test_row_blocks_are_the_matrix(rng, settings_count):
    for _ in range(settings_count(200)):
        setting = random_setting(rng, dtypes=(np.int64,))
        C = st.conv_matrix(setting.weight, setting.in_shape, **setting.options)
        rows = int(rng.integers(1, C.shape[0] + 1))
        found = chunked.matrix_blocks(
            setting.weight, setting.in_shape, rows_per_block=rows, **setting.options
        )
        assert found.shape == C.shape
        for start, stop, block in zip(found.starts, found.starts[1:], found.blocks, strict=False):
            block = block.compute(scheduler="sync")
            wanted = C[start:stop]
            np.testing.assert_array_equal(block.indptr, wanted.indptr)
            np.testing.assert_array_equal(block.indices, wanted.indices)
            np.testing.assert_array_equal(block.data, wanted.data)
    x, y = rng.integers(-9, 9, C.shape[1]), rng.integers(-9, 9, C.shape[0])
    np.testing.assert_array_equal(found.matvec(x).compute(), C @ x)
    np.testing.assert_array_equal(found.rmatvec(da.from_array(y, chunks=3)).compute(), C.T @ y)


def test_row_blocks_of_a_matrix_beyond_int32_columns_equal_the_operator(rng):
    n, w = 2**31 + 100, np.array([1.0, -2.0, 3.0])
    blocks = chunked.matrix_blocks(w, (n,), rows_per_block=1000, stride=2**21, channels=False)
    assert blocks.shape == (1024 + 1, n)
    last = blocks.blocks[-1].compute()
    assert last.indices.dtype == np.int64
    row = (last.shape[0] - 1) * 0 + last.shape[0] - 1
    np.testing.assert_array_equal(last.indices[last.indptr[row] :], 1024 * 2**21 + np.arange(3))
    np.testing.assert_array_equal(last.data[-3:], w)


def test_complex_row_blocks_conjugate_in_the_adjoint(rng):
    w = random_array(rng, (2, 1, 3), complex)
    C = st.conv_matrix(w, (1, 9), padding=1)
    blocks = chunked.matrix_blocks(w, (1, 9), padding=1, rows_per_block=5)
    y = random_array(rng, (C.shape[0],), complex)
    np.testing.assert_allclose(blocks.rmatvec(y).compute(), C.conj().T @ y)


def test_cgls_solves_the_damped_least_squares_problem(rng):
    w, x = rng.standard_normal((3, 3)), rng.standard_normal((8, 6))
    options = {"padding": 1, "padding_mode": "symmetric", "channels": False}
    y = da.from_array(st.conv(x, w, **options), chunks=4)
    seen = []
    found = chunked.cgls(
        lambda v: chunked.conv(v, w, **options),
        lambda v: chunked.conv_transpose(v, w, **options),
        y,
        damp=1.0,
        rtol=1e-10,
        maxiter=100,
        callback=seen.append,
    )
    assert found.converged
    assert len(seen) == found.iterations
    C = st.conv_matrix(w, (8, 6), **options).toarray()
    wanted = np.linalg.solve(C.T @ C + np.eye(48), C.T @ y.compute().reshape(-1))
    np.testing.assert_allclose(found.x.compute().reshape(-1), wanted, atol=1e-8)
    np.testing.assert_allclose(found.solution_norm, np.linalg.norm(wanted))
    # Relative to operator and solution, as elsewhere, and measured there.
    rows = np.vstack([C, np.eye(48)])
    data = np.concatenate([y.compute().reshape(-1), np.zeros(48)])
    rest = data - rows @ found.x.compute().reshape(-1)
    bound = np.linalg.norm(rows, 2) * np.linalg.norm(rest)
    assert np.linalg.norm(rows.T @ rest) <= 1e-10 * bound
    with pytest.warns(UserWarning, match="stopped at maxiter"):
        chunked.cgls(lambda v: v * 2.0, lambda v: v * 2.0, y, maxiter=0)


def test_a_large_mean_does_not_pass_for_convergence(rng):
    """|C^H y| is that of the mean: a tenth of a millionth of it is as large as all details."""
    x = 1e6 + rng.standard_normal((10, 9))
    w = np.ones((3, 3)) / 9
    options = {"padding": 1, "padding_mode": "symmetric", "channels": False}
    y = st.conv(x, w, **options)
    found = chunked.cgls(
        lambda v: chunked.conv(v, w, **options),
        lambda v: chunked.conv_transpose(v, w, **options),
        da.from_array(y, chunks=5),
        damp=0.01,
        rtol=1e-7,
    )
    alone = st.inverse.solve(st.Conv(w, x.shape, **options), y, damp=0.01, method="cgls", rtol=1e-7)
    assert (found.status, found.iterations) == (alone.status, alone.iterations)
    np.testing.assert_allclose(found.x.compute(), alone.x, rtol=1e-9)
    with pytest.warns(st.inverse.ConvergenceWarning, match="stopped"):
        chunked.cgls(lambda v: 2.0 * v, lambda v: 2.0 * v, da.from_array(y), 1e-3, rtol=0.0)


def test_data_that_are_not_finite_end_in_a_warning_and_not_never():
    y = da.from_array([1.0, np.nan, 2.0])
    with pytest.warns(st.inverse.ConvergenceWarning, match="no further progress"):
        found = chunked.cgls(lambda v: 2.0 * v, lambda v: 2.0 * v, y)
    assert not found.converged


@pytest.mark.filterwarnings("default")
def test_a_local_cluster_of_processes_gives_the_same(rng):
    distributed = pytest.importorskip("distributed")
    x = rng.standard_normal((2, 40, 30))
    w = rng.standard_normal((3, 2, 5, 5))
    options = {"stride": 2, "padding": 3, "padding_mode": "circular"}
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        y = chunked.conv(da.from_array(x, chunks=(2, 11, 13)), w, **options)
        np.testing.assert_allclose(y.compute(), st.conv(x, w, **options))
        back = chunked.conv_transpose(y, w, output_size=(40, 30), **options)
        wanted = st.conv_transpose(st.conv(x, w, **options), w, output_size=(40, 30), **options)
        np.testing.assert_allclose(back.compute(), wanted)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: chunked.conv(np.ones(9), [1.0], channels=False),
            st.DTypeError,
            "must be a Dask array; got ndarray",
        ),
        (
            lambda: chunked.conv(unknown(), [1.0], channels=False),
            st.ShapeError,
            r"known chunk sizes.*x\.compute_chunk_sizes\(\)",
        ),
        (lambda: chunked.conv(da.ones(9), np.ones((1, 1, 3))), st.ShapeError, "at least 2 axes"),
        (
            lambda: chunked.conv(da.ones((2, 9)), np.ones((1, 1, 3))),
            st.GeometryError,
            "must start with 1",
        ),
        (
            lambda: chunked.conv(da.ones((1, 9)), np.ones((2, 1, 3)), [1.0]),
            st.ShapeError,
            r"shape \(2,\)",
        ),
        (
            lambda: chunked.conv(da.ones((1, 9)), np.ones((2, 1, 3)), [1j, 1]),
            st.DTypeError,
            "must be real",
        ),
        (
            lambda: chunked.conv(da.ones((1, 9), dtype=bool), np.ones((2, 1, 3))),
            st.DTypeError,
            "got bool",
        ),
        (
            lambda: chunked.cgls(lambda x: x, lambda y: y, da.ones(3), damp=-1),
            st.GeometryError,
            "`damp`",
        ),
        (
            lambda: chunked.cgls(lambda x: x[1:], lambda y: y, da.ones(3)),
            st.ShapeError,
            "`forward` must",
        ),
        (
            lambda: chunked.matrix_blocks([1.0], (3,), channels=False).matvec(np.ones(4)),
            st.ShapeError,
            r"`x` must have shape \(3,\); got \(4,\)",
        ),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=message):
        call()


def unknown():
    x = da.arange(10, chunks=3)
    return x[x > 4]


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dask.array", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[dask\]'"):
        chunked.matrix_blocks([1.0], (3,), channels=False)


def test_npy_files_are_read_and_written_chunk_by_chunk(tmp_path, rng):
    x = rng.standard_normal((2, 30, 41)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    read = chunked.from_npy(tmp_path / "x.npy", chunks=(1, 16, 16))
    assert read.dtype == x.dtype
    assert read.numblocks == (2, 2, 3)
    chunked.to_npy(read * 2, tmp_path / "y.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), x * 2)


def test_a_pickled_graph_over_a_file_carries_no_data(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((300, 300)))
    read = chunked.from_npy(tmp_path / "x.npy", chunks=100)
    blurred = chunked.conv(read, np.ones((3, 3)), padding=1, channels=False)
    assert len(pickle.dumps(dict(blurred.__dask_graph__()))) < 300 * 300


def test_a_file_written_anew_is_read_anew(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(4))
    first = chunked.from_npy(tmp_path / "x.npy")
    np.save(tmp_path / "x.npy", np.zeros(5))
    assert chunked.from_npy(tmp_path / "x.npy").name != first.name


def test_files_that_hold_no_numbers_are_refused(tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    with pytest.raises(DTypeError, match="`path` must hold numbers; got Python objects"):
        chunked.from_npy(tmp_path / "objects.npy")
    np.save(tmp_path / "words.npy", np.array(["a"]))
    with pytest.raises(DTypeError, match="`path` must"):
        chunked.from_npy(tmp_path / "words.npy")


def test_a_chunk_whose_windows_lie_in_the_padding_is_zero(rng):
    x = da.from_array(rng.standard_normal((2, 3)), chunks=(1, 1))
    options = {"padding": (0, 5), "channels": False}
    weight = rng.standard_normal((1, 2))
    y = chunked.conv(x, weight, **options)
    np.testing.assert_allclose(y.compute(), st.conv(x.compute(), weight, **options), atol=1e-14)


def test_a_chunk_is_one_task_and_the_slices_it_shares_with_its_neighbors(rng):
    x = da.zeros((400, 400), chunks=100)
    y = chunked.conv(x, rng.standard_normal((3, 3)), padding=1, channels=False)
    layer = y.__dask_graph__().layers[y.name]
    assert len(layer) == 16 + 3 * 4 + 4 * 3 + 3 * 3  # chunks; slices below, beside and across


def test_blocks_without_number_are_refused():
    with pytest.raises(
        st.GeometryError, match="`rows_per_block` must make at most 1,000,000 blocks"
    ):
        chunked.matrix_blocks([1.0, 2.0], 2**31, rows_per_block=1, channels=False)


@pytest.mark.parametrize("chunks", [0, -2, 2**62, "nonsense", (3, 3), 1.5])
def test_chunks_that_are_none_are_refused(chunks, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(4))
    try:
        read = chunked.from_npy(tmp_path / "x.npy", chunks)
    except st.GeometryError as error:
        outcome = str(error)[:14]
    else:
        outcome = read.chunks
    wanted = {2**62: ((4,),)}.get(chunks, "`chunks` must ")
    assert outcome == wanted


def _solved_at(of_op, of_y, rng):
    """C x = y in powers of ten of C and of y, and what the callback saw last."""
    kernel = np.array([0.3, 2.0, -0.2]) * 10.0**of_op
    y = rng.standard_normal(7) * 10.0**of_y
    options = {"padding": 1, "channels": False}
    seen = []
    found = chunked.cgls(
        lambda v: chunked.conv(v, kernel, **options),
        lambda v: chunked.conv_transpose(v, kernel, **options),
        da.from_array(y, chunks=4),
        damp=0.1 * 10.0**of_op,
        callback=seen.append,
    )
    assert found.converged
    np.testing.assert_array_equal(seen[-1].compute(), found.x.compute())
    return found


@pytest.mark.parametrize(
    ("of_op", "of_y"), [(-200, -200), (200, 100), (-200, 0), (200, -80), (0, 150), (0, -200)]
)
def test_cgls_answers_at_every_scale_as_at_one(of_op, of_y):
    found, plain = (_solved_at(*at, np.random.default_rng(3)) for at in ((of_op, of_y), (0, 0)))
    wanted = plain.x.compute() * 10.0 ** (of_y - of_op)
    np.testing.assert_allclose(found.x.compute(), wanted, rtol=1e-9)
    np.testing.assert_allclose(found.residual_norm, plain.residual_norm * 10.0**of_y, rtol=1e-5)
    size = abs(wanted).max()
    np.testing.assert_allclose(found.solution_norm, np.linalg.norm(wanted / size) * size)


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.complex64])
@pytest.mark.parametrize(("of_op", "of_y"), [(-30, 0), (-30, -30), (30, 30)])
def test_cgls_of_single_precision_and_of_integers(dtype, of_op, of_y, rng):
    x, factor = rng.integers(-9, 9, 20), np.float32(10.0**of_op)
    data = x if dtype is np.int64 else (x * 10.0**of_y).astype(dtype)
    y = da.from_array(data, chunks=7)
    found = chunked.cgls(lambda v: v * factor, lambda v: v * factor, y)
    assert found.converged
    assert found.x.dtype == np.result_type(dtype, np.float32)
    wanted = data.astype(np.complex128) / float(factor)
    np.testing.assert_allclose(found.x.compute(), wanted, rtol=1e-5)


def test_cgls_refuses_an_answer_that_its_type_cannot_hold():
    y, factor = da.ones(3, dtype=np.float32) * 1e20, np.float32(1e-30)
    with pytest.raises(DTypeError, match="`y` must have an answer that float32 can hold; got one"):
        chunked.cgls(lambda v: v * factor, lambda v: v * factor, y)
