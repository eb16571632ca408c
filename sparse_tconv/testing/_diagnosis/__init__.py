"""What is wrong with an adjoint: known mistakes tried on whole matrices."""

from ._diagnose import diagnose

__all__ = ["diagnose"]
