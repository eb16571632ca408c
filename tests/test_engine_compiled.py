"""The engines `direct` and `blocks`: their products are those of the matrix, for every geometry, type, flag and
number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_laws import (
    assert_agrees_with_the_matrix,
    assert_keeps_samples_apart,
    assert_repeatable_and_fresh,
    pair,
)
from factories import MODES, random_array

import sparse_tconv as st
from sparse_tconv.engines import CsrEngine, Engine, engine_class
from sparse_tconv.errors import GeometryError
from sparse_tconv.geometry import ConvGeometry

DTYPES = ("f4", "f8", "c8", "c16")
NAMES = ("direct", "blocks")
Array = np.ndarray[Any, Any]


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
                padding_mode=[
                    MODES[0] if plain else MODES[i] for i in rng.integers(0, len(MODES), n_axes)
                ],
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


def _engine(name: str, rng: np.random.Generator, geometry: ConvGeometry, dtype: Any) -> Engine:
    return engine_class(name)(geometry, random_array(rng, geometry.weight_shape, np.dtype(dtype)))


def _compare(
    name: str, geometry: ConvGeometry, dtype: Any, rng: np.random.Generator, batch: int
) -> None:
    engine = _engine(name, rng, geometry, dtype)
    assert_agrees_with_the_matrix(engine, *pair(rng, engine, batch), spectral=False)


def test_products_of_direct_are_those_of_the_matrix(
    rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    for _ in range(settings_count(1500)):
        _compare("direct", _draw(rng), rng.choice(DTYPES), rng, int(rng.integers(0, 4)))


@pytest.mark.parametrize("threads", [1, 2])
def test_products_of_blocks_are_those_of_the_matrix(
    threads: int, rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    with st.threads(threads):
        for _ in range(settings_count(750)):
            dtype = rng.choice(["f4", "f8"])
            _compare("blocks", _draw_blocks(rng), dtype, rng, int(rng.integers(0, 4)))


@pytest.mark.parametrize(
    ("weight", "size", "stride"),
    [
        ((2, 24, 3, 3), (83, 71), (1, 1)),
        ((24, 2, 3, 4), (71, 83), (2, 1)),
        ((3, 24, 5, 1), (150, 41), (3, 2)),
        ((2, 20, 3, 2, 3), (31, 12, 13), (1, 2, 1)),
        ((9, 3, 7), (60_003,), (1,)),
        ((3, 9, 7), (60_003,), (2,)),
        ((9, 3, 7), (60_003,), (5,)),
    ],
)
def test_samples_larger_than_a_cache_are_computed_in_bands(
    weight: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    rng: np.random.Generator,
) -> None:
    geometry = ConvGeometry.from_conv(weight, (weight[1], *size), stride=stride, padding=2)
    for threads in (1, 3):
        with st.threads(threads):
            _compare("blocks", geometry, "f8", rng, 1)


@pytest.mark.parametrize("count", range(1, 34))
def test_any_number_of_channels_is_covered_by_blocks(count: int, rng: np.random.Generator) -> None:
    _compare(
        "blocks", ConvGeometry.from_conv((count, 35 - count, 3), (35 - count, 21)), "f8", rng, 1
    )


@pytest.mark.parametrize("name", NAMES)
def test_results_repeat_bit_by_bit_from_any_thread(name: str, rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((12, 16, 3, 3), (16, 90, 90), padding=1, stride=2)
    engine = _engine(name, rng, geometry, "f4")
    x, y = pair(rng, engine, 3)
    assert_repeatable_and_fresh(engine, x, y)
    assert_keeps_samples_apart(engine, x, y)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_many_channels_are_for_blocks_and_few_are_not(dtype: str) -> None:
    many = ConvGeometry.from_conv((64, 64, 3, 3), (64, 56, 56), padding=1)
    single = ConvGeometry.from_conv((1, 1, 9, 9), (1, 512, 512), padding=4)
    depthwise = ConvGeometry.from_conv((32, 1, 3, 3), (32, 64, 64), padding=1, groups=32)
    for geometry, blocks_first in ((many, True), (single, False), (depthwise, False)):
        seconds = {
            name: engine_class(name).seconds(geometry, np.dtype(dtype), 1)
            for name in ("blocks", "direct")
        }
        assert (seconds["blocks"] < seconds["direct"]) == blocks_first


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "length", [1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 127, 128, 129, 130]
)
def test_rows_of_every_length_about_the_width_of_a_vector(
    length: int, mode: str, dtype: str, rng: np.random.Generator
) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 2, 3), (1, 3, length), padding=1, padding_mode=mode)
    _compare("direct", geometry, dtype, rng, 1)


@pytest.mark.parametrize("stride", [2, 3, 5])
def test_long_rows_cut_into_pieces_and_chunks(stride: int, rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv(
        (2, 2, 7), (2, 30_011), stride=stride, padding=3, padding_mode="reflect"
    )
    for dtype in ("f8", "c8"):
        with st.threads(3):
            _compare("direct", geometry, dtype, rng, 2)


@pytest.mark.parametrize("size", [(), (1,), (1, 1)])
def test_axes_of_length_one_change_nothing(size: tuple[int, ...], rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 5, *(1 for _ in size)), (1, 40, *size))
    _compare("direct", geometry, "f8", rng, 2)


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


def _check_not_finite(name: str, geometry: ConvGeometry, rng: np.random.Generator) -> None:
    weight = rng.integers(-3, 4, geometry.weight_shape).astype(float)
    if rng.random() < 0.5:
        weight.reshape(-1)[rng.integers(weight.size)] = rng.choice([np.nan, np.inf])
    engine, matrix = engine_class(name)(geometry, weight), CsrEngine(geometry, weight).matrix()
    x = rng.integers(-3, 4, (1, *engine.x_shape)).astype(float)
    y = rng.integers(-3, 4, (1, *engine.y_shape)).astype(float)
    for array in (x, y):
        array.reshape(-1)[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
    with np.errstate(invalid="ignore"):
        _same_places(engine.forward(x).reshape(-1), _matrix_product(matrix, x.reshape(-1)))
        _same_places(engine.transpose(y).reshape(-1), _matrix_product(matrix.T, y.reshape(-1)))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite_goes_where_the_matrix_sends_it(
    name: str, rng: np.random.Generator, settings_count: Callable[[int], int]
) -> None:
    for _ in range(settings_count(600)):
        _check_not_finite(name, _draw(rng) if name == "direct" else _draw_blocks(rng), rng)


def test_a_nan_stays_in_its_sample(rng: np.random.Generator) -> None:
    engine = engine_class("direct")(
        ConvGeometry.from_conv((2, 1, 3, 3), (1, 40, 40), padding=1),
        rng.standard_normal((2, 1, 3, 3)),
    )
    x = rng.standard_normal((3, *engine.x_shape))
    x[1, 0, 20, 20] = np.nan
    assert np.isnan(engine.forward(x)).sum(axis=(1, 2, 3)).tolist() == [0, 18, 0]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_repeat_bit_by_bit_from_engine_to_engine(
    threads: int, rng: np.random.Generator
) -> None:
    geometry = ConvGeometry.from_conv(
        (1, 1, 5, 5), (1, 200, 300), padding=2, padding_mode="symmetric"
    )
    weight = rng.standard_normal(geometry.weight_shape)
    x, y = rng.standard_normal((2, 1, 200, 300)), rng.standard_normal((2, 1, 200, 300))
    with st.threads(threads):
        answers = []
        for _ in range(3):
            engine = engine_class("direct")(geometry, weight)
            answers.append((engine.forward(x), engine.transpose(y)))
    for other in answers[1:]:
        assert all((a == b).all() for a, b in zip(answers[0], other, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_flags_and_alignment_of_the_input_do_not_matter(
    name: str, rng: np.random.Generator
) -> None:
    engine = _engine(name, rng, ConvGeometry.from_conv((2, 4, 3, 3), (4, 20, 20), padding=1), "f8")
    x = rng.standard_normal((1, 4, 20, 20))
    expected = engine.forward(x)
    shifted = (
        np.frombuffer(b"\0" + x.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(x.shape)
    )
    assert not shifted.flags.aligned
    assert (engine.forward(shifted) == expected).all()
    x.flags.writeable = False
    assert (engine.forward(x) == expected).all()
    assert engine.forward(x).flags.writeable


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_an_empty_batch_gives_an_empty_batch(
    name: str, dtype: str, rng: np.random.Generator
) -> None:
    for stride in (1, 2):
        geometry = ConvGeometry.from_conv((8, 4, 3), (4, 9), stride=stride)
        engine = _engine(name, rng, geometry, dtype)
        for threads in (1, 2):
            with st.threads(threads):
                x = engine.transpose(np.ones((0, *engine.y_shape), dtype))
                y = engine.forward(np.ones((0, *engine.x_shape), dtype))
        assert (x.shape, x.dtype) == ((0, *engine.x_shape), np.dtype(dtype))
        assert (y.shape, y.dtype) == ((0, *engine.y_shape), np.dtype(dtype))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.longdouble, np.int32, np.uint8])
def test_they_refuse_other_numbers_with_a_clause(name: str, dtype: Any) -> None:
    geometry = ConvGeometry.from_conv((2, 2), (4, 4), channels=False)
    with pytest.raises(st.DTypeError, match=f"got '{name}', but .* not for {np.dtype(dtype)}"):
        st.Conv(np.ones((2, 2), dtype), (4, 4), channels=False, engine=name)
    for other in DTYPES:
        refused = engine_class(name).refuses(geometry, np.dtype(other)) is not None
        assert refused == (name == "blocks" and np.dtype(other).kind == "c")


@pytest.mark.parametrize("mode", MODES[1:])
def test_blocks_refuse_what_is_not_zero_outside(mode: str) -> None:
    with pytest.raises(GeometryError, match=f"got 'blocks', but .*zeros outside, not for '{mode}'"):
        st.Conv(np.ones((8, 8, 3)), (8, 20), padding=1, padding_mode=mode, engine="blocks")


@pytest.mark.parametrize(
    ("weight", "size", "stride", "what"),
    [
        ((2, 2, 2, 2, 2), (40, 30_000, 5), 1, "tables"),
        ((2, 2, 1, 1), (3_000, 3_000), 200, "tables"),
        ((2, 512, 9, 3), (400, 2_000), 1, "work space"),
        ((512, 2, 9, 3), (400, 2_000), 1, "work space"),
    ],
)
def test_blocks_refuse_tables_and_work_space_without_measure(
    weight: tuple[int, ...], size: tuple[int, ...], stride: int, what: str
) -> None:
    geometry = ConvGeometry.from_conv(weight, (weight[1], *size), stride=stride)
    assert engine_class("blocks").refuses(geometry, np.dtype("f8")) == (
        f"its {what} would be too large"
    )


@pytest.mark.parametrize("name", NAMES)
def test_bytes_held_are_the_packed_weights(name: str) -> None:
    geometry = ConvGeometry.from_conv((3, 3), (50, 50), padding=1, channels=False)
    engine = engine_class(name)(geometry, np.ones((3, 3)))
    assert engine.nbytes == 0
    engine.forward(np.ones((1, 1, 50, 50)))
    assert 0 < engine.nbytes < 10_000


def test_four_threads_at_once_get_right_answers(rng: np.random.Generator) -> None:
    geometry = ConvGeometry.from_conv((1, 1, 5, 5), (1, 256, 256), padding=2)
    engine = engine_class("direct")(geometry, rng.standard_normal((1, 1, 5, 5)))
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
from sparse_tconv.engines import engine_class
from sparse_tconv.geometry import ConvGeometry
import sparse_tconv as st

st.set_num_threads(2)
geometry = ConvGeometry.from_conv((1, 1, 5, 5), (1, 256, 256), padding=2)
engine = engine_class("direct")(geometry, np.ones((1, 1, 5, 5)))
x = np.arange(256.0 * 256).reshape(1, 1, 256, 256)
expected = engine.forward(x)
child = os.fork()
if child == 0:
    os._exit(0 if (engine.forward(x) == expected).all() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), (engine.forward(x) == expected).all())
"""


def test_a_forked_child_computes_and_so_does_its_parent() -> None:
    assert _python(FORK).split() == ["0", "True"]


BOTH_WAYS = """
import numpy as np
from sparse_tconv.engines import engine_class
from sparse_tconv.geometry import ConvGeometry

row = ConvGeometry.from_conv(
    (1, 1, 3, 3), (1, 40, 40), stride=2, padding=1, padding_mode="symmetric"
)
layer = ConvGeometry.from_conv((16, 16, 3, 3), (16, 40, 40), padding=1)
for dtype in ("f4", "f8"):
    for name, geometry in (("direct", row), ("blocks", layer)):
        engine = engine_class(name)(geometry, np.ones(geometry.weight_shape, dtype))
        x, y = np.ones((1, *engine.x_shape), dtype), np.ones((1, *engine.y_shape), dtype)
        x.flags.writeable = False
        engine.forward(x), engine.transpose(y)
"""


def test_a_second_process_compiles_nothing(tmp_path: Any) -> None:
    def kept() -> dict[str, int]:
        _python(BOTH_WAYS, NUMBA_CACHE_DIR=str(tmp_path))
        return {str(path): path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ci]")}

    first = kept()
    assert first
    assert kept() == first


IMPORT = """
import sys
import numpy as np
from sparse_tconv.engines import engine_class
from sparse_tconv.geometry import ConvGeometry

geometry = ConvGeometry.from_conv((3, 3), (9, 9), channels=False)
engine = engine_class("direct")(geometry, np.ones((3, 3)))
engine_class("direct").refuses(geometry, np.dtype(float)), engine_class("direct").seconds(geometry, np.dtype(float), 1)
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
from sparse_tconv.engines import engine_class
from sparse_tconv.geometry import ConvGeometry

geometry = ConvGeometry.from_conv((3,), (9,), channels=False)
print(engine_class("direct")(geometry, np.ones(3)).forward(np.ones((1, 1, 9))).sum())
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
    assert "got 'direct', which needs numba. Run: pip install 'sparse_tconv[fast]'" in _python(
        MISSING
    )


CHOICE = """
import numpy as np
import sparse_tconv as st

def chosen():
    return st.Conv(np.ones((1, 1, 9, 9)), (1, 512, 512)).engine

before = chosen()
st.set_compiled(True)
print(before, chosen())
"""


def test_auto_takes_it_when_it_is_told_to() -> None:
    before, after = _python(CHOICE).split()
    assert before != "direct"
    assert after == "direct"
