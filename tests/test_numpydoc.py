"""Every public name has a docstring that numpydoc accepts, and a place in the reference."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate

MODULES = [
    "sparse_tconv",
    "sparse_tconv.analysis",
    "sparse_tconv.chunked",
    "sparse_tconv.inverse",
    "sparse_tconv.inverse.problems",
    "sparse_tconv.inverse.psf",
    "sparse_tconv.plotting",
    "sparse_tconv.testing",
    "sparse_tconv.testing.oracles",
    "sparse_tconv.testing.strategies",
    *(
        f"sparse_tconv.interop.{package}"
        for package in ("onnx", "pylops", "torch")
        if find_spec(package)
    ),
]
REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

# What is not asked for, and why.
LEFT_OUT = {
    "EX01": "answers and small helpers are shown where they are made",
    "ES01": "a summary that says everything needs no second paragraph",
    "GL01": "text begins beside the quotes, as ruff has it",
    "GL02": "and may end on the last line",
    "GL03": "ruff looks after blank lines",
    "GL08": "ruff asks for docstrings, knowing what is overridden",
    "PR03": "parameters that say one thing together stand together",
    "PR04": "'as for' a relative replaces the type and the text of several parameters",
    "PR06": "shapes stand where numpydoc looks for a type",
    "PR08": "a description may begin with a formula or a lower-case symbol",
    "PR09": "or end with one",
    "RT02": "what is returned is unnamed",
    "RT03": "descriptions of answers may begin with a formula",
    "RT04": "or a lower-case symbol",
    "RT05": "or end with one",
    "SA01": "not everything has a relative",
    "SA03": "what is said of a relative goes on a sentence",
    "SA04": "a relative's name may say it all",
    "SS02": "a summary may begin with a symbol",
    "SS03": "a summary may end with a formula",
    "SS05": "a summary may be a noun: what a thing is",
    "SS06": "a summary may need two lines",
    "YD01": "generators say what they give in Returns",
}

# `conv` and `conv_transpose` describe the arguments of these.
FAMILIES = {f"{stem}{axes}d" for stem in ("conv", "conv_transpose") for axes in (1, 2, 3)}

EXCEPTIONS = {
    "CacheInfo": {"PR01"},  # answers, made by this library alone, with their fields in the text
    "Diagnosis": {"PR01"},
    "LawResult": {"PR01"},
    "Structure": {"PR07"},  # several fields on one line have one description
    "num_threads": {"RT01"},  # the summary is what it returns
}


def public_names() -> Iterator[tuple[str, str]]:
    """Module and name of all functions and classes."""
    for module in MODULES:
        for name in importlib.import_module(module).__all__:
            found = getattr(importlib.import_module(module), name)
            if inspect.isroutine(found) or inspect.isclass(found):
                yield module, name


def ignored(found: object, name: str) -> set[str]:
    """Codes that do not apply to this one."""
    codes = set(LEFT_OUT)
    if name in FAMILIES:
        codes |= {"PR01", "RT01"}
    if isinstance(found, type):
        if issubclass(found, Enum | BaseException):
            codes |= {"PR01", "PR02"}  # they take no arguments of ours
        if "Attributes\n" in (found.__doc__ or ""):
            codes.add("PR01")  # users read its fields, and only this library makes it
    return codes | EXCEPTIONS.get(name, set())


def faults(module: str, name: str) -> list[tuple[str, str]]:
    """What numpydoc finds, without what is left out."""
    found = getattr(importlib.import_module(module), name)  # by name, `threads` is the room
    skip = ignored(found, name)
    return [
        (code, text) for code, text in validate(get_doc_object(found))["errors"] if code not in skip
    ]


@pytest.mark.parametrize(("module", "name"), list(public_names()))
def test_numpydoc_accepts_the_docstring(module: str, name: str) -> None:
    assert faults(module, name) == []


def documented() -> set[tuple[str, str]]:
    """Module and name of all entries in the reference."""
    entries = set()
    for page in REFERENCE.glob("*.rst"):
        module = ""
        for line in page.read_text().splitlines():
            if current := re.match(r"\.\. currentmodule:: (\S+)", line):
                module = current[1]
            elif entry := re.match(r"   (\w+)$", line):
                entries.add((module, entry[1]))
    return entries


@pytest.mark.parametrize(("module", "name"), list(public_names()))
def test_the_reference_has_every_public_name(module: str, name: str) -> None:
    assert (module, name) in documented()
