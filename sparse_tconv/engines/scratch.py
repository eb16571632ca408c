"""Work space of one thread: see the room of threads."""

from ..threads import scratch

__all__ = ["scratch"]
