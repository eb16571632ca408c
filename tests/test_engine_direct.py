"""The engine `direct`: its products are those of the matrix, for every geometry, type, flag and
number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from engine_laws import assert_keeps_samples_apart, assert_repeatable_and_fresh

import sparse_tconv as st
from sparse_tconv.engines.csr import CsrEngine
from sparse_tconv.engines.direct import DirectEngine, _bands, _engine
from sparse_tconv.engines.direct._block_cost import can_block
from sparse_tconv.engines.direct._cost import prefers_blocks
from sparse_tconv.errors import GeometryError
from sparse_tconv.geometry import ConvGeometry

MODES = ("zeros", "circular", "reflect", "symmetric", "replicate")
DTYPES = ("f4", "f8", "c8", "c16")
Array = np.ndarray[Any, Any]


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    kind = np.dtype(dtype).kind
    real = rng.standard_normal(shape)
    return (
        (real + 1j * rng.standard_normal(shape)).astype(dtype)
        if kind == "c"
        else real.astype(dtype)
    )


def _draw(rng: np.random.Generator) -> ConvGeometry:
    """Any geometry: sizes, strides, dilations and pads without order, modes mixed, paddings
    wider than the axis."""
    while True:
        n_axes = int(rng.integers(1, 5))
        largest = (300, 70, 20, 5)[n_axes - 1] if rng.random() < 0.5 else (12, 7, 4, 3)[n_axes - 1]
        groups = int(rng.choice([1, 1, 2, 3]))
        y_channels, inputs = groups * int(rng.integers(1, 4)), int(rng.integers(1, 4))
        kernel_size = tuple(rng.integers(1, (9, 5, 4, 3)[n_axes - 1] + 1, n_axes))
        plain = rng.random() < 0.5
        try:
            geometry = ConvGeometry.from_conv(
                (y_channels, inputs, *kernel_size),
                (inputs * groups, *rng.integers(1, largest + 1, n_axes)),
                stride=tuple(rng.integers(1, 4, n_axes)),
                padding=[tuple(map(int, rng.integers(-1, 6, 2))) for _ in range(n_axes)],
                dilation=tuple(rng.integers(1, 4, n_axes)),
                groups=groups,
                padding_mode=[MODES[0] if plain else MODES[i] for i in rng.integers(0, 5, n_axes)],
                flip=bool(rng.integers(2)),
            )
        except GeometryError:
            continue
        if geometry.nnz < 200_000:
            return geometry


def _draw_blocks(rng: np.random.Generator) -> ConvGeometry:
    """Zeros outside, several channels, one to four axes."""
    while True:
        n_axes = int(rng.integers(1, 5))
        largest = (400, 60, 12, 5)[n_axes - 1]
        groups = int(rng.choice([1, 1, 2]))
        given, inputs = int(rng.integers(1, 14)), int(rng.integers(1, 14))
        try:
            geometry = ConvGeometry.from_conv(
                (groups * given, inputs, *rng.integers(1, (9, 5, 4, 3)[n_axes - 1] + 1, n_axes)),
                (inputs * groups, *rng.integers(1, largest + 1, n_axes)),
                stride=tuple(rng.integers(1, 4, n_axes)),
                padding=[tuple(map(int, rng.integers(-2, 9, 2))) for _ in range(n_axes)],
                dilation=tuple(rng.integers(1, 4, n_axes)),
                groups=groups,
                flip=bool(rng.integers(2)),
            )
        except GeometryError:
            continue
        if geometry.nnz < 1_000_000:
            return geometry


def _agree(found: Array, exact: Array, scale: Array, terms: int, dtype: Any) -> None:
    """Entrywise 4 eps (r + 2) C(|w|) |x|."""
    assert found.dtype == exact.dtype
    assert found.shape == exact.shape
    assert (np.abs(found - exact) <= 4 * np.finfo(dtype).eps * (terms + 2) * scale).all()


def _compare(geometry: ConvGeometry, dtype: Any, rng: np.random.Generator, batch: int) -> None:
    weight = _numbers(rng, geometry.weight_shape, dtype)
    direct, csr = DirectEngine(geometry, weight), CsrEngine(geometry, weight)
    bound = CsrEngine(geometry, np.abs(weight).astype(float))
    x = _numbers(rng, (batch, *direct.x_shape), dtype)
    y = _numbers(rng, (batch, *direct.y_shape), dtype)
    size_x, size_y = np.abs(x).astype(float), np.abs(y).astype(float)
    terms = int(np.prod(geometry.kernel_size)) * max(weight.shape[:2])
    _agree(direct.forward(x), csr.forward(x), bound.forward(size_x), terms, dtype)
    _agree(direct.transpose(y), csr.transpose(y), bound.transpose(size_y), terms, dtype)
    scale = bound.weight_gradient(size_x, size_y)
    _agree(direct.weight_gradient(x, y), csr.weight_gradient(x, y), scale, y.size, dtype)


def test_products_and_gradients_are_those_of_the_matrix(
    rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    for _ in range(settings_count(1500)):
        _compare(_draw(rng), rng.choice(DTYPES), rng, int(rng.integers(1, 4)))


@pytest.fixture
def blocks_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Blocks of channels wherever they can compute, in small bands on two threads."""
    monkeypatch.setattr(_engine, "prefers_blocks", can_block)
    monkeypatch.setattr(_bands, "_SPACE", 1 << 12)
    monkeypatch.setattr(_bands, "_WORTH_A_THREAD", 10_000)
    _bands.bands.cache_clear()
    with st.threads(2):
        yield
    _bands.bands.cache_clear()


@pytest.mark.usefixtures("blocks_only")
def test_blocks_of_channels_compute_the_products_of_the_matrix(
    rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    for _ in range(settings_count(1500)):
        _compare(_draw_blocks(rng), rng.choice(["f4", "f8"]), rng, int(rng.integers(1, 4)))


@pytest.mark.usefixtures("blocks_only")
def test_blocks_of_channels_send_what_is_not_finite_where_the_matrix_does(
    rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    for _ in range(settings_count(600)):
        _check_not_finite(_draw_blocks(rng), rng)


@pytest.mark.usefixtures("blocks_only")
def test_blocks_of_channels_repeat_bit_by_bit_from_any_thread(rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((12, 16, 3, 3), (16, 90, 90), padding=1, stride=2)
    engine = DirectEngine(geometry, _numbers(rng, geometry.weight_shape, "f4"))
    x, y = _numbers(rng, (3, *engine.x_shape), "f4"), _numbers(rng, (3, *engine.y_shape), "f4")
    assert_repeatable_and_fresh(engine, x, y)
    assert_keeps_samples_apart(engine, x, y)


@pytest.mark.usefixtures("blocks_only")
def test_bands_of_one_long_axis(rng: np.random.Generator) -> None:
    for stride in (1, 2, 5):
        geometry = ConvGeometry.from_conv((9, 3, 7), (3, 5_003), stride=stride, padding=3)
        _compare(geometry, "f4", rng, 2)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_many_channels_go_by_blocks_and_few_do_not(dtype: str, transposed: bool) -> None:
    many = ConvGeometry.from_conv((64, 64, 3, 3), (64, 56, 56), padding=1)
    single = ConvGeometry.from_conv((1, 1, 9, 9), (1, 512, 512), padding=4)
    depthwise = ConvGeometry.from_conv((32, 1, 3, 3), (32, 64, 64), padding=1, groups=32)
    assert prefers_blocks(many, np.dtype(dtype), transposed)
    assert not prefers_blocks(single, np.dtype(dtype), transposed)
    assert not prefers_blocks(depthwise, np.dtype(dtype), transposed)


@pytest.mark.parametrize("count", range(1, 40))
def test_blocks_cover_all_channels_once(count: int) -> None:
    blocks = _bands.blocks_of(count, (8, 4, 3))
    assert [first for _, first in blocks] == [
        sum(size for size, _ in blocks[:number]) for number in range(len(blocks))
    ]
    assert count <= sum(blocks[-1]) < count + 8


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "length", [1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 130]
)
def test_rows_of_every_length_about_the_width_of_a_vector(
    length: int, mode: str, dtype: str, rng: np.random.Generator
) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 2, 3), (1, 3, length), padding=1, padding_mode=mode)
    _compare(geometry, dtype, rng, 1)


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_long_rows_cut_into_pieces_and_chunks(stride: int, rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv(
        (2, 2, 7), (2, 30_011), stride=stride, padding=3, padding_mode="reflect"
    )
    for dtype in ("f8", "c8"):
        with st.threads(3):
            _compare(geometry, dtype, rng, 2)


@pytest.mark.parametrize("size", [(), (1,), (1, 1)])
def test_axes_of_length_one_change_nothing(size: tuple[int, ...], rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 5, *(1 for _ in size)), (1, 40, *size))
    _compare(geometry, "f8", rng, 2)


def test_a_kernel_without_channels_has_a_gradient_of_its_own_shape(
    rng: np.random.Generator,
) -> None:
    geometry = ConvGeometry.from_conv((3, 4), (9, 9), channels=False, flip=True)
    engine = DirectEngine(geometry, _numbers(rng, (3, 4), "f8"))
    gradient = engine.weight_gradient(
        _numbers(rng, (2, *engine.x_shape), "f8"), _numbers(rng, (2, *engine.y_shape), "f8")
    )
    assert gradient.shape == (3, 4)


def _matrix_product(matrix: Any, x: Array) -> Array:
    """The product that looks at stored entries only, whatever they are."""
    product = np.zeros(matrix.shape[0], dtype=x.dtype)
    entries = matrix.tocoo()
    np.add.at(product, entries.coords[0], entries.data * x[entries.coords[1]])
    return product


def _same_places(found: Array, exact: Array) -> None:
    assert (np.isnan(found) == np.isnan(exact)).all()
    assert (found[np.isinf(exact)] == exact[np.isinf(exact)]).all()
    assert (np.isinf(found) == np.isinf(exact)).all()


def _check_not_finite(geometry: ConvGeometry, rng: np.random.Generator) -> None:
    weight = rng.integers(-3, 4, geometry.weight_shape).astype(float)
    if rng.random() < 0.5:
        weight.reshape(-1)[rng.integers(weight.size)] = rng.choice([np.nan, np.inf])
    direct, matrix = DirectEngine(geometry, weight), CsrEngine(geometry, weight).matrix()
    x = rng.integers(-3, 4, (1, *direct.x_shape)).astype(float)
    y = rng.integers(-3, 4, (1, *direct.y_shape)).astype(float)
    for array in (x, y):
        array.reshape(-1)[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
    with np.errstate(invalid="ignore"):
        _same_places(direct.forward(x).reshape(-1), _matrix_product(matrix, x.reshape(-1)))
        _same_places(direct.transpose(y).reshape(-1), _matrix_product(matrix.T, y.reshape(-1)))


def test_what_is_not_finite_goes_where_the_matrix_sends_it(
    rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    for _ in range(settings_count(600)):
        _check_not_finite(_draw(rng), rng)


def test_a_nan_stays_in_its_sample(rng: np.random.Generator) -> None:
    engine = DirectEngine(
        ConvGeometry.from_conv((2, 1, 3, 3), (1, 40, 40), padding=1),
        rng.standard_normal((2, 1, 3, 3)),
    )
    x = rng.standard_normal((3, *engine.x_shape))
    x[1, 0, 20, 20] = np.nan
    assert np.isnan(engine.forward(x)).sum(axis=(1, 2, 3)).tolist() == [0, 18, 0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_repeat_bit_by_bit(threads: int, rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv(
        (1, 1, 5, 5), (1, 200, 300), padding=2, padding_mode="symmetric"
    )
    weight = rng.standard_normal(geometry.weight_shape)
    x, y = rng.standard_normal((2, 1, 200, 300)), rng.standard_normal((2, 1, 200, 300))
    with st.threads(threads):
        answers = []
        for _ in range(3):
            engine = DirectEngine(geometry, weight)
            answers.append((engine.forward(x), engine.transpose(y), engine.weight_gradient(x, y)))
    for other in answers[1:]:
        assert all((a == b).all() for a, b in zip(answers[0], other, strict=True))


def test_flags_and_alignment_of_the_input_do_not_matter(rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 3, 3), (1, 20, 20), padding=1)
    engine = DirectEngine(geometry, rng.standard_normal((1, 1, 3, 3)))
    x = rng.standard_normal((1, 1, 20, 20))
    expected = engine.forward(x)
    shifted = (
        np.frombuffer(b"\0" + x.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(x.shape)
    )
    assert not shifted.flags.aligned
    assert (engine.forward(shifted) == expected).all()
    x.flags.writeable = False
    assert (engine.forward(x) == expected).all()
    assert engine.forward(x).flags.writeable


def test_an_empty_batch_gives_an_empty_batch() -> None:
    engine = DirectEngine(ConvGeometry.from_conv((2, 1, 3), (1, 9)), np.ones((2, 1, 3)))
    assert engine.forward(np.ones((0, 1, 9))).shape == (0, 2, 7)
    assert engine.transpose(np.ones((0, 2, 7))).shape == (0, 1, 9)
    assert (engine.weight_gradient(np.ones((0, 1, 9)), np.ones((0, 2, 7))) == 0).all()


@pytest.mark.parametrize("dtype", [np.longdouble, np.int32, np.uint8])
def test_it_refuses_other_numbers_with_a_clause(dtype: Any) -> None:
    geometry = ConvGeometry.from_conv((2, 2), (4, 4), channels=False)
    reason = DirectEngine.refuses(geometry, np.dtype(dtype))
    assert reason is not None
    assert str(np.dtype(dtype)) in reason
    for other in DTYPES:
        assert DirectEngine.refuses(geometry, np.dtype(other)) is None


def test_bytes_held_are_the_packed_weights() -> None:
    geometry = ConvGeometry.from_conv((3, 3), (50, 50), padding=1, channels=False)
    engine = DirectEngine(geometry, np.ones((3, 3)))
    assert engine.nbytes == 0
    engine.forward(np.ones((1, 1, 50, 50)))
    assert 0 < engine.nbytes < 10_000


def test_four_threads_at_once_get_right_answers(rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 5, 5), (1, 256, 256), padding=2)
    engine = DirectEngine(geometry, rng.standard_normal((1, 1, 5, 5)))
    samples = [rng.standard_normal((1, 1, 256, 256)) for _ in range(4)]
    expected = [engine.forward(x) for x in samples]
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            if not (engine.forward(samples[number]) == expected[number]).all():
                wrong.append(number)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def _python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    return answer.stdout


FORK = """
import os
import numpy as np
from sparse_tconv.engines.direct import DirectEngine
from sparse_tconv.geometry import ConvGeometry
import sparse_tconv as st

st.set_num_threads(2)
geometry = ConvGeometry.from_conv((1, 1, 5, 5), (1, 256, 256), padding=2)
engine = DirectEngine(geometry, np.ones((1, 1, 5, 5)))
x = np.arange(256.0 * 256).reshape(1, 1, 256, 256)
expected = engine.forward(x)
child = os.fork()
if child == 0:
    os._exit(0 if (engine.forward(x) == expected).all() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), (engine.forward(x) == expected).all())
"""


def test_a_forked_child_computes_and_so_does_its_parent() -> None:
    assert _python(FORK).split() == ["0", "True"]


COUNT = """
import numpy as np
from sparse_tconv.engines.direct import DirectEngine
from sparse_tconv.geometry import ConvGeometry

geometry = ConvGeometry.from_conv(
    (1, 1, 3, 3), (1, 40, 40), stride=2, padding=1, padding_mode="symmetric"
)
for dtype in ("f4", "f8"):
    engine = DirectEngine(geometry, np.ones((1, 1, 3, 3), dtype))
    x, y = np.ones((1, *engine.x_shape), dtype), np.ones((1, *engine.y_shape), dtype)
    x.flags.writeable = False
    engine.forward(x), engine.transpose(y), engine.weight_gradient(x, y)
    layer = ConvGeometry.from_conv((16, 16, 3, 3), (16, 40, 40), padding=1)
    engine = DirectEngine(layer, np.ones(layer.weight_shape, dtype))
    engine.transpose(np.ones((1, *engine.y_shape), dtype))
from sparse_tconv.engines.direct import _block_loops, _edge_loops, _gradient_loops, _loops

functions = (_loops.product, _edge_loops.walk, _edge_loops.sort, _gradient_loops.gradient)
functions += (_block_loops.blocked,)
stats = [function.stats for function in functions]
print(sum(sum(s.cache_hits.values()) for s in stats))
print(sum(sum(s.cache_misses.values()) for s in stats))
"""


def test_a_second_process_compiles_nothing(tmp_path: Any) -> None:
    first = _python(COUNT, NUMBA_CACHE_DIR=str(tmp_path))
    second = _python(COUNT, NUMBA_CACHE_DIR=str(tmp_path))
    assert first.split() == ["0", "10"]
    assert second.split() == ["10", "0"]


IMPORT = """
import sys
import numpy as np
from sparse_tconv.engines.direct import DirectEngine
from sparse_tconv.geometry import ConvGeometry

geometry = ConvGeometry.from_conv((3, 3), (9, 9), channels=False)
engine = DirectEngine(geometry, np.ones((3, 3)))
DirectEngine.refuses(geometry, np.dtype(float)), DirectEngine.seconds(geometry, np.dtype(float), 1)
print("numba" in sys.modules)
engine.forward(np.ones((1, 1, 9, 9)))
print("numba" in sys.modules)
"""


def test_numba_is_imported_at_the_first_product_and_not_before() -> None:
    assert _python(IMPORT).split() == ["False", "True"]


NOWHERE = """
import tempfile
import numpy as np

def refuse(*arguments, **options):
    raise PermissionError("nothing can be written")

tempfile.TemporaryFile = refuse
from sparse_tconv.engines.direct import DirectEngine
from sparse_tconv.geometry import ConvGeometry

geometry = ConvGeometry.from_conv((3,), (9,), channels=False)
print(DirectEngine(geometry, np.ones(3)).forward(np.ones((1, 1, 9))).sum())
"""


def test_it_computes_where_nothing_can_be_written() -> None:
    assert _python(NOWHERE).split() == ["21.0"]


MISSING = """
import sys
sys.modules["numba"] = None
import numpy as np
import sparse_tconv as st

assert st.Conv(np.ones((1, 1, 9, 9)), (1, 512, 512)).engine != "direct"
try:
    st.Conv(np.ones(3), (9,), channels=False, engine="direct")
except st.MissingExtraError as error:
    print(error)
"""


def test_without_numba_it_says_what_to_install_and_auto_passes_it_over() -> None:
    assert "got 'direct', which needs numba. Type: pip install 'sparse_tconv[fast]'" in _python(
        MISSING
    )


CHOICE = """
import numpy as np
import sparse_tconv as st

def chosen():
    return st.Conv(np.ones((1, 1, 9, 9)), (1, 512, 512)).engine

before = chosen()
import numba
print(before, chosen())
"""


def test_auto_takes_it_once_numba_is_loaded() -> None:
    before, after = _python(CHOICE).split()
    assert before != "direct"
    assert after == "direct"
