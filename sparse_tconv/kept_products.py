"""Products by operators that are kept from one call to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .cache import count_call, store
from .geometry import ConvGeometry
from .operators import Conv, ConvTranspose, State, cast_bias, checked_bias


def applied(
    transposed: bool,
    geometry: ConvGeometry,
    kernel: NDArray[Any],
    x: NDArray[Any],
    bias: ArrayLike | None,
    engine: str,
) -> NDArray[Any]:
    """The product by the kept engines of this geometry and weight."""
    bucket, state = kept_state(geometry, kernel, engine)
    in_shape, out_shape = geometry.x_shape, geometry.y_shape
    if transposed:
        in_shape, out_shape = out_shape, in_shape
    batch = x.shape[: x.ndim - len(in_shape)]
    offset: NDArray[Any] | None = None
    if bias is not None and _fits(bias, kernel, x) and geometry.channels:
        offset = np.asarray(bias) if np.shape(bias) == out_shape[:1] else None
    if bias is not None and offset is None:
        op = (ConvTranspose if transposed else Conv).of(state)
        offset = cast_bias(checked_bias(op, bias), np.result_type(x.dtype, kernel.dtype))
    if not x.size:
        return np.empty((*batch, *out_shape), np.result_type(x.dtype, kernel.dtype))
    ways = state.ways
    if geometry.channels and len(batch) == 1:
        y = state.multiply(x, transposed, False)
    else:
        samples = x.reshape(-1, *(() if geometry.channels else (1,)), *in_shape)
        y = state.multiply(samples, transposed, False).reshape(*batch, *out_shape)
    if bucket is not None and state.ways > ways:  # what its engines hold has grown
        store.refresh(bucket)
    if offset is not None:
        y += offset.reshape(*offset.shape, *(1,) * len(geometry.axes))
    return y


def _fits(bias: ArrayLike, kernel: NDArray[Any], x: NDArray[Any]) -> bool:
    """Whether a bias is a plain array of the result's dtype: what most are, and no operator is
    needed to say what is wrong with it.
    """
    return type(bias) is np.ndarray and bias.dtype == kernel.dtype == x.dtype


def kept_state(geometry: ConvGeometry, kernel: NDArray[Any], engine: str) -> tuple[Any, State]:
    """The state with this geometry and content, found or made; only content decides equality."""
    bucket: Any = (geometry, kernel.dtype, engine)
    kernel = np.ascontiguousarray(kernel)
    try:
        found = store.find(bucket, lambda state: bool(state.holds(kernel)))
    except TypeError:  # an unhashable engine: State answers for it
        found, bucket = None, None
    if found is not None:
        count_call("hits")
        return bucket, found
    state = State(geometry, kernel, engine)
    count_call("misses")
    store.add(bucket, state, lambda: state.nbytes)
    return bucket, state
