"""The ends of a spectrum that values are asked of."""

from __future__ import annotations

from typing import Any

from .. import _validate as validate
from ..errors import GeometryError


def check_which(which: Any) -> None:
    """Refuse what is no end of a spectrum."""
    if not validate.is_word(which, ("largest", "smallest")):
        raise GeometryError(
            f"`which` must be 'largest' or 'smallest'; got {validate.written(which)}. Leave it out "
            "for the largest."
        )
