"""The hypothesis strategies draw what they promise, and everything they promise."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import find, given

import sparse_tconv as st
from sparse_tconv.errors import DTypeError, GeometryError, MissingExtraError
from sparse_tconv.testing import oracles, strategies

LOADED = """
import sys
import sparse_tconv.testing
loaded = {"hypothesis", "torch", "pylops"} & set(sys.modules)
assert not loaded, loaded
sparse_tconv.testing.strategies.convs
assert "hypothesis" in sys.modules
"""

WITHOUT_HYPOTHESIS = """
import sys
sys.modules["hypothesis"] = None
import sparse_tconv.testing
from sparse_tconv.errors import MissingExtraError
try:
    sparse_tconv.testing.strategies
except MissingExtraError as error:
    print(error)
"""


def test_hypothesis_is_imported_on_first_use_only() -> None:
    subprocess.run([sys.executable, "-c", LOADED], check=True)


def test_a_missing_hypothesis_is_named_with_its_pip_line() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_HYPOTHESIS], check=True, capture_output=True, text=True
    )
    assert "pip install 'sparse_tconv[test]'" in answer.stdout
    assert issubclass(MissingExtraError, ImportError)


def test_an_unknown_name_of_the_sub_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'strategy'"):
        st.testing.strategy  # noqa: B018


@given(operator=strategies.convs(max_axes=2))
def test_a_conv_drawn_agrees_with_its_transpose(operator: st.Conv) -> None:
    assert min(operator.out_shape) >= 1
    np.testing.assert_array_equal(operator.T.matrix.toarray(), operator.matrix.toarray().T)


@given(operator=strategies.conv_transposes(max_axes=2))
def test_a_conv_transpose_drawn_gives_something(operator: st.ConvTranspose) -> None:
    assert min(operator.out_shape) >= 1


@given(geometry=strategies.geometries())
def test_a_geometry_drawn_hashes(geometry: st.ConvGeometry) -> None:
    assert min(geometry.x_shape + geometry.y_shape) >= 1
    assert hash(geometry) == hash(geometry)


@given(arguments=strategies.conv_arguments(max_axes=2))
def test_arguments_drawn_suit_the_oracle(arguments: Any) -> None:
    weight_shape, in_shape, options = arguments
    if not isinstance(options.get("padding", 0), str):
        operator = st.Conv(np.ones(weight_shape), in_shape, **options)
        y = oracles.conv(np.ones(in_shape), np.ones(weight_shape), **options)
        np.testing.assert_array_equal(operator.apply(np.ones(in_shape)), y)


@given(x=strategies.inputs((2, 3), dtype="complex64", max_batch_axes=2))
def test_an_input_drawn_is_small_and_whole(x: np.ndarray) -> None:
    assert x.dtype == np.complex64
    assert x.shape[-2:] == (2, 3)
    assert x.ndim <= 4
    assert np.abs(x.real).max() <= 4
    np.testing.assert_array_equal(x, np.round(x))


@given(x=strategies.weights((3,), np.uint8))
def test_unsigned_weights_are_not_negative(x: np.ndarray) -> None:
    assert x.max() <= 4


REACHED = {
    "padding wider than the axis": lambda g: any(a.before > a.n_in for a in g.axes),
    "negative padding": lambda g: any(a.before < 0 for a in g.axes),
    "stride larger than the kernel": lambda g: any(a.stride > a.k > 1 for a in g.axes),
    "even kernel, dilated": lambda g: any(a.k == 2 and a.dilation > 1 for a in g.axes),
    "axis of length 1": lambda g: any(a.n_in == 1 for a in g.axes),
    "groups": lambda g: g.groups == 3,
    "flip without channels": lambda g: g.flip and not g.channels,
    "three axes of different modes": lambda g: len({a.mode for a in g.axes}) == 3,
}


@pytest.mark.parametrize("wanted", REACHED.values(), ids=REACHED)
def test_the_corners_where_bugs_live_are_drawn(wanted: Any) -> None:
    assert wanted(find(strategies.geometries(), wanted))


def test_examples_shrink_to_something_readable() -> None:
    shape, in_shape, options = find(strategies.conv_arguments(), lambda drawn: True)
    assert (shape, in_shape, options) == ((1, 1, 1), (1, 1), {})


@pytest.mark.parametrize(
    "strategy",
    [
        strategies.convs,
        strategies.conv_transposes,
        strategies.geometries,
        strategies.conv_arguments,
        strategies.conv_transpose_arguments,
    ],
)
def test_a_strategy_without_axes_is_refused(strategy: Any) -> None:
    with pytest.raises(GeometryError, match="`max_axes` must be an int of at least 1; got 0"):
        strategy(max_axes=0)


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(DTypeError, match="`dtype` must be a numeric dtype; got bool"):
        strategies.weights((2,), bool)
