"""Results as JSON: one object on one line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def json_text(result: Mapping[str, Any]) -> str:
    """A result as JSON that every parser reads, in ASCII: what is not finite becomes null."""
    return json.dumps(_plain(result), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
