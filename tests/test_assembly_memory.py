"""What assembly takes, beside what the guard counts before it."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from factories import MODES
from scripts import printed

import sparse_tconv as st
from sparse_tconv.assembly import _csr, _limits, fresh_matrix
from sparse_tconv.assembly._by_slabs import BySlabs
from sparse_tconv.assembly._slab_work import slab_work
from sparse_tconv.geometry import Axis
from sparse_tconv.pattern import MatrixPattern


def taken(build):
    """The peak of a first call, and the bytes of its matrix."""
    st.cache_clear()
    tracemalloc.start()
    matrix = build()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes


def counted(build, monkeypatch):
    """The bytes of the matrix, and of the work space, as the guard tells them once it has counted."""

    def exact(*args, counted="", **options):
        if not counted:
            _limits.guard(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(_csr, "guard", exact)
        patched.setattr(_limits, "available_memory", lambda: 0)
        patched.setattr(_limits, "_SMALL", 0)
        with pytest.raises(
            st.MatrixTooLargeError, match=r"entries, .* bytes of work space"
        ) as error:
            build()
    return [
        int(found.replace(",", "")) for found in re.findall(r"([\d,]+) bytes", str(error.value))
    ]


def extreme_geometry(rng):
    """A geometry of which some sizes are far larger than the others, and its direction."""
    axes = int(rng.integers(1, 4))
    top = (2**21, 2**11, 2**7)[axes - 1]

    def sizes(least, small):
        far = np.exp(rng.uniform(0, np.log(top), axes)).astype(int) + least
        return np.where(rng.random(axes) < 0.4, far, rng.integers(least, small + 1, axes)).tolist()

    groups, rows, cols = (int(rng.choice([1, 1, 2, 5])) for _ in range(3))
    weight_shape = (rows * groups, cols, *sizes(1, 5))
    if np.prod([float(size) for size in weight_shape]) > 2**18:
        return extreme_geometry(rng)
    pads = [sizes(0, 6) for _ in range(2)]
    options = {
        "stride": sizes(1, 3),
        "dilation": sizes(1, 2),
        "padding": list(zip(*pads, strict=True)),
        "padding_mode": rng.choice(MODES, axes).tolist(),
        "groups": groups,
    }
    way = int(rng.integers(2))
    make = (st.ConvGeometry.from_conv, st.ConvGeometry.from_conv_transpose)[way]
    channels = weight_shape[0] if way else cols * groups
    try:
        return make(weight_shape, (channels, *sizes(1, 40)), **options), bool(rng.integers(2))
    except (st.GeometryError, st.MatrixTooLargeError):
        return extreme_geometry(rng)


@pytest.mark.parametrize("span", [(3e4, 1e6), (1e6, 5e6)], ids=["small", "large"])
def test_assembly_takes_no_more_than_the_guard_counts(span, rng, settings_count, monkeypatch):
    left = settings_count(10)
    while left:
        g, transposed = extreme_geometry(rng)
        try:
            if g.nbytes(np.float64) > span[1] or max(g.shape) > span[1]:
                continue
        except st.MatrixTooLargeError:
            continue
        weight = np.ones(g.weight_shape)
        weight[..., rng.random(weight.shape[2:]) < 0.2 * rng.integers(2)] = 0
        options = {
            "dtype": (None, np.float32, np.complex128)[rng.integers(3)],
            "index": (None, np.int64)[rng.integers(2)],
            "drop_zeros": bool(rng.integers(2)),
        }

        def build(g=g, weight=weight, transposed=transposed, options=options):
            return fresh_matrix(g, weight, transposed, **options)

        nbytes, work = counted(build, monkeypatch)
        if not span[0] < nbytes < span[1]:
            continue
        longest = max(g.kernel_size)
        assert work <= max(nbytes // 10, 2**20) + 6 * 16 * weight.size + 200 * longest
        peak, size = taken(build)
        assert size <= nbytes
        assert peak <= nbytes + work, (g, transposed, options)
        left -= 1


# Each took far more than a tenth, or than a megabyte, once.
BESIDE_SMALL = {
    "an axis of all rows": ((1, 1, 1), (1, 27_803), {"padding": 5, "padding_mode": "reflect"}),
    "long rows": (
        (1, 3, 196, 4),
        (3, 170, 19),
        {"padding": ((4, 22), (0, 0)), "padding_mode": ("circular", "zeros")},
    ),
    "all border": ((1, 1, 15, 15), (1, 16, 16), {"padding": 7, "padding_mode": "circular"}),
    "many taps": ((1, 1, 25), (1, 2000), {"padding": 12, "padding_mode": "symmetric"}),
}


@pytest.mark.parametrize("name", BESIDE_SMALL)
def test_small_matrices_take_a_megabyte_beside_themselves_at_most(name, monkeypatch):
    weight_shape, in_shape, options = BESIDE_SMALL[name]
    op = st.Conv(np.ones(weight_shape), in_shape, **options)
    for build in (op.to_matrix, op.T.to_matrix):
        nbytes, work = counted(build, monkeypatch)
        peak, size = taken(build)
        assert size == nbytes
        assert peak <= nbytes + 2**20
        assert work >= 2**20


def test_rows_of_a_long_border_are_looked_at_a_few_at_a_time():
    # All of them together are three times the matrix.
    options = {"padding": 1500, "padding_mode": "symmetric", "channels": False}
    op = st.Conv(np.ones(400), 3000, **options)
    st.cache_clear()
    tracemalloc.start()
    slab_work(MatrixPattern(op.geometry))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= op.geometry.nbytes(np.float64) // 10


@pytest.mark.parametrize("mode", ["circular", "reflect", "symmetric", "antireflect"])
@pytest.mark.parametrize("dtype", [np.int8, np.float64])
def test_of_a_long_axis_only_the_few_samples_are_looked_at_that_windows_read(mode, dtype):
    n = 20_000  # each window reads one sample, or its mirror image, with all taps: a period is between
    period = {"circular": n, "symmetric": 2 * n}.get(mode, 2 * n - 2)
    options = {"dilation": period, "padding": period, "padding_mode": mode, "channels": False}
    peak, size = taken(lambda: st.conv_matrix(np.ones(3, dtype), n, **options))
    assert peak <= size + 2**20


@pytest.mark.parametrize("mode", ["circular", "replicate", "antireflect"])
def test_integers_of_a_long_kernel_are_checked_without_a_table_of_all_pairs_of_taps(mode):
    weight = np.zeros(2000, np.int8)
    weight[::80] = 3
    options = {"padding": 1000, "stride": 200, "padding_mode": mode, "channels": False}
    peak, size = taken(lambda: st.conv_matrix(weight, 2000, **options))
    assert peak <= size + 2**20 + 6 * weight.nbytes + 200 * weight.size


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("stride", [2**16, 2**20])
def test_rows_without_entries_cost_their_row_pointer(index, stride, monkeypatch):
    weight = np.ones((1, 1, 2, 40))
    weight[..., ::3] = 0

    def build():
        options = {"stride": (1, stride), "drop_zeros": True, "index_dtype": index}
        return st.conv_transpose_matrix(weight, (1, 2, 2), **options)

    nbytes, _ = counted(build, monkeypatch)
    peak, size = taken(build)
    assert (
        0.99 * nbytes < size <= nbytes
    )  # with dropped entries, so few that they are not looked for
    assert peak <= size + max(size // 10, 2**20)


@pytest.mark.parametrize("kept", [1, 0.5])
def test_pointers_of_long_slabs_are_written_in_place(kept):
    axes = Axis(4, 4, 3, 1, 1, 1, "reflect"), Axis(2**17, 9, 5, 2**14, 3, 2, "symmetric")
    g = st.ConvGeometry(axes, 1, 1, 1, False, True)
    weight = np.arange(1.0, 16).reshape(g.weight_shape)
    weight[..., 1:][..., :: round(1 / kept)] *= kept == 1
    made = BySlabs(MatrixPattern(g, True, None if kept == 1 else weight[0, 0] != 0))
    tracemalloc.start()
    pointer = made.indptr(np.int32)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 1.1 * pointer.nbytes + 2**18
    wanted = fresh_matrix(g, weight, False, drop_zeros=True).T.tocsr()
    np.testing.assert_array_equal(pointer, wanted.indptr)


def test_work_space_counts_against_memory_and_not_against_max_bytes(monkeypatch):
    def build(**options):
        return st.conv_matrix(np.ones(3), 10**6, channels=False, **options)

    nbytes, work = counted(build, monkeypatch)
    assert work >= nbytes // 10
    build(max_bytes=nbytes)
    with pytest.raises(st.MatrixTooLargeError, match=r"need at most .* bytes \([^)]*\)\. Raise"):
        build(max_bytes=nbytes - 1)
    monkeypatch.setattr(_limits, "available_memory", lambda: nbytes + work)
    build()
    monkeypatch.setattr(_limits, "available_memory", lambda: nbytes + work - 1)
    with pytest.raises(
        st.MatrixTooLargeError, match=r"fit in the memory .* bytes of work space\. "
    ):
        build()


def test_entries_of_kept_taps_are_not_counted_one_by_one_where_they_are_far_too_many():
    weight = np.arange(100_001) % 2
    options = {"padding": 100_000, "padding_mode": "antireflect", "drop_zeros": True}
    for build, n in ((st.conv_matrix, 200_000), (st.conv_transpose_matrix, 250_000)):
        tracemalloc.start()
        with pytest.raises(st.MatrixTooLargeError, match=r"with at least [\d,]{13} entries"):
            build(weight, n, channels=False, max_bytes=2**30, **options)
        assert tracemalloc.get_traced_memory()[1] < 2**22
        tracemalloc.stop()


LIMITED = """
import resource, sys
import numpy as np
import sparse_tconv as st
builds = {
    "template": lambda: st.conv_matrix(np.ones((16, 16, 3, 3)), (16, 36, 36), padding=1),
    "pointer": lambda: st.conv_transpose_matrix([5.0], 3, stride=2**22, channels=False),
    "border": lambda: st.conv_matrix(
        np.ones(400), 3000, padding=1500, padding_mode="symmetric", channels=False
    ),
}
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
for name, build in builds.items():
    made = build()
    nbytes = made.data.nbytes + made.indices.nbytes + made.indptr.nbytes
    del made
    told = []
    for tenths in (8, 12, 20):
        st.cache_clear()
        used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + nbytes * tenths // 10, hard))
        try:
            build()
            told.append("made")
        except st.MatrixTooLargeError as error:
            told.append("told" if "work space" in str(error) else "late")
        except BaseException as error:
            told.append(type(error).__name__)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    print(name, nbytes, *told)
"""


def test_what_the_guard_lets_pass_is_made_or_refused_as_too_large():
    for line in printed("-c", LIMITED, OMP_NUM_THREADS="2").splitlines():
        told = line.split()[2:]
        assert set(told) <= {"made", "told", "late"}, line
        assert told[0] == "told", line
        assert told[-1] == "made", line


# Size, windows, kernel, stride, dilation, pads, mode of two axes: slabs are 10 times as fast as boxes.
IN_SLABS = [
    ((21, 15, 15, 1, 2, 7, "symmetric"), (35, 19, 31, 1, 1, 5, "symmetric"), False, (2, 1)),
    ((34, 32, 28, 1, 1, 12, "zeros"), (9, 21, 24, 1, 2, 8, "reflect"), False, (1, 3)),
]


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize(("first", "last", "transposed", "channels"), IN_SLABS)
def test_slabs_that_take_most_of_a_megabyte_are_written(first, last, transposed, channels, dtype):
    g = st.ConvGeometry((Axis(*first), Axis(*last)), *channels, 1, False, True)
    assert isinstance(_csr.layout(MatrixPattern(g, transposed)), BySlabs)
    weight = np.ones(g.weight_shape, dtype)
    peak, size = taken(lambda: fresh_matrix(g, weight, transposed))
    assert peak <= size + max(size // 10, 2**20) + 6 * weight.nbytes
