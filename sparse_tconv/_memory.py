"""How much memory there is: what the system, control groups and this process's own limits leave."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from .errors import MatrixTooLargeError

_UNKNOWN = int(np.iinfo(np.int64).max)
_SMALL = 1 << 24  # bytes; asking the system would take longer than using them


# Paths are plain strings here: the parts of a `Path` enter the interpreter's table of words, and
# where that grows it takes megabytes, beside whatever was about to be allocated.
def available_memory(root: str = "/") -> int:
    """Bytes that could still be allocated: the least that any limit leaves.

    `root` is where the system keeps its files, "/" but in a test.
    """
    system = _system_memory(root)
    left = [system, *_group_memory(root, system), *_process_memory(root)]
    return max(0, min(left))


def check_fits(name: str, what: str, nbytes: int, remedy: str) -> None:
    """Refuse something of so many bytes that the memory there is does not hold it."""
    if nbytes > _SMALL and nbytes > (limit := available_memory()):
        raise MatrixTooLargeError(
            f"`{name}` must fit in the memory that is available, {written(limit)}; got {what}, "
            f"{nbytes:,} bytes ({written(nbytes)}). {remedy}"
        )


@contextmanager
def shortage_told(name: str, remedy: str) -> Iterator[None]:
    """What the system did not give, whatever it was thought to have, is an error of ours too."""
    try:
        yield
    except MatrixTooLargeError:
        raise
    except MemoryError as error:
        raise MatrixTooLargeError(
            f"`{name}` must fit in memory; got less than it takes{': ' * bool(str(error))}{error}. {remedy}"
        ) from error


def written(nbytes: int) -> str:
    """Bytes as a person reads them."""
    if nbytes < 1024:
        return f"{nbytes} B"
    if nbytes.bit_length() > 128:  # and more than a float holds, perhaps
        return "more than an address space"
    power = min((nbytes.bit_length() - 1) // 10, 8)
    amount = nbytes / 1024**power
    if amount >= 1024**2:
        return "more than an address space"
    return f"{amount:.1f} {('K', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y')[power - 1]}iB"


def _text(*parts: str) -> str:
    """What a small file of the system tells; an OSError where there is none."""
    with open("/".join(parts), encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        return file.read()


def _system_memory(root: str) -> int:
    try:
        for line in _text(root, "proc/meminfo").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux: all the memory there is, then
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _UNKNOWN


def _group_memory(root: str, system: int) -> Iterator[int]:
    """What the limits of this process's control groups, and of those around them, leave where that
    may be less than what the system has.
    """
    mounts = f"{root}/sys/fs/cgroup"
    unified = "memory.max", "memory.current", "inactive_file"
    legacy = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    for mount, names, inner in (
        (mounts, unified, _group(root, "")),
        (f"{mounts}/memory", legacy, _group(root, "memory")),
    ):
        # A container sees its own group as the root, under a path that it does not have.
        for depth in range(len(inner), -1, -1):
            group = "/".join([mount, *inner[:depth]])
            yield from _left_in_group(group, system, *names)


def _group(root: str, controller: str) -> list[str]:
    """The path of this process's group of a controller, '' being that of all in version 2."""
    try:
        lines = _text(root, "proc/self/cgroup").splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return [part for part in path.split("/") if part]
    return []


def _left_in_group(group: str, system: int, limit: str, usage: str, cached: str) -> Iterator[int]:
    """What one group's limit leaves; pages of files that nobody uses are given back when asked."""
    try:
        most = int(_text(group, limit))
        used = int(_text(group, usage))
    except (OSError, ValueError):  # no such group, or no limit: "max"
        return
    if most - used >= system:  # and more with what is given back, which takes long to read
        return
    try:
        lines = _text(group, "memory.stat").splitlines()
        used -= sum(int(line.split()[1]) for line in lines if line.split()[0] == cached)
    except (OSError, ValueError, IndexError):
        pass
    yield most - max(used, 0)


def _process_memory(root: str) -> Iterator[int]:
    """What the limits of address space and of data leave."""
    try:
        import resource
    except ImportError:  # not Unix
        return
    for kind, field in ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5)):
        most = resource.getrlimit(kind)[0]
        if most != resource.RLIM_INFINITY:
            yield most - _pages(root, field) * resource.getpagesize()


def _pages(root: str, field: int) -> int:
    """A field of this process's sizes in pages; 0 where the system does not tell."""
    try:
        return int(_text(root, "proc/self/statm").split()[field])
    except (OSError, ValueError, IndexError):
        return 0
