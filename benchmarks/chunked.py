"""A 7x7 convolution and its transpose on a memory-mapped image: peak memory, growth, overhead.

    python benchmarks/chunked.py [--size 12000] [--chunk 2000]

Prints the peak of anonymous memory for the large image, the seconds per megapixel over a 16-fold
range of sizes, and the time over that of the in-memory functions at 4,000 x 4,000.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from pathlib import Path

import dask.array as da
import numpy as np

import sparse_tconv as st
from sparse_tconv import chunked

OPTIONS = {"padding": 3, "padding_mode": "symmetric", "channels": False}


class PeakAnonymousMemory:
    """Samples RssAnon of this process while a ``with`` block runs (Linux)."""

    def __enter__(self):
        self.peak, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()

    def _watch(self):
        while not self._stop.wait(0.01):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    self.peak = max(self.peak, int(line.split()[1]) * 1024)


def image(folder, name, size, fill=True):
    """A memory-mapped float32 image, written row block by row block."""
    path = folder / f"{name}-{size}.npy"
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(size, size))
    rng = np.random.default_rng(0)
    for start in range(0, size if fill else 0, 500):
        array[start : start + 500] = rng.standard_normal(array[start : start + 500].shape)
    array.flush()
    return array


def both(folder, size, chunk, weight):
    """Seconds of the product and of its transpose, memory-mapped in and out."""
    x = image(folder, "x", size)
    y = image(folder, "y", size, fill=False)
    z = image(folder, "z", size, fill=False)
    start = time.perf_counter()
    lazy = chunked.conv(chunked.from_npy(x.filename, chunk), weight, **OPTIONS)
    da.store(lazy, y, lock=False)
    lazy = chunked.conv_transpose(chunked.from_npy(y.filename, chunk), weight, **OPTIONS)
    da.store(lazy, z, lock=False)
    seconds = time.perf_counter() - start
    for array in (x, y, z):
        Path(array.filename).unlink()
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=12_000)
    parser.add_argument("--chunk", type=int, default=2_000)
    parser.add_argument("--growth", type=int, default=3, help="how many sizes of three")
    arguments = parser.parse_args()
    weight = np.random.default_rng(1).standard_normal((7, 7)).astype(np.float32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        both(folder, 1000, arguments.chunk, weight)
        with PeakAnonymousMemory() as memory:
            seconds = both(folder, arguments.size, arguments.chunk, weight)
        print(f"{arguments.size}^2: {seconds:.1f} s, peak {memory.peak / 1e6:.0f} MB anonymous")
        for size in (3000, 6000, 12000)[: arguments.growth]:
            seconds = both(folder, size, arguments.chunk, weight)
            print(f"{size}^2: {seconds / size**2 * 1e9:.1f} ns per pixel")
        size = 4000
        x = np.random.default_rng(0).standard_normal((size, size), dtype=np.float32)
        chunked_x = da.from_array(x, chunks=arguments.chunk)
        chunked_y = da.from_array(st.conv(x, weight, **OPTIONS), chunks=arguments.chunk)
        memory_seconds, chunked_seconds = [], []
        for _ in range(9):
            start = time.perf_counter()
            y = st.conv(x, weight, **OPTIONS)
            st.conv_transpose(y, weight, **OPTIONS)
            memory_seconds.append(time.perf_counter() - start)
            start = time.perf_counter()
            chunked.conv(chunked_x, weight, **OPTIONS).compute()
            chunked.conv_transpose(chunked_y, weight, **OPTIONS).compute()
            chunked_seconds.append(time.perf_counter() - start)
        ratio = np.median(chunked_seconds) / np.median(memory_seconds)
        print(f"4000^2: chunked over in-memory {ratio:.2f} (medians of {len(chunked_seconds)})")


if __name__ == "__main__":
    main()
