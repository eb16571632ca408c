"""Arrays and their dtypes.

NumPy's own arrays go the short way. What other libraries hold is read as the values it stands for,
or refused in words that say what to type: tensors, masked arrays, sparse matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from ..errors import DTypeError, GeometryError
from ._foreign import written
from ._tensors import is_tensor, tensor_values

# What the library computes with, in the machine's byte order: most arrays need no other question.
_PLAIN = frozenset(np.dtype(code) for code in "bhilqBHILQfdgFDG")
HALVES = ("float16", "bfloat16")
_ALLOWED = "an integer dtype, or float32, float64, longdouble or their complex kin"


def numeric_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """`value` as an array in native byte order whose dtype the library computes with; no copy if
    it is one.
    """
    if type(value) is np.ndarray and value.dtype in _PLAIN:
        return value
    return _computable(name, _dense(name, value, constant=False))


def constant_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """The same for what no derivative is asked for, such as a bias: of a tensor, its values."""
    if type(value) is np.ndarray and value.dtype in _PLAIN:
        return value
    return _computable(name, _dense(name, value, constant=True))


def array(name: str, value: ArrayLike) -> NDArray[Any]:
    """The same of any dtype, for what asks for its own."""
    return _dense(name, value, constant=True)


def boolean_array(name: str, value: Any, rule: str = "a Boolean array") -> NDArray[np.bool_]:
    """A mask: Boolean values, none of them masked themselves; `rule` is what the argument must be."""
    if np.ma.is_masked(value):
        raise masked(name, value, f"Say what these are: {name}.filled(False).")
    try:
        array = np.asarray(value.detach() if is_tensor(value) else value)
    except (TypeError, ValueError, RuntimeError):  # ragged, or a tensor that holds no plain numbers
        array = np.asarray(None)
    if array.dtype != np.bool_:
        found = type(value).__name__ if array.dtype == object else f"an array of {array.dtype}"
        raise DTypeError(f"`{name}` must be {rule}; got {found}. Write {name} != 0 for a mask.")
    return np.asarray(array)


def kernel_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """The values of a kernel, which has some."""
    return _filled(name, constant_array(name, value))


def kernel_array_for(name: str, value: ArrayLike, dtype: Any) -> NDArray[Any]:
    """The values of a kernel that goes into a matrix of `dtype`, which takes half precision up."""
    if type(value) is np.ndarray and value.dtype in _PLAIN:
        return _filled(name, value)
    other = "" if dtype is not None else ", or pass dtype=np.float32, say"
    array = _dense(name, value, constant=True, other=other, widen=dtype is not None)
    if dtype is not None and array.dtype.name in HALVES:
        array = array.astype(np.float32)
    return _filled(name, _computable(name, array, other))


def _filled(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.size == 0:
        raise GeometryError(
            f"`{name}` must have no axis of length 0; got shape {array.shape}. "
            f"A kernel has at least one tap and one channel."
        )
    return array


def _computable(name: str, array: NDArray[Any], other: str = "") -> NDArray[Any]:
    """An array, once its dtype is one to compute with; `other` is one more thing to do about it."""
    _check_dtype(name, array.dtype, name, other)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _dense(
    name: str, value: Any, constant: bool, other: str = "", widen: bool = False
) -> NDArray[Any]:
    """Anything that holds values, as a plain array of them."""
    if isinstance(value, np.ndarray):
        return _unmasked(name, value)
    if is_tensor(value):
        return tensor_values(name, value, constant, other, widen)
    if issparse(value):
        raise DTypeError(
            f"`{name}` must be a dense array; got a {type(value).__name__}. Pass {name}.toarray()."
        )
    if isinstance(value, (list, tuple)):
        _check_entries(name, value)
    try:
        return np.asarray(value)
    except Exception as error:  # whatever another library's conversion raises
        raise _unreadable(name, value, error) from error


def _unmasked(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """A subclass of ndarray as a plain one; an entry that is masked has no value."""
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        raise masked(name, array, f"Pass {name}.filled(0), say.")
    return np.asarray(array)


def masked(name: str, array: Any, hint: str) -> DTypeError:
    """The error for entries that are masked."""
    count = int(np.ma.count_masked(array))
    plural = "entry" if count == 1 else "entries"
    return DTypeError(f"`{name}` must have no masked entries; got {count} masked {plural}. {hint}")


def _check_entries(name: str, value: Any) -> None:
    """Refuse the masked and the sparse inside lists, whose hidden values NumPy would take."""
    for entry in value:
        if isinstance(entry, (int, float, complex)):
            continue
        if isinstance(entry, (list, tuple)):
            _check_entries(name, entry)
        elif issparse(entry) or (isinstance(entry, np.ma.MaskedArray) and np.ma.is_masked(entry)):
            raise DTypeError(
                f"`{name}` must hold plain numbers; got a {type(entry).__name__} among its entries. "
                f"Make one dense array, nothing masked, first."
            )


def _unreadable(name: str, value: Any, error: Exception) -> DTypeError:
    if isinstance(error, ValueError) and isinstance(value, (list, tuple)):
        return DTypeError(
            f"`{name}` must be a rectangular numeric array; got nested sequences of unequal length. "
            f"Make every row as long as the others."
        )
    kind = type(value).__name__
    reason = str(error).strip().splitlines()[:1]
    return DTypeError(
        f"`{name}` must be an array of numbers; got a {kind} that NumPy cannot read"
        f"{': ' + reason[0].rstrip('.') if reason else ''}. Convert it to a NumPy array first."
    )


def numeric_dtype(name: str, dtype: Any, verb: str = "be") -> np.dtype[Any]:
    """A dtype that the library computes with: integers, and floats from 32 bits on, real or
    complex; `verb` is what an argument does that is none itself.
    """
    try:
        found = np.dtype(dtype)
    except Exception as error:  # whatever another library's `.dtype` raises
        raise DTypeError(
            f"`{name}` must be a NumPy dtype; got {written(dtype)}. Pass np.float64, say."
        ) from error
    if not _computed_with(found):
        raise DTypeError(f"`{name}` must {verb} {_ALLOWED}; got {found}. Pass np.float64, say.")
    return found


def _computed_with(dtype: np.dtype[Any]) -> bool:
    """Whether the library computes with arrays of this dtype."""
    return dtype.kind in "iufc" and dtype != np.float16


def _check_dtype(name: str, dtype: np.dtype[Any], array: str, other: str) -> None:
    """Refuse what is no dtype of the library's; `array` is what to call an array of it."""
    if _computed_with(dtype):
        return
    if dtype.kind == "f" or dtype.name in HALVES or dtype.name.startswith("float8"):
        also = other if dtype.name in HALVES else ""
        hint = f"Convert it: {array}.astype(np.float32){also}."
    else:
        hint = {
            "b": f"Convert it: {array}.astype(np.int8), or to a float type.",
            "O": f"Convert it to numbers: {array}.astype(np.float64).",
        }.get(dtype.kind, "Convert it to numbers.")
    raise DTypeError(f"`{name}` must have {_ALLOWED}; got {dtype}. {hint}")


def optional_dtype(name: str, dtype: Any) -> np.dtype[Any] | None:
    """None, or a dtype that the library computes with."""
    return None if dtype is None else numeric_dtype(name, dtype)
