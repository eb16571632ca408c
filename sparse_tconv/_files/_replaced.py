"""A file is written beside the one it replaces, and takes its place when it is whole."""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_LONGEST_SUFFIX = 16  # bytes; what writers know formats by is shorter
_BLOCK = 1 << 20

_STREAMS = ("/dev/std", "/dev/fd/", "/proc/")

# What a file system answers that can write but not reserve.
_CANNOT_RESERVE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV)


@contextmanager
def replaced(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path to write to, beside the real one; it takes its place when the block ends well.

    After an error or an interrupt the old file, if there was one, is as it was, and nothing else is
    left. A link goes on pointing where it points, to the new content; a file that is replaced keeps
    its permissions and, where this user may give it away, its owner. What is no regular file (a pipe,
    a device) is the path itself.
    """
    if is_special(path):
        yield Path(path)
        return
    target = Path(os.path.realpath(path))
    draft = _draft(target)
    try:
        with _told_of(path, draft):
            draft.touch(exist_ok=False)
            yield draft
            if target.exists():
                _inherit(target, draft)
            draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def encoded(path: str | os.PathLike[str], encode: Callable[[BinaryIO], object]) -> None:
    """Replace a file by what `encode` writes, all in memory first: encoders of pictures go back in
    what they write, which a pipe does not allow, or do not notice a full disk.
    """
    whole = io.BytesIO()
    encode(whole)
    with replaced(path) as draft:
        draft.write_bytes(whole.getbuffer())


def _inherit(target: Path, draft: Path) -> None:
    """Give the draft the owner, where this user may, and the permissions of what it replaces."""
    old, new = target.stat(), draft.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with suppress(AttributeError, PermissionError):
            os.chown(draft, old.st_uid, old.st_gid)
    shutil.copymode(target, draft)


def is_special(path: str | os.PathLike[str]) -> bool:
    """Whether something stands at a path, links followed, that can be written to but not replaced.

    So is what the names of this process's own streams lead to, wherever that is. A directory, and a
    link that leads round in a circle, are errors.
    """
    if str(Path(path).absolute()).startswith(_STREAMS):
        return True
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    return not stat.S_ISREG(mode)


def reserve(path: Path, nbytes: int) -> None:
    """Take the place on the disk: a full disk under a mapped file ends the process.

    The file is `nbytes` long afterwards; what it holds beyond its present length is zero.
    """
    with path.open("r+b") as file:
        if not nbytes:
            return
        try:
            os.posix_fallocate(file.fileno(), 0, nbytes)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _CANNOT_RESERVE:
                raise
            _fill_up(file, nbytes)


def _fill_up(file: BinaryIO, nbytes: int) -> None:
    """Write zeros from the end of a file until it is `nbytes` long."""
    size = file.seek(0, os.SEEK_END)
    zeros = bytes(_BLOCK)
    while size < nbytes:
        size += file.write(zeros[: nbytes - size])
    file.flush()


def _draft(target: Path) -> Path:
    """A name beside the target that no file system finds too long, with the target's suffix."""
    suffix = target.suffix if len(os.fsencode(target.suffix)) <= _LONGEST_SUFFIX else ""
    return target.with_name(f".sparse-tconv-{secrets.token_hex(4)}{suffix}")


@contextmanager
def _told_of(path: str | os.PathLike[str], draft: Path) -> Iterator[None]:
    """Errors of the draft name the file that was to be written: the draft is nobody's business."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(draft), os.fsencode(draft)):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
