from __future__ import annotations

import sparse_tconv as st

from .settings import DTYPES, NAMES, build


class Assembly:
    """The matrix: with the one-axis patterns already known, and from nothing."""

    params = (NAMES, DTYPES)
    param_names = ("setting", "dtype")

    def setup(self, name: str, dtype: str) -> None:
        build(name, dtype)

    def time_build(self, name: str, dtype: str) -> None:
        build(name, dtype)

    def time_build_after_cache_clear(self, name: str, dtype: str) -> None:
        st.cache_clear()
        build(name, dtype)
