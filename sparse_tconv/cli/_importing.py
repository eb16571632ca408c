"""A user's own objects, named as module:attribute."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from ..errors import SparseTconvError
from ..threads import at_exit
from ._errors import Terminated, UsageError

_OUT, _ERR = 1, 2


def is_reference(text: str) -> bool:
    """Whether a text is ``module:attribute`` and no file."""
    module, _, attribute = text.partition(":")
    dotted = all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")])
    return dotted and not module.lower().endswith((".npz", ".onnx"))


@contextmanager
def working_directory_importable() -> Iterator[None]:
    """Let modules of the working directory be imported, as ``python -m`` does."""
    entry = str(Path.cwd())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:  # a user's code may have changed it
            sys.path.remove(entry)


def resolve(name: str, reference: str) -> Any:
    """The object that a reference names; `name` is what errors call it."""
    if not is_reference(reference):
        raise UsageError(
            f"`{name}` must be MODULE:NAME; got {reference!r}. Write mymodule:{name}, say."
        )
    module_name, _, attribute = reference.partition(":")
    with raising_told(
        f"`{name}` must be importable; got {reference!r}: {{}}. "
        "Run from the module's directory, or set PYTHONPATH."
    ):
        found: Any = importlib.import_module(module_name)
    unreadable = f"`{name}` must be readable; got {reference!r}: {{}}. Mend it."
    for part in attribute.split("."):
        try:
            with raising_told(unreadable):
                found = _attribute(found, part)
        except _MissingError:
            raise UsageError(
                f"`{name}` must exist; got {reference!r}, but {module_name} has no {part!r}. "
                "Check the spelling."
            ) from None
    with raising_told(unreadable):
        hasattr(found, "shape")  # what is asked for first; later it would pass for one without
    return found


class _MissingError(SparseTconvError):
    """There is no attribute of that name."""


def _attribute(owner: Any, name: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        raise _MissingError(name) from None


@contextmanager
def raising_told(message: str) -> Iterator[None]:
    """A user's code may raise anything, and may try to end the program: told in one line, in place
    of the {} of the message.
    """
    try:
        yield
    except (SparseTconvError, KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:
        raise UsageError(message.format(f"{type(error).__name__}: {error}")) from error


@contextmanager
def prints_aside(*, for_good: bool) -> Iterator[Callable[[str], None]]:
    """Whatever is printed inside, by Python or below it, goes to standard error; the function that
    is yielded writes a line of the output.

    `for_good`: so does what is printed afterwards, by threads, say: the process is about to end.
    """
    out, direct, process = sys.stdout, _is_descriptor(sys.stdout), os.getpid()
    with _descriptor_aside(for_good) as kept, redirect_stdout(sys.stderr):

        def tell(line: str) -> None:
            _end_child(process)
            if direct and kept is not None:  # whatever has become of the stream
                with open(kept, "w", encoding="utf-8", closefd=False) as file:
                    file.write(f"{line}\n")
            elif out is not None:
                out.write(f"{line}\n")

        try:
            yield tell
        finally:
            _end_child(process)
    if for_good:
        sys.stdout = sys.stderr


def _end_child(parent: int) -> None:
    """End a process that a user's code has forked off and that came back: its parent has the
    output.
    """
    if os.getpid() != parent:
        _flush()
        os._exit(0)


def prints_aside_at_exit() -> None:
    """The same of what a user's code prints when the interpreter ends, by handlers and finalizers
    registered so far: the output is complete.
    """
    at_exit(_end_output)


def _end_output() -> None:
    _flush()
    with suppress(OSError):
        os.dup2(_ERR, _OUT)
    sys.stdout = sys.stderr


@contextmanager
def _descriptor_aside(for_good: bool) -> Iterator[int | None]:
    """What writes to standard output's descriptor writes to that of standard error; gives another
    descriptor of the output, if there is one.
    """
    try:
        kept = os.dup(_OUT)
    except OSError:  # closed: nothing arrives there
        yield None
        return
    try:
        _flush()
        with suppress(OSError):
            os.dup2(_ERR, _OUT)
        yield kept
    finally:
        _flush()
        if not for_good:
            os.dup2(kept, _OUT)
        os.close(kept)


def _is_descriptor(stream: Any) -> bool:
    """Whether a stream writes to standard output's descriptor."""
    with suppress(AttributeError, OSError, ValueError):
        return bool(stream.fileno() == _OUT)
    return False


def _flush() -> None:
    """Deliver what Python and the C library still hold."""
    for stream in (sys.stdout, sys.__stdout__):
        with suppress(AttributeError, OSError, ValueError):
            print(end="", file=stream, flush=True)
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).fflush(None)
