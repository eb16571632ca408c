"""Files are written whole or not at all, wherever that fails; and read without trust."""

from __future__ import annotations

import io
import os
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runs import ENVIRONMENT, PROGRAM

from sparse_tconv import DTypeError, GeometryError, MatrixTooLargeError, SparseTconvError, chunked
from sparse_tconv._files import is_special, read_npy, read_npy_header, read_npz, replaced, reserve
from sparse_tconv._memory import available_memory, check_fits, written

da = pytest.importorskip("dask.array")

MEGABYTE = 1 << 20
OLD = b"the old file"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def only(name: str) -> None:
    """There is one file, and it is the old one."""
    assert [path.name for path in Path().iterdir()] == [name]
    assert Path(name).read_bytes() == OLD


FAILURES = [KeyboardInterrupt(), SystemExit(7), OSError(28, "No space left"), ValueError("task")]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
def test_after_a_failure_the_old_file_is_as_it_was_and_nothing_else_is_left(
    failure: BaseException,
) -> None:
    Path("a.npy").write_bytes(OLD)

    def fail() -> None:
        with replaced("a.npy") as draft:
            draft.write_bytes(b"half")
            raise failure

    with pytest.raises(type(failure)) as raised:
        fail()
    assert str(failure.args[-1] if failure.args else "") in str(raised.value)
    only("a.npy")


def test_a_task_that_fails_leaves_the_old_file() -> None:
    Path("a.npy").write_bytes(OLD)
    broken = da.ones(4, chunks=2).map_blocks(lambda _: 1 // 0, dtype=float)
    with pytest.raises(ZeroDivisionError, match="by zero"):
        chunked.to_npy(broken, "a.npy")
    only("a.npy")


def test_an_array_may_be_written_over_the_file_that_it_is_read_from(rng) -> None:
    x = rng.standard_normal((6, 5))
    np.save("x.npy", x)
    chunked.to_npy(chunked.from_npy("x.npy", chunks=2)[::-1].T, "x.npy")
    np.testing.assert_array_equal(np.load("x.npy"), x[::-1].T)


@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0), (1,), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["f4", ">c16", "i1"])
def test_arrays_of_any_shape_are_written_and_read(shape: tuple[int, ...], dtype: str, rng) -> None:
    x = rng.integers(-9, 9, shape).astype(dtype)
    chunked.to_npy(da.from_array(x, chunks=2), "x.npy")
    for read in (np.load("x.npy"), chunked.from_npy("x.npy", 2).compute()):
        assert (read.dtype.newbyteorder("="), read.shape) == (x.dtype.newbyteorder("="), x.shape)
        np.testing.assert_array_equal(read, x)


def test_a_link_leads_to_the_new_file_which_keeps_its_mode() -> None:
    Path("inner").mkdir()
    Path("inner/old").write_bytes(OLD)
    Path("inner/old").chmod(0o640)
    Path("first").symlink_to("second")
    Path("second").symlink_to("inner/old")
    with replaced("first") as draft:
        assert draft.parent == Path("inner").resolve()
        draft.write_bytes(b"new")
    assert Path("first").is_symlink()
    assert Path("second").is_symlink()
    assert Path("inner/old").read_bytes() == b"new"
    assert stat.S_IMODE(Path("inner/old").stat().st_mode) == 0o640
    assert len(list(Path("inner").iterdir())) == 1


def test_a_file_that_is_replaced_keeps_its_owner() -> None:
    Path("a").write_bytes(OLD)
    group = os.getgroups()[-1] if os.getgroups() else os.getegid()
    owner = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), group)
    os.chown("a", *owner)
    Path("a").chmod(0o640)
    with replaced("a") as draft:
        draft.write_bytes(b"new")
    found = Path("a").stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (*owner, 0o640)


def test_what_this_user_may_not_give_away_is_written_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("a").write_bytes(OLD)
    stat_of = Path.stat

    def of_another(path: Path, **options: Any) -> os.stat_result:
        found = stat_of(path, **options)
        if path.name != "a":
            return found
        return os.stat_result([*found[:4], found.st_uid + 1, *found[5:10]])

    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "stat", of_another)
    monkeypatch.setattr(os, "chown", refuse)
    with replaced("a") as draft:
        draft.write_bytes(b"new")
    assert Path("a").read_bytes() == b"new"


def test_a_link_to_nothing_makes_the_file_that_it_names() -> None:
    Path("link").symlink_to("made")
    with replaced("link") as draft:
        draft.write_bytes(b"new")
    assert Path("link").is_symlink()
    assert Path("made").read_bytes() == b"new"


def test_links_in_a_circle_and_directories_are_errors() -> None:
    Path("a").symlink_to("b")
    Path("b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"), replaced("a"):
        pass
    with pytest.raises(IsADirectoryError, match="Is a directory"), replaced("."):
        pass
    assert Path("a").is_symlink()


@pytest.mark.parametrize("length", [245, 246, 251, 255])
def test_the_longest_names_are_written(length: int) -> None:
    for name in (
        "a" * (length - 4) + ".npy",
        "ü" * ((length - 4) // 2) + ".npy",
        "." + "b" * (length - 1),
    ):
        chunked.to_npy(da.ones(3), name)
        assert np.load(name).sum() == 3
    assert len(list(Path().iterdir())) == 3


def test_a_name_too_long_is_told() -> None:
    with pytest.raises(OSError, match="File name too long"):
        chunked.to_npy(da.ones(3), "a" * 256)


def test_a_pipe_is_written_directly_row_by_row(rng) -> None:
    os.mkfifo("pipe")
    assert is_special("pipe")
    x = rng.standard_normal((5, 4))
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        for array in (x, x[0, 0], np.asfortranarray(x)):
            chunked.to_npy(da.from_array(array, chunks=2), "pipe")
            np.testing.assert_array_equal(np.load(io.BytesIO(os.read(reader, 1 << 16))), array)
    finally:
        os.close(reader)
    assert Path("pipe").is_fifo()


def test_a_pipe_is_not_mapped() -> None:
    os.mkfifo("pipe")
    with pytest.raises(GeometryError, match=r"`path` must be a regular file in \.npy format; got"):
        chunked.from_npy("pipe")


@pytest.mark.parametrize("error", [AttributeError(), OSError(95, "not supported")])
def test_where_nothing_can_be_reserved_zeros_are_written(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise error

    Path("a").write_bytes(b"begun")
    monkeypatch.setattr(os, "posix_fallocate", refuse, raising=False)
    reserve(Path("a"), 3 * MEGABYTE + 1)
    assert Path("a").read_bytes() == b"begun" + bytes(3 * MEGABYTE - 4)
    reserve(Path("a"), 0)
    assert Path("a").stat().st_size == 3 * MEGABYTE + 1


WRITE = """
import os, sys, dask.array as da, numpy as np
from sparse_tconv import chunked
try:
    chunked.to_npy(da.ones((512, 1024), chunks=128), sys.argv[1])
except OSError as error:
    print(error.strerror, error.filename)
"""


def limited(kind: int, amount: int) -> Any:
    """What a child process does first: take a limit."""
    return lambda: resource.setrlimit(kind, (amount, amount))


def python(code: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
        **options,
    )


def test_under_a_limit_of_file_sizes_the_old_file_stays() -> None:
    Path("a.npy").write_bytes(OLD)
    answer = python(WRITE, "a.npy", preexec_fn=limited(resource.RLIMIT_FSIZE, MEGABYTE))
    assert answer.stdout.split(" /")[0] == "File too large", answer.stderr
    assert answer.stdout.strip().endswith("/a.npy")
    only("a.npy")


@contextmanager
def small_disk() -> Iterator[tuple[str, dict[str, Any]]]:
    """A folder with room for a megabyte: a file system of its own where mounting is allowed, else
    this one under a limit of the sizes of files.
    """
    with tempfile.TemporaryDirectory() as place:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
        try:
            mounted = subprocess.run(mount, capture_output=True).returncode == 0
        except FileNotFoundError:
            mounted = False
        try:
            yield place, {} if mounted else {"preexec_fn": limited(resource.RLIMIT_FSIZE, MEGABYTE)}
        finally:
            if mounted:
                subprocess.run(["umount", place], check=True)


def test_on_a_full_disk_nothing_is_lost_and_nothing_left() -> None:
    np.save("weight.npy", np.ones((3, 3)))
    np.save("x.npy", np.ones((512, 512)))
    with small_disk() as (place, options):
        old = {Path(place, name) for name in ("y.npy", "C.npz", "C.mtx")}
        for path in old:
            path.write_bytes(OLD)
        y, npz, mtx = (str(Path(place, name)) for name in ("y.npy", "C.npz", "C.mtx"))
        bare = "--no-channels"
        commands = [
            ["apply", "weight.npy", "x.npy", bare, "-o", y],
            ["apply", "weight.npy", "x.npy", bare, "-o", y, "--chunks", "200"],
            ["build", "weight.npy", bare, "--in-shape", "400,400", "-o", npz],
            ["build", "weight.npy", bare, "--in-shape", "200,200", "-o", mtx],
        ]
        for command in commands:
            answer = subprocess.run(
                [*PROGRAM, *command], capture_output=True, text=True, env=ENVIRONMENT, **options
            )
            assert (answer.returncode, answer.stdout) == (2, "")
            assert answer.stderr.count("\n") == 1
            assert "No space left on device" in answer.stderr or "File too large" in answer.stderr
            assert command[command.index("-o") + 1] in answer.stderr
            assert set(Path(place).iterdir()) == old
            assert {path.read_bytes() for path in old} == {OLD}


SLOW = """
import sys, time, dask.array as da
from sparse_tconv import {room}
def slow(block):
    print("begun", flush=True)
    time.sleep(60)
    return block
x = da.ones(8, chunks=1).map_blocks(slow, dtype=float)
chunked.to_npy(x, "a.npy")
"""


def begun(command: list[str]) -> subprocess.Popen[bytes]:
    """A process that has come to its slow part."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_killed_in_the_middle_the_old_file_is_as_it_was() -> None:
    Path("a.npy").write_bytes(OLD)
    with begun([sys.executable, "-c", SLOW.format(room="chunked")]) as process:
        process.kill()
    assert Path("a.npy").read_bytes() == OLD


TERMINATED = """
import time
from pathlib import Path
import sparse_tconv.cli._build as build
def slow(file, matrix):
    file.write(b"half")
    file.flush()
    print("begun", flush=True)
    time.sleep(60)
build.scipy.sparse.save_npz = slow
from sparse_tconv.cli import main
raise SystemExit(main(["build", "w.npy", "--no-channels", "--in-shape", "9", "-o", "C.npz"]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_told_to_end_leaves_no_draft(number: int, code: int) -> None:
    np.save("w.npy", np.ones(3))
    Path("C.npz").write_bytes(OLD)
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)" + TERMINATED
    with begun([sys.executable, "-c", program]) as process:
        assert len(list(Path().iterdir())) == 3
        process.send_signal(number)
        process.wait(30)
    assert process.returncode == code
    assert sorted(path.name for path in Path().iterdir()) == ["C.npz", "w.npy"]
    assert Path("C.npz").read_bytes() == OLD


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    size = len(text).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + size + text.encode()


def said(shape: str, descr: str = "'<f8'", order: str = "False") -> bytes:
    return header(f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n")


HOSTILE = {
    "nothing": b"",
    "another format": b"PK not quite",
    "half a magic": b"\x93NUM",
    "a version to come": header("{}", b"\x09\x00"),
    "an endless header": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 99,
    "no header": header(""),
    "no dict": header("7"),
    "code": header("__import__('os').abort()"),
    "a deep header": header("(" * 9000),
    "a deep minus": header("-" * 9000 + "1"),
    "keys missing": header("{'descr': '<f8'}"),
    "keys of its own": header("{'descr': '<f8', 'fortran_order': False, 'shape': (), 'a': 1}"),
    "huge": said("(10000000000,)") + b"123",
    "more than an address space": said("(4611686018427387904, 16)"),
    "absurd": said("(1" + "0" * 30 + ",)"),
    "negative": said("(-5,)") + b"12345678",
    "negative twice": said("(-5, -5)") + bytes(200),
    "a truth": said("(True,)") + bytes(8),
    "a word": said("('3',)"),
    "a number": said("3") + bytes(24),
    "many axes": said("(" + "1," * 70 + ")") + bytes(8),
    "empty but huge": said("(0, 4611686018427387904, 4611686018427387904)"),
    "an order of its own": said("(1,)", order="'F'") + bytes(8),
    "no dtype": said("(1,)", "'nonsense'") + bytes(8),
    "objects": said("(1,)", "'|O'") + bytes(8),
    "a record of objects": said("(1,)", "[('a', '|O')]") + bytes(8),
    "words": said("(1,)", "'<U2'") + bytes(8),
    "nothing wide": said("(9,)", "'|V0'"),
    "cut off": said("(3,)") + bytes(23),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_npy_file_is_an_error_of_ours(what: str) -> None:
    Path("x.npy").write_bytes(HOSTILE[what])
    pattern = "`path` must (be an? (whole )?array in .npy format|hold numbers)"
    with pytest.raises((GeometryError, DTypeError), match=pattern):
        read_npy_header("path", "x.npy")
    with pytest.raises(SparseTconvError, match=pattern.replace("path", "x") + "|`x` must fit"):
        read_npy("x", "a pipe", io.BytesIO(HOSTILE[what]))


def test_of_a_stream_no_more_is_read_than_the_array_takes() -> None:
    stream = io.BytesIO(said("(2, 3)", order="True") + np.arange(6.0).tobytes() + b"next")
    np.testing.assert_array_equal(read_npy("x", "-", stream), [[0, 2, 4], [1, 3, 5]])
    assert stream.read() == b"next"


def test_what_would_not_fit_is_refused_before_it_is_read() -> None:
    with pytest.raises(MatrixTooLargeError, match="`x` must fit in the memory that is available"):
        read_npy("x", "a pipe", io.BytesIO(said("(1000000000000000,)")))


def archive(method: int, *members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return made.getvalue()


ONE = said("(2,)") + np.arange(2.0).tobytes()
BOMB = said("(40000000,)") + bytes(320_000_000)
ARCHIVES = {
    "nothing": b"",
    "not quite": b"PK\x03\x04",
    "no member": archive(0),
    "two members": archive(0, ("a.npy", ONE), ("b.npy", ONE)),
    "no array": archive(0, ("a.npy", b"1 2 3")),
    "objects": archive(0, ("a.npy", HOSTILE["objects"])),
    "another method": archive(zipfile.ZIP_BZIP2, ("a.npy", ONE)),
    "huge": archive(8, ("a.npy", HOSTILE["huge"])),
    "cut off": archive(8, ("a.npy", ONE))[:-9],
    "a wrong checksum": archive(0, ("a.npy", ONE)).replace(ONE[-8:], bytes(8), 1),
}


@pytest.mark.parametrize("what", ARCHIVES)
def test_a_hostile_npz_file_is_an_error_of_ours(what: str) -> None:
    content = ARCHIVES[what]
    with pytest.raises((GeometryError, DTypeError), match="`x` must "):
        read_npz("x", "x.npz", io.BytesIO(content), None, len(content))


def test_an_archive_that_expands_out_of_proportion_is_not_expanded() -> None:
    content = archive(8, ("a.npy", BOMB))
    assert len(content) < MEGABYTE
    with pytest.raises(GeometryError, match="`x` must not expand to 320,000"):
        read_npz("x", "x.npz", io.BytesIO(content), None, len(content))


def test_no_damage_to_a_file_gives_a_foreign_error(rng, settings_count) -> None:
    whole = {"npy": ONE, "npz": archive(8, ("a.npy", ONE)), "plain": archive(0, ("a.npy", ONE))}
    outcomes = set()
    for _ in range(settings_count(2000)):
        kind = str(rng.choice(list(whole)))
        damaged = np.frombuffer(whole[kind], np.uint8).copy()
        damaged[rng.integers(damaged.size, size=3)] = rng.integers(256, size=3)
        end = damaged.size if rng.random() < 0.7 else rng.integers(damaged.size)
        content = damaged[:end].tobytes()
        file = io.BytesIO(content)
        try:
            read_npy("x", "x", file) if kind == "npy" else read_npz(
                "x", "x", file, None, len(content)
            )
            outcomes.add("read")
        except SparseTconvError as error:
            outcomes.add(str(error)[:9])
    assert outcomes == {"`x` must ", "read"}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


PLENTY = {"proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 1000000000 kB\n"}
GROUPS = [
    ({}, 1_024_000_000_000),
    ({"proc/meminfo": "MemAvailable: 5 kB\n"}, 5120),
    ({"sys/fs/cgroup/memory.max": "1000", "sys/fs/cgroup/memory.current": "400"}, 600),
    ({"sys/fs/cgroup/memory.max": "max", "sys/fs/cgroup/memory.current": "400"}, 1_024_000_000_000),
    ({"sys/fs/cgroup/memory.max": "300", "sys/fs/cgroup/memory.current": "400"}, 0),
    (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/memory.max": "1000",
            "sys/fs/cgroup/a/memory.current": "900",
            "sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 700\n",
            "sys/fs/cgroup/a/b/memory.max": "max",
        },
        800,
    ),
    (
        {
            "proc/self/cgroup": "5:cpu,memory:/job\n0::/\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1000",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "900",
            "sys/fs/cgroup/memory/job/memory.stat": "total_inactive_file 100",
        },
        200,
    ),
    (
        {
            "proc/self/cgroup": "5:memory:/not/seen/here\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "1000",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": "900",
        },
        100,
    ),
]


@pytest.mark.parametrize(("files", "left"), GROUPS)
def test_the_memory_there_is_is_the_least_that_any_limit_leaves(
    files: dict[str, str], left: int, folder: Path
) -> None:
    assert available_memory(str(tree(folder, PLENTY | files))) == left


def test_asking_for_the_memory_puts_nothing_into_the_interpreters_table_of_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words: list[str] = []
    monkeypatch.setattr(sys, "intern", lambda word: words.append(word) or word)
    assert available_memory() > 0
    assert words == []


LIMITS = """
import resource, sys
import numpy as np
import sparse_tconv as st
kind = getattr(resource, sys.argv[1])
used = int(open("/proc/self/statm").read().split()[int(sys.argv[2])]) * resource.getpagesize()
resource.setrlimit(kind, (used + 2**28,) * 2)
for size in (4_000_000, 30_000_000, 40_000_000, 10**12):
    try:
        made = st.conv_matrix(np.ones(3), size, channels=False)
        print(made.nnz)
        del made
    except st.MatrixTooLargeError as error:
        print("refused")
"""


@pytest.mark.parametrize(("kind", "field"), [("RLIMIT_AS", "0"), ("RLIMIT_DATA", "5")])
def test_a_limit_of_this_process_is_known(kind: str, field: str) -> None:
    answer = python(LIMITS, kind, field)
    assert answer.stdout.split() == ["11999994", "refused", "refused", "refused"], answer.stderr


def test_sizes_are_written_as_a_person_reads_them() -> None:
    sizes = {0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536 * 1024: "1.5 MiB", 2**63: "8.0 EiB"}
    assert {size: written(size) for size in sizes} == sizes
    assert written(10**40) == "more than an address space"
    with pytest.raises(MatrixTooLargeError, match=r"`y` must fit .* got all, 1,0.* bytes .*Less\."):
        check_fits("y", "all", 10**30, "Less.")
