"""A user's own objects, named as module:attribute."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ._errors import UsageError


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
        sys.path.remove(entry)


def resolve(name: str, reference: str) -> Any:
    """The object that a reference names; `name` is what errors call it."""
    if not is_reference(reference):
        raise UsageError(
            f"`{name}` must be MODULE:NAME; got {reference!r}. Write mymodule:{name}, say."
        )
    module_name, _, attribute = reference.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module may raise anything
        raise UsageError(
            f"`{name}` must be importable; got {reference!r}: {type(error).__name__}: {error}. "
            "Run from the module's directory, or set PYTHONPATH."
        ) from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UsageError(
                f"`{name}` must exist; got {reference!r}, but {module_name} has no {part!r}. "
                "Check the spelling."
            )
        found = getattr(found, part)
    return found
