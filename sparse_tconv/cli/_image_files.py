"""Image files as arrays, and arrays as image files; the work is Pillow's."""

from __future__ import annotations

import io
import stat
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._files import encoded
from ..errors import MissingExtraError
from ._arrays import held
from ._errors import UsageError

# What Pillow's modes of gray, color and palette are read as; with transparency if there is any.
_GRAY, _COLOR = ("1", "L", "LA", "La"), ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX")
_DEPTH = 65535
_HARMLESS = 1 << 24  # pixels that any file may unfold to
_RATIO = 64  # more of them to a byte beyond that: photographs seldom reach twenty
_LARGEST_HELD = 1 << 28  # bytes of a pipe


@dataclass(frozen=True, eq=False)
class Image:
    """A picture as files hold it.

    Attributes
    ----------
    values : array, (rows, columns) or (rows, columns, 3)
        Of uint8, uint16 or float32.
    alpha : array of uint8, optional
        The transparency.
    profile : bytes, optional
        What the colors mean, by the International Color Consortium.
    notes : tuple of str
        What the file has and the array has not.
    """

    values: NDArray[Any]
    alpha: NDArray[np.uint8] | None = None
    profile: bytes | None = None
    notes: tuple[str, ...] = ()

    @property
    def channel_axis(self) -> int | None:
        """The axis of the colors."""
        return None if self.values.ndim == 2 else -1


def image_format(path: Path) -> str:
    """The name of the format that a path stands for, found out before anything is computed."""
    image = _pillow().Image
    image.init()
    kind = image.registered_extensions().get(path.suffix.lower())
    if kind not in image.SAVE:
        raise UsageError(
            f"`--output` must end as an image file does; got {str(path)!r}. "
            f"Write {path.with_suffix('.png')}, say."
        )
    return str(kind)


def read_image(name: str, path: Path) -> Image:
    """The image in a file, turned as it says; `name` is what errors call it."""
    picture, deep = _picture(name, path)
    mode, profile = picture.mode, picture.info.get("icc_profile")
    if mode == "F":
        return Image(np.asarray(picture, dtype=np.float32), profile=profile)
    if mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > _DEPTH:
            raise UsageError(
                f"`{name}` must have at most 16 bits; got values from {values.min()} to "
                f"{values.max()} in {str(path)!r}. Divide them."
            )
        return Image(values.astype(np.uint16), profile=profile)
    if mode not in (*_GRAY, *_COLOR):
        raise UsageError(
            f"`{name}` must be gray or RGB; got {str(path)!r}, which is {mode}: what blurred light "
            f"is no sum of those. Convert it to RGB."
        )
    gray, transparent = mode in _GRAY, picture.has_transparency_data
    picture = picture.convert(("LA" if gray else "RGBA") if transparent else "L" if gray else "RGB")
    values = np.asarray(picture)
    alpha = values[..., -1].copy() if transparent else None
    colors = values[..., :-1] if transparent else values
    colors = colors[..., 0] if colors.shape[2:] == (1,) else colors
    notes = ("of 16 bits per color Pillow reads 8, and 8 are written",) if deep else ()
    return Image(np.ascontiguousarray(colors), alpha, profile, notes)


def check_holds(path: Path, kind: str, image: Image) -> None:
    """Refuse a format that cannot store the image: JPEG has no transparency, say."""
    if kind == "PPM" and image.alpha is not None:  # Pillow drops it without a word
        raise _unfit(path, "it has no transparency")
    alpha = None if image.alpha is None else image.alpha[:1, :1]
    try:
        _save(replace(image, values=image.values[:1, :1], alpha=alpha), io.BytesIO(), kind)
    except Exception as error:  # every writer of Pillow's has its own
        raise _unfit(path, error) from error


def _unfit(path: Path, reason: object) -> UsageError:
    return UsageError(
        f"`--output` must be of a format that holds the image; got {path.suffix}: {reason}. "
        "Write .png or .tif, say."
    )


def write_image(path: Path, kind: str, image: Image) -> None:
    """Write an image, in place of a file that stands there."""
    encoded(path, lambda file: _save(image, file, kind))


def _save(image: Image, file: Any, kind: str) -> None:
    values = image.values
    if image.alpha is not None:
        values = np.dstack([values, image.alpha])
    options: dict[str, Any] = {} if image.profile is None else {"icc_profile": image.profile}
    if kind in ("JPEG", "WEBP"):
        options["quality"] = 95  # by default these lose more than deblurring brings
    picture = _pillow().Image.fromarray(np.ascontiguousarray(values))
    picture.save(file, format=kind, **options)


def _picture(name: str, path: Path) -> tuple[Any, bool]:
    """The image in a file, turned as it says, and whether it has more bits than Pillow reads."""
    pillow = _pillow()
    source, nbytes = _source(name, path)
    try:
        with warnings.catch_warnings(action="ignore"), pillow.Image.open(source) as file:
            _check_expansion(name, path, file.size, nbytes)
            # Of 16 bits Pillow has gray only: in the raw mode of colors, ";16" is what it drops.
            stored = " ".join(str(tile[3]) for tile in file.tile)
            deep = ";16" in stored and not file.mode.startswith("I")
            return pillow.ImageOps.exif_transpose(file), deep
    except (UsageError, MemoryError):
        raise
    except Exception as error:  # every reader of Pillow's has its own for a damaged file
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if isinstance(error, pillow.UnidentifiedImageError):  # it would tell of a buffer
            raise UsageError(f"cannot identify image file {str(path)!r}") from error
        raise UsageError(
            f"`{name}` must be an image that Pillow can read; got {str(path)!r}: "
            f"{str(error).rstrip('.')}. The file is damaged, or cut off."
        ) from error


def _source(name: str, path: Path) -> tuple[Path | io.BytesIO, int]:
    """What Pillow reads, and how many bytes it has: a pipe is held, up to a bound."""
    status = path.stat()
    if stat.S_ISREG(status.st_mode):
        return path, status.st_size
    with path.open("rb") as file:
        return held(name, str(path), file, _LARGEST_HELD)


def _check_expansion(name: str, path: Path, size: tuple[int, int], nbytes: int) -> None:
    """Refuse a picture out of proportion to its file, before it is unfolded."""
    if size[0] * size[1] > _HARMLESS + _RATIO * nbytes:
        raise UsageError(
            f"`{name}` must not unfold to {size[0]} x {size[1]} pixels; got {str(path)!r}, a file of "
            f"{nbytes:,} bytes. Save such an image uncompressed."
        )


def _pillow() -> Any:
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError as error:
        raise MissingExtraError(
            "`deblur` must have Pillow; it is not installed. Run: pip install 'sparse_tconv[demo]'"
        ) from error
    return PIL
