"""What the command line itself refuses, and what ends it."""

from __future__ import annotations

from ..errors import SparseTconvError


class UsageError(SparseTconvError):
    """A file or an argument that no command can use; told in one line, exit code 2."""


class Terminated(BaseException):
    """Someone asked this process to end."""
