"""Random integers where a program's integers end, in every argument that takes one.

Run as a program: ``python extreme_draws.py SEED COUNT``, in a process whose memory is limited. Prints
what was neither an answer nor an error of the library, one line each, then how many draws ran.
"""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from factories import MODES

import sparse_tconv as st
from sparse_tconv import analysis, chunked, cli, demo, interop, inverse, testing
from sparse_tconv.engines import engine_names

VALUES = (0, 1, -1, 2**31, 2**32, 2**62, 2**63, 10**30)
SECONDS = 20  # after which a draw is said to hang
MEMORY = 1 << 30  # beyond what the process takes when the draws begin
ENGINES = engine_names()

W = np.arange(1.0, 4.0)
X = np.arange(5.0)
LAYER = np.arange(24.0).reshape(4, 2, 3)


class Draws:
    """Integers for a call: now and then those of a program's end, else what it can compute."""

    def __init__(self, rng: np.random.Generator, often: float = 0.4) -> None:
        self.rng, self.often = rng, often

    def one(self, usual: Any) -> Any:
        """A value of the list, or the usual one."""
        if self.rng.random() >= self.often:
            return usual
        return VALUES[self.rng.integers(len(VALUES))]

    def some(self, usual: int, axes: int = 1) -> Any:
        """One for all axes, or one for each."""
        if self.rng.random() < 0.6:
            return self.one(usual)
        return tuple(self.one(usual) for _ in range(axes))

    def padding(self, axes: int = 1) -> Any:
        """In all the forms that it may have; pairs of opposite pads cancel each other."""
        kind = self.rng.integers(3)
        if kind == 0:
            return self.some(1, axes)
        before = [self.one(1) for _ in range(axes)]
        if kind == 1:
            return tuple((amount, 3 - amount) for amount in before)
        return tuple((amount, self.one(1)) for amount in before)

    def of(self, *choices: Any) -> Any:
        """One of these."""
        return choices[self.rng.integers(len(choices))]

    def options(self, axes: int = 1, *, transposed: bool = False) -> dict[str, Any]:
        """The parameters of a convolution."""
        options = {
            "stride": self.some(1, axes),
            "padding": self.padding(axes),
            "dilation": self.some(1, axes),
            "groups": self.one(1),
            "padding_mode": self.of(*MODES),
        }
        if transposed:
            options["output_padding"] = self.some(0, axes)
            options["output_size"] = self.of(None, self.some(7, axes))
        return {name: value for name, value in options.items() if self.rng.random() < 0.7}


def _geometry(draw: Draws) -> None:
    transposed = draw.of(True, False)
    make = st.ConvGeometry.from_conv_transpose if transposed else st.ConvGeometry.from_conv
    g = make(
        (draw.one(4), draw.one(2), draw.one(3)),
        (draw.one(4 if transposed else 2), draw.one(9)),
        **draw.options(transposed=transposed),
    )
    repr(g), hash(g), g.nbytes(), g.output_padding, g.shape


def _matrix(draw: Draws) -> None:
    transposed = draw.of(True, False)
    build = st.conv_transpose_matrix if transposed else st.conv_matrix
    weight, shape = draw.of(
        (W, (draw.one(9),)), (LAYER, (draw.one(4 if transposed else 2), draw.one(9)))
    )
    options = draw.options(transposed=transposed)
    build(
        weight,
        shape,
        channels=weight is LAYER,
        max_bytes=draw.of(None, None, draw.one(10**6)),
        drop_zeros=draw.of(True, False),
        index_dtype=draw.of(None, np.int64),
        **options,
    )


def _operator(draw: Draws) -> None:
    transposed = draw.of(True, False)
    make = st.ConvTranspose if transposed else st.Conv
    two = draw.of(True, False)
    weight = np.ones((2, 3)) if two else W
    shape = (draw.one(6), draw.one(9)) if two else (draw.one(9),)
    options = draw.options(len(shape), transposed=transposed) | {"groups": 1}
    op = make(weight, shape, channels=False, engine=draw.of(*ENGINES), **options)
    repr(op), op.T, op.H, op.gram(), repr(op.info())
    for product in (op, op.T):
        if np.prod([float(size) for size in product.in_shape]) < 1e5:
            product.apply(np.ones(product.in_shape))
    with contextlib.suppress(st.GeometryError):
        op.index(*(draw.one(0) for _ in op.out_shape))
    with contextlib.suppress(st.MatrixTooLargeError):
        op.to_matrix(max_bytes=draw.of(None, draw.one(10**6)))
    with contextlib.suppress(st.MatrixTooLargeError):
        op.toarray(max_bytes=draw.of(None, draw.one(10**6)))
    if not transposed and np.prod([float(size) for size in op.in_shape]) < 1e5:
        op.kernel_operator(np.ones(op.in_shape)).apply(weight)


def _function(draw: Draws) -> None:
    transposed = draw.of(True, False)
    number = draw.of("", "1d")
    call = getattr(st, f"conv{'_transpose' * transposed}{number}")
    x, weight, channels = draw.of(
        (X, W, False), (np.ones((4 if transposed else 2, 9)), LAYER, True)
    )
    options = draw.options(transposed=transposed)
    call(x, weight, channels=channels, engine=draw.of(*ENGINES), **options)


def _function_of_axes(draw: Draws) -> None:
    transposed, number = draw.of(True, False), int(draw.of(2, 3))
    call = getattr(st, f"conv{'_transpose' * transposed}{number}d")
    x, weight = np.ones((4,) * number), np.ones((3,) * number)
    options = draw.options(number, transposed=transposed) | {"groups": 1}
    call(x, weight, channels=False, engine=draw.of(*ENGINES), **options)


def _far_operator(draw: Draws) -> None:
    """What is asked of an operator, of whatever size that may be."""
    transposed = draw.of(True, False)
    make = st.ConvTranspose if transposed else st.Conv
    options = draw.options(transposed=transposed) | {"groups": 1}
    op = make(W, (draw.one(9),), channels=False, **options)
    draw.of(
        lambda: op.kernel_operator(np.ones(op.in_shape if op.shape[1] < 1e5 else 1)).apply(W),
        lambda: op.kernel_operator(np.ones(op.in_shape if op.shape[1] < 1e5 else 1)).matrix,
        lambda: analysis.norm(op, draw.of("fro", 1, 2, np.inf)),
        lambda: analysis.norm_bounds(op),
        lambda: analysis.overlap(op),
        lambda: analysis.checkerboard(op),
        lambda: analysis.structure(op),
        lambda: analysis.diagonal(op),
        lambda: analysis.gram_diagonal(op),
        lambda: analysis.spectral_norm(op),
        lambda: analysis.summary(op, draw.of(None, draw.one(1))),
        lambda: analysis.rows(op, slice(draw.one(0), draw.one(5), draw.one(1) or None)),
        lambda: analysis.columns(op, range(draw.one(0), draw.one(5), draw.one(1) or 1)),
        lambda: op.gram().matrix,
    )()


def _composed(draw: Draws) -> None:
    shape = (draw.one(3), draw.one(4))
    op = draw.of(
        lambda: st.Identity(shape, spatial_ndim=draw.one(1)),
        lambda: st.Restriction(shape, (slice(draw.one(0), draw.one(2)), slice(None))),
        lambda: st.Diagonal(np.ones((3, 4)), spatial_ndim=draw.one(1)),
        lambda: st.as_operator(np.eye(12), shape, shape, spatial_ndim=draw.one(1)),
    )()
    repr(op)
    for made in (op.to_matrix, op.toarray):
        made(max_bytes=draw.of(None, draw.one(10**6)))


def _layers(draw: Draws) -> None:
    layers, shape = st.layers, (draw.one(4), draw.one(6), draw.one(6))
    op = draw.of(
        lambda: layers.avg_pool(
            shape,
            draw.some(2, 2),
            draw.some(2, 2),
            draw.some(0, 2),
            ceil_mode=draw.of(True, False),
            divisor_override=draw.of(None, draw.one(3)),
        ),
        lambda: layers.adaptive_avg_pool(shape, draw.some(2, 2)),
        lambda: layers.upsample(shape, draw.some(8, 2), mode=draw.of("nearest", "bilinear")),
        lambda: layers.upsample(shape, scale_factor=draw.some(2, 2)),
        lambda: layers.pixel_shuffle(shape, draw.one(2)),
        lambda: layers.pixel_unshuffle(shape, draw.one(2)),
        lambda: layers.unfold(shape, *(draw.some(usual, 2) for usual in (3, 1, 1, 1))),
        lambda: layers.fold(
            (draw.one(36), draw.one(36)), *(draw.some(usual, 2) for usual in (6, 3, 1, 1, 1))
        ),
        lambda: layers.pad(shape, draw.padding(2), draw.of(*MODES)),
        lambda: layers.channel_scale(shape, np.ones(4)),
        lambda: layers.linear(shape, np.ones((3, 6))),
    )()
    repr(op)
    for product in (op, op.T):
        if np.prod([float(size) for size in product.in_shape]) < 1e5:
            product.apply(np.ones(product.in_shape))
    op.to_matrix(max_bytes=draw.of(None, draw.one(10**6)))


def _local(draw: Draws) -> None:
    make = draw.of(st.LocalConv, st.LocalConvTranspose)
    op = make(
        np.ones((draw.of(4, 7), 3)),
        (draw.one(6),),
        channels=False,
        **draw.options() | {"groups": 1},
    )
    repr(op), op.T
    op.apply(np.ones(op.in_shape))
    op.to_matrix(max_bytes=draw.of(None, draw.one(10**6)))


def _settings(draw: Draws) -> None:
    limit, threads = st.cache_info().limit, st.num_threads()
    try:
        draw.of(
            lambda: st.set_cache_limit(draw.one(10**6)),
            lambda: st.set_num_threads(draw.one(2)),
            lambda: st.threads(draw.one(2)).__enter__(),
        )()
        st.conv(X, W, channels=False)
    finally:
        st.set_cache_limit(limit)
        st.set_num_threads(threads)


SMALL = st.Conv(W, (6,), padding=1, channels=False)


def _analysis(draw: Draws) -> None:
    which = draw.of("largest", "smallest")
    draw.of(
        lambda: analysis.singular_values(SMALL, draw.one(2), which),
        lambda: analysis.singular_vectors(SMALL, draw.one(2), which),
        lambda: analysis.eigenvalues(SMALL, draw.one(2), which),
        lambda: analysis.norm(SMALL, draw.one(1)),
        lambda: analysis.rows(SMALL, draw.of(draw.one(1), [draw.one(1), draw.one(2)])),
        lambda: analysis.columns(SMALL, draw.of(draw.one(1), [draw.one(1), draw.one(2)])),
    )()


def _inverse(draw: Draws) -> None:
    y = np.arange(6.0)
    draw.of(
        lambda: inverse.solve(
            SMALL, y, maxiter=draw.one(5), damp=0.1, method=draw.of("lsmr", "cgls")
        ),
        lambda: inverse.solve(SMALL, y, max_bytes=draw.one(10**6), damp=0.1),
        lambda: inverse.tsvd(SMALL, y, draw.one(3)),
        lambda: inverse.tikhonov(
            SMALL, y, draw.one(1), maxiter=draw.one(5), max_bytes=draw.one(10**6)
        ),
        lambda: inverse.estimate_kernel(
            y, SMALL.apply(y), SMALL.geometry, maxiter=draw.one(5), damp=draw.one(1)
        ),
        lambda: inverse.problems.varying(draw.some(32, 2), nodes=draw.one(2), seed=draw.one(0)),
        lambda: inverse.estimate_sigma(np.ones((9, 8, 2)), draw.one(-1)),
        lambda: inverse.tv(SMALL, y, draw.one(1), maxiter=min(draw.one(5), 100)),
        lambda: inverse.richardson_lucy(SMALL, y, maxiter=min(draw.one(5), 100)),
        lambda: inverse.kronecker_sum(np.ones((3, 3)), draw.one(1)),
        lambda: inverse.deblur(
            np.ones((9, 8)), np.ones((3, 3)), rule=draw.one(1), center=(draw.one(1), draw.one(1))
        ),
        lambda: inverse.varying_blur(
            np.ones((2, 3)),
            [[draw.one(0), draw.one(5)]],
            (draw.one(6),),
            at=draw.of("input", "output"),
            center=(draw.one(1),),
            padding_mode=draw.of(*MODES),
        ).apply(np.ones(6)),
        lambda: inverse.blur(
            np.ones((3, 3)), (draw.one(9), draw.one(8)), center=(draw.one(1), draw.one(1))
        ),
        lambda: inverse.problems.deblurring(size=draw.some(32, 2), seed=draw.one(0)),
        lambda: inverse.problems.superresolution(
            draw.one(2), size=draw.some(32, 2), seed=draw.one(0)
        ),
        lambda: inverse.problems.deconvolution(size=draw.one(32), seed=draw.one(0)),
        lambda: inverse.psf.box(draw.some(3, 2), ndim=draw.one(2)),
        lambda: inverse.psf.gauss(1.0, draw.some(3, 2), ndim=draw.one(2)),
        lambda: inverse.psf.gauss(draw.one(1), ndim=draw.one(2)),
        lambda: inverse.psf.defocus(draw.one(2), ndim=draw.one(2)),
        lambda: inverse.psf.motion(draw.one(5), draw.one(30)),
    )()


def _testing(draw: Draws) -> None:
    shape, rng = (draw.one(6),), draw.one(3)

    def same(x: Any) -> Any:
        return x

    draw.of(
        lambda: testing.dot_test(SMALL, trials=min(draw.one(2), 2**31), rng=rng),
        lambda: testing.assert_adjoint(SMALL, trials=draw.of(0, -1, 2**63, 10**30, 1), rng=rng),
        lambda: testing.dot_test(
            same, same, in_shape=shape, out_shape=draw.of(None, (draw.one(6),)), rng=rng
        ),
        lambda: testing.exact_test(same, same, in_shape=shape),
        lambda: testing.diagnose(same, same, in_shape=shape),
        lambda: testing.strategies.convs(max_axes=draw.one(2)),
        lambda: testing.strategies.inputs(SMALL, max_batch_axes=draw.one(1)),
        lambda: testing.check_operator(SMALL, trials=draw.of(0, -1, 2**63, 10**30, 1), rng=rng),
    )()


def _chunked(draw: Draws) -> None:
    import dask.array as da

    x = da.from_array(X, chunks=2)
    transposed = draw.of(True, False)
    call = chunked.conv_transpose if transposed else chunked.conv
    draw.of(
        lambda: call(x, W, channels=False, **draw.options(transposed=transposed)),
        lambda: chunked.matrix_blocks(
            W,
            draw.one(9),
            rows_per_block=draw.of(None, draw.one(2)),
            channels=False,
            **draw.options(),
        ),
        lambda: chunked.cgls(
            SMALL.apply, SMALL.H.apply, np.arange(6.0), maxiter=min(draw.one(2), 100)
        ),
        lambda: chunked.from_npy("x.npy", draw.of(draw.one(2), (draw.one(2),))),
    )()


def _demo(draw: Draws) -> None:
    demo.run(draw.one(64))


def _onnx(draw: Draws) -> None:
    shape = (draw.one(1), draw.one(2), draw.one(9))
    interop.onnx.from_model("model.onnx", draw.of(shape, {"x": shape}))


def _torch(draw: Draws) -> None:
    import torch

    layer = torch.nn.Conv1d(2, 4, 3, bias=False)
    shape = draw.one(2), draw.one(9)
    draw.of(
        lambda: interop.torch.from_module(layer, shape),
        lambda: interop.torch.from_model(torch.nn.Sequential(layer), (draw.one(1), *shape)),
        lambda: interop.torch.norm_bound(
            layer.weight,
            stride=draw.one(1),
            dilation=draw.one(1),
            groups=draw.one(1),
            points=draw.of(None, draw.one(9)),
        ),
    )()


COMMANDS = {
    "info": ("weight.npy",),
    "build": ("weight.npy", "-o", "C.npz"),
    "apply": ("weight.npy", "x.npy", "-o", "y.npy"),
    "check": ("weight.npy", "--trials", "1"),
    "spectrum": ("weight.npy",),
}
OWN = {
    "build": {"--max-bytes": 10**6},
    "apply": {"--chunks": 2},
    "check": {"--seed": 3, "--out-shape": 3},
    "spectrum": {"-k": 1},
    "info": {},
}


def _typed(value: Any) -> str:
    return str(value).replace(" ", "")


def _command(draw: Draws) -> None:
    name = draw.of(*COMMANDS)
    transposed = draw.of(True, False)
    options = draw.options(transposed=transposed) | {"in_shape": (draw.one(5),)}
    options = {
        f"--{key.replace('_', '-')}": value for key, value in options.items() if value is not None
    }
    options |= {key: draw.one(value) for key, value in OWN[name].items() if draw.of(True, False)}
    typed = [f"{key}={_typed(value)}" for key, value in options.items() if key != "-k"]
    typed += [f"-k{options['-k']}"] if "-k" in options else []
    typed += ["--transpose"] * transposed + ["--json"] * (name != "apply")
    run([name, *COMMANDS[name], "--no-channels", *typed])


def _other_command(draw: Draws) -> None:
    run(
        draw.of(
            ["demo", "--no-plot", f"--size={draw.one(64)}"],
            ["info", "model.onnx", f"--input-shape={draw.one(1)},{draw.one(2)},{draw.one(9)}"],
            ["check", "math:sin", "math:sin", f"--in-shape={draw.one(3)}"],
            ["deblur", "x.png", f"--psf=box:{draw.one(3)},{draw.one(3)}", "-o", "y.png"],
            [
                *("deblur", "x.png", f"--psf=gauss:{draw.one(1)},{draw.one(3)}", "-o", "y.png"),
                *(f"--center={draw.one(1)},{draw.one(1)}", f"--rule={draw.one(1)}"),
            ],
        )
    )


def run(argv: list[str]) -> None:
    """A command: an exit code that it may have, and one line if that says it failed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = cli.main(argv)
        except SystemExit as stop:
            code = stop.code
    if code not in (0, 1, 2) or (code == 2 and err.getvalue().count("\n") != 1):
        raise RuntimeError(f"{argv}: exit code {code}, {err.getvalue()}")


TARGETS: tuple[Callable[[Draws], None], ...] = (
    *(_geometry, _matrix, _operator, _operator, _function, _composed, _settings, _analysis),
    *(_layers, _layers, _local, _inverse, _function_of_axes, _far_operator, _far_operator),
    *(_inverse, _testing, _chunked, _onnx, _torch, _command, _command, _other_command),
)


@contextlib.contextmanager
def files() -> Iterator[None]:
    """A folder with what the commands read."""
    import onnx.parser
    import PIL.Image

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        np.save("weight.npy", W)
        np.save("x.npy", X)
        PIL.Image.fromarray(np.arange(80, dtype=np.uint8).reshape(8, 10)).save("x.png")
        model = onnx.parser.parse_model(
            '<ir_version: 8, opset_import: ["": 18]> net (float[b, 2, n] x) => (float[b, 1, m] y)'
            "<float[1, 2, 3] w = {1, 2, 3, 4, 5, 6}> { y = Conv <strides = [2]> (x, w) }"
        )
        Path("model.onnx").write_bytes(model.SerializeToString())
        yield


class Hang(BaseException):
    """A draw takes too long."""


def _hang(_: int, frame: FrameType | None) -> None:
    raise Hang("".join(traceback.format_stack(frame)[-6:]))


def failure(target: Callable[[Draws], None], seed: list[int]) -> str | None:
    """What a draw ended in, if it was neither an answer nor an error of ours."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        target(Draws(np.random.default_rng(seed)))
    except st.SparseTconvError:
        return None
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        inner = next((f for f in reversed(where) if "sparse_tconv" in f.filename), where[-1])
        place = f"{Path(inner.filename).name}:{inner.lineno} {inner.name}"
        return f"{target.__name__} {seed} {type(error).__name__} at {place}: {str(error)[-700:]}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def main(seed: int, count: int) -> None:
    """Draw so many times, and print what failed."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _hang)
    with files():
        for target in TARGETS:  # what is loaded at first use is no matter of the values
            with contextlib.suppress(st.SparseTconvError):
                target(Draws(np.random.default_rng(10**6), often=0.0))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
        for number in range(count):
            told = failure(TARGETS[number % len(TARGETS)], [seed, number])
            if told is not None:
                print(told, flush=True)
    print(f"{count} draws")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
