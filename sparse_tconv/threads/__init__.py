"""Everything that threads share, and what makes it survive forks, interrupts and exits: locks, work
space, the pool, the BLAS libraries' number of threads.
"""

from ._blas import blas_workers, run_blas, single_blas
from ._cached import cached_property
from ._exit import at_exit
from ._locks import lock
from ._number import num_threads, set_num_threads, threads
from ._run import in_line, run
from ._scratch import scratch
from ._shelter import in_main_thread, sheltered
from ._whole import whole

__all__ = [
    "at_exit",
    "blas_workers",
    "cached_property",
    "in_line",
    "in_main_thread",
    "lock",
    "num_threads",
    "run",
    "run_blas",
    "scratch",
    "set_num_threads",
    "sheltered",
    "single_blas",
    "threads",
    "whole",
]
