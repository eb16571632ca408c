"""The suite of asv: how the library's own times and memory change from commit to commit."""
