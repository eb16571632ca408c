"""What is kept from one call to the next: patterns of axes, and the operators behind the functions.

One store, bounded in bytes, least recently used out first. An operator that someone holds goes on
living when it leaves the store; the index arrays of matrices are not here at all, they live as long
as an operator uses them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from . import _validate as validate
from .threads import lock

_DEFAULT_LIMIT = 256 * 2**20


class CacheInfo(NamedTuple):
    """What the cache did and holds.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.cache_info()._fields
    ('hits', 'misses', 'operators', 'patterns', 'nbytes', 'limit')
    """

    hits: int
    """Calls of the functions that found their operator."""
    misses: int
    """Calls of the functions that had to make one."""
    operators: int
    """Operators held."""
    patterns: int
    """Patterns of axes, templates of rows and tables of places held: what kernels of one geometry
    share."""
    nbytes: int
    """Bytes held, matrices built by the operators included."""
    limit: int
    """Most bytes held."""


@dataclass
class _Entry:
    bucket: Hashable
    value: Any
    measure: Callable[[], int]
    nbytes: int = 0


class Store:
    """Values in buckets, bounded in bytes as they grow, safe from many threads.

    A bucket holds the few values that one hashable key may mean; who looks says which one matches.
    The entries are the truth: the buckets and the total follow from them, and are made anew from
    them after a change that an error ended in the middle.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._buckets: dict[Hashable, tuple[int, ...]] = {}
        self._total = 0
        self._change: object | None = None  # the change that is going on, or was ended by an error
        self._numbers = count()
        self._lock = lock()

    def find(self, bucket: Hashable, matches: Callable[[Any], bool] = lambda value: True) -> Any:
        """The value of a bucket that matches, now the most recently used; None if there is none."""
        with self._lock:
            self._mend()
            numbers = self._buckets.get(bucket, ())
            held = [(n, entry) for n in numbers if (entry := self._entries.get(n)) is not None]
        for number, entry in held:  # matching may take a while: not under the lock
            if matches(entry.value):
                with self._lock:
                    if number in self._entries:
                        self._entries.move_to_end(number)
                return entry.value
        return None

    def add(self, bucket: Hashable, value: Any, measure: Callable[[], int]) -> None:
        """Hold a value while there is room; `measure` tells its bytes."""
        with self._lock:
            change = self._begin()
            number = next(self._numbers)
            self._entries[number] = _Entry(bucket, value, measure)
            self._buckets[bucket] = (*self._buckets.get(bucket, ()), number)
            self._measure([number])
            self._end(change)

    def refresh(self, bucket: Hashable) -> None:
        """Measure a bucket's values again: they may have grown."""
        with self._lock:
            change = self._begin()
            self._measure(self._buckets.get(bucket, ()))
            self._end(change)

    def trim(self) -> int:
        """Measure everything again and keep within the limit; the bytes held then."""
        with self._lock:
            change = self._begin()
            self._measure(list(self._entries))
            self._end(change)
            return self._total

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            change = self._begin()
            self._entries = OrderedDict()
            self._derive()
            self._end(change)

    def kinds(self) -> list[type]:
        """The types of the values held."""
        with self._lock:
            return [type(entry.value) for entry in list(self._entries.values())]

    def _begin(self) -> object:
        """Say that a change is going on."""
        self._mend()
        self._change = change = object()
        return change

    def _end(self, change: object) -> None:
        """The change is over; a signal's handler may have made another in the middle of it."""
        self._change = None if self._change is change else change

    def _mend(self) -> None:
        """Make good a change that an error ended."""
        if self._change is not None:
            self._derive()
            self._change = None

    def _derive(self) -> None:
        """The buckets and the total from the entries."""
        buckets: dict[Hashable, tuple[int, ...]] = {}
        total = 0
        for number, entry in list(self._entries.items()):
            buckets[entry.bucket] = (*buckets.get(entry.bucket, ()), number)
            total += entry.nbytes
        self._buckets, self._total = buckets, total

    def _measure(self, numbers: Iterable[int]) -> None:
        """Bring some entries' sizes up to date, and drop the least recently used beyond the
        limit.
        """
        for number in numbers:
            entry = self._entries.get(number)
            if entry is not None:
                nbytes = entry.measure()
                self._total += nbytes - entry.nbytes
                entry.nbytes = nbytes
        while self._total > self.limit and self._entries:
            _, entry = self._entries.popitem(last=False)
            self._total -= entry.nbytes
            others = self._buckets.get(entry.bucket, ())
            others = tuple(number for number in others if number in self._entries)
            if others:
                self._buckets[entry.bucket] = others
            else:
                self._buckets.pop(entry.bucket, None)


store = Store(_DEFAULT_LIMIT)
counts = {"hits": 0, "misses": 0}
_counts_lock = lock()


def count_call(kind: str) -> None:
    """Count a hit or a miss of the functions."""
    with _counts_lock:
        counts[kind] += 1


def cache_info() -> CacheInfo:
    """What the cache did and holds.

    Returns
    -------
    CacheInfo
        Named tuple of hits, misses, operators, patterns, nbytes and limit.

    See Also
    --------
    cache_clear, set_cache_limit

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.cache_clear()
    >>> y = st.conv([1.0, 2.0, 3.0], [1.0, 1.0], channels=False)
    >>> y = st.conv([4.0, 5.0, 6.0], [1.0, 1.0], channels=False)
    >>> info = st.cache_info()
    >>> info.hits, info.misses, info.operators
    (1, 1, 1)
    """
    nbytes = store.trim()
    kinds = [kind.__name__ for kind in store.kinds()]
    operators = kinds.count("State")
    return CacheInfo(
        counts["hits"], counts["misses"], operators, len(kinds) - operators, nbytes, store.limit
    )


def cache_clear() -> None:
    """Forget every pattern and operator kept, and set the counters to zero.

    Operators that are in use keep what they built.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.cache_clear()
    >>> st.cache_info().nbytes
    0
    """
    store.clear()
    with _counts_lock:
        counts.update(hits=0, misses=0)


def set_cache_limit(nbytes: int) -> None:
    """Set how many bytes may be kept from one call to the next.

    Parameters
    ----------
    nbytes : int
        At least 0; 0 keeps nothing. 256 MiB at the start.

    Raises
    ------
    GeometryError
        `nbytes` is not a non-negative int.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> st.set_cache_limit(2**28)
    >>> st.set_cache_limit(-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `nbytes` must be an int, at least 0; got -1. Use 0 or more.
    """
    store.limit = validate.integer("nbytes", nbytes, minimum=0)
    store.trim()
