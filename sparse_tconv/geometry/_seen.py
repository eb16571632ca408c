"""Arguments seen before, and the geometry that they made.

Keys are the raw values. Values of different types may be equal, True and 1 and 1.0, or be changed
afterwards, as arrays and lists: so only plain ints and words, None, and tuples of them make a key,
Booleans only where flags are asked for. Everything else is parsed each time.
"""

from __future__ import annotations

from typing import Any

_MOST = 4096  # geometries
_WORDS = frozenset((int, str))
_PLAIN = frozenset((int, str, type(None)))

# Only single operations on it, each one step in C: whole after any interrupt.
_made: dict[Any, Any] = {}


def find(key: Any) -> Any:
    """What the arguments of this key have made; None if they are new, or have no key."""
    return None if key is None else _made.get(key)


def add(key: Any, made: Any) -> None:
    """Keep what arguments, found valid, have made."""
    if key is None:
        return
    if len(_made) >= _MOST:
        _made.clear()
    _made[key] = made


def key(kind: Any, arguments: tuple[Any, ...], more: tuple[Any, ...]) -> Any:
    """A key that tells arguments apart as their check does, or None; the last two of `arguments`
    are flags.
    """
    if type(arguments[-1]) is not bool or type(arguments[-2]) is not bool:
        return None
    for value in arguments[:-2] + more:
        if type(value) not in _PLAIN and not _plain_tuple(value):
            return None
    return kind, arguments, more


def _plain_tuple(value: Any) -> bool:
    """Whether it is a tuple of plain ints and words, or of such tuples."""
    if type(value) is not tuple:
        return False
    return _WORDS.issuperset(map(type, value)) or all(
        type(entry) in _WORDS or _plain_tuple(entry) for entry in value
    )
