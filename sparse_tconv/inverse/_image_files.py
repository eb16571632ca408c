"""Image files as channels, and channels as image files; the work is Pillow's."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError, MissingExtraError

Image = NDArray[np.float64]
Alpha = NDArray[np.uint8] | None


def image_format(path: Path) -> str:
    """The name of the format that a path stands for, found out before anything is computed."""
    image = _pillow().Image
    image.init()
    kind = image.registered_extensions().get(path.suffix.lower())
    if kind not in image.SAVE:
        raise GeometryError(
            f"`target` must end as an image file does; got {str(path)!r}. "
            f"Write {path.with_suffix('.png')}, say."
        )
    return str(kind)


def read_image(path: Path) -> tuple[Image, Alpha, int]:
    """Channels (C, H, W) from 0 to 1, the transparency if there is any, and the largest value."""
    picture = _picture(path)
    if picture.mode.startswith("I"):
        return np.asarray(picture, dtype=np.float64)[None] / 65535.0, None, 65535
    gray = picture.mode in ("1", "L", "LA", "La", "F")
    picture = picture.convert("L" if picture.mode == "F" else picture.mode)
    transparent = picture.has_transparency_data
    picture = picture.convert(("LA" if gray else "RGBA") if transparent else "L" if gray else "RGB")
    values = np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)
    colors = values[:-1] if transparent else values
    alpha = values[-1].copy() if transparent else None
    return colors.astype(np.float64) / 255.0, alpha, 255


def check_holds(path: Path, kind: str, image: Image, alpha: Alpha, depth: int) -> None:
    """Refuse a format that cannot store the image: JPEG has no transparency, say."""
    pixel = image[:, :1, :1], None if alpha is None else alpha[:1, :1]
    try:
        _encoded(*pixel, depth).save(io.BytesIO(), format=kind)
    except Exception as error:  # every writer of Pillow's has its own
        raise GeometryError(
            f"`target` must be of a format that holds the image; got {path.suffix}: {error}. "
            "Write .png or .tif, say."
        ) from error


def write_image(path: Path, kind: str, image: Image, alpha: Alpha, depth: int) -> None:
    """Write an image, cut to the range from black to white."""
    _encoded(image, alpha, depth).save(path, format=kind)


def _picture(path: Path) -> Any:
    """The image in a file, turned as it says."""
    pillow = _pillow()
    try:
        with pillow.Image.open(path) as file:
            return pillow.ImageOps.exif_transpose(file)
    except (FileNotFoundError, pillow.UnidentifiedImageError, MemoryError):
        raise
    except Exception as error:  # every reader of Pillow's has its own for a damaged file
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise GeometryError(
            f"`source` must be an image that Pillow can read; got {str(path)!r}: {error}. "
            "The file is damaged, or cut off."
        ) from error


def _encoded(image: Image, alpha: Alpha, depth: int) -> Any:
    """Channels as an image of Pillow's, rounded."""
    values = np.rint(np.clip(image, 0.0, 1.0) * depth).astype(
        np.uint16 if depth > 255 else np.uint8
    )
    bands = values if alpha is None else np.concatenate([values, alpha[None]])
    picture = bands[0] if len(bands) == 1 else bands.transpose(1, 2, 0)
    return _pillow().Image.fromarray(np.ascontiguousarray(picture))


def _pillow() -> Any:
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError as error:
        raise MissingExtraError(
            "`deblur` must have Pillow; it is not installed. Run: pip install 'sparse_tconv[demo]'"
        ) from error
    return PIL
