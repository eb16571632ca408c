"""What to say when the package of a submodule is not installed."""

from __future__ import annotations

from ..errors import MissingExtraError


def missing(extra: str, error: ModuleNotFoundError) -> ImportError:
    """The error that names the pip line; another missing module keeps its own error."""
    if (error.name or "").partition(".")[0] != extra:
        return error
    return MissingExtraError(
        f"`sparse_tconv.interop.{extra}` needs {extra}; it is not installed. "
        f"Run: pip install 'sparse_tconv[{extra}]'"
    )
