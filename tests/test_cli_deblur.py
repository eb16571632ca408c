"""``sparse-tconv deblur``: image files in, image files out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
import scipy.sparse
from cli_runs import ENVIRONMENT, PROGRAM, one_error_line, run

from sparse_tconv import cli, inverse
from sparse_tconv.cli import _deblur
from sparse_tconv.errors import DTypeError, GeometryError

DEBLUR = ["deblur", "RGB.png", "--psf", "gauss:1", "-o", "sharp.png"]
MODES = ("L", "RGB", "LA", "RGBA", "P", "I;16", "1")


def sharp() -> np.ndarray:
    """Three channels of a picture, from 0 to 1."""
    base = inverse.problems.deblurring(inverse.psf.box(1), 32).x
    return np.stack([base, base[::-1], base.T])


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blurred images of all modes in the working directory, and files that are none."""
    monkeypatch.chdir(tmp_path)
    op = inverse.blur(inverse.psf.gauss(1), (3, 32, 32), channels=True)
    values = np.rint(255 * op.apply(sharp()).clip(0, 1)).astype(np.uint8)
    color = PIL.Image.fromarray(np.ascontiguousarray(values.transpose(1, 2, 0)))
    alpha = PIL.Image.fromarray(np.arange(1024).reshape(32, 32).astype(np.uint8))
    for mode in MODES:
        picture = PIL.Image.fromarray(values[0].astype(np.uint16) * 257)
        if mode != "I;16":
            picture = color.quantize(256) if mode == "P" else color.convert(mode)
        if "A" in mode:
            picture.putalpha(alpha)
        picture.save(f"{mode}.png")
    Path("text.png").write_text("no image")
    Path("nothing.png").touch()
    Path("folder.png").mkdir()
    whole = Path("RGB.png").read_bytes()
    Path("cut.png").write_bytes(whole[: len(whole) // 2])
    np.save("psf.npy", inverse.psf.gauss(1))
    np.savez("psf.npz", wide=inverse.psf.gauss(2), narrow=inverse.psf.gauss(1))
    np.save("line.npy", np.ones(3))
    np.save("nan.npy", np.full((3, 3), np.nan))
    np.save("zero.npy", np.zeros((3, 3)))
    np.save("complex.npy", np.ones((3, 3), complex))


def pixels(path: str) -> np.ndarray:
    with PIL.Image.open(path) as image:
        return np.atleast_3d(np.asarray(image)).transpose(2, 0, 1).astype(float)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_written_as_the_function_writes_it(
    mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["deblur", f"{mode}.png", *DEBLUR[2:], "--damp", "0.05"]) == 0
    wanted = inverse.deblur_photograph(f"{mode}.png", "wanted.png", "gauss:1", damp=0.05)
    np.testing.assert_array_equal(pixels("sharp.png"), pixels("wanted.png"))
    assert capsys.readouterr().out == f"{wanted}\nwrote sharp.png\n"


def test_a_color_image_comes_back_sharper() -> None:
    assert cli.main(DEBLUR) == 0
    truth = 255 * sharp()
    before = np.linalg.norm(pixels("RGB.png") - truth)
    assert np.linalg.norm(pixels("sharp.png") - truth) < 0.8 * before


def test_damp_and_norms_are_told_for_every_channel(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*DEBLUR, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["output"], facts["psf"], facts["shape"]) == ("sharp.png", "gauss:1", [3, 32, 32])
    assert facts["damp"] > 0
    assert facts["chosen_by"] == "gcv, exact spectrum (symmetric)"
    for name in ("residual_norm", "solution_norm"):
        parts = [channel[name] for channel in facts["channels"]]
        assert len(parts) == 3
        assert np.linalg.norm(parts) == pytest.approx(facts[name], rel=1e-6)
    assert cli.main(DEBLUR) == 0
    assert "  channel 3      residual norm " in capsys.readouterr().out


@pytest.mark.parametrize("damp", ["gcv", "lcurve", "discrepancy", "0.03"])
@pytest.mark.parametrize("regularizer", [None, "gradient", "laplacian"])
def test_options_are_those_of_the_function(
    damp: str, regularizer: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    # A given damp leaves room for a mode without an exact spectrum.
    mode = "symmetric,reflect" if damp == "0.03" else "circular"
    noise = 0.01 if damp == "discrepancy" else None  # the only rule that uses it
    typed = ["--damp", damp, "--padding-mode", mode, "--json"]
    typed += [] if noise is None else ["--noise", str(noise)]
    more = [] if regularizer is None else ["--regularizer", regularizer]
    assert cli.main([*DEBLUR, *typed, *more]) == 0
    facts = json.loads(capsys.readouterr().out)
    wanted = inverse.deblur_photograph(
        "RGB.png",
        "wanted.png",
        "gauss:1",
        damp=float(damp) if damp == "0.03" else damp,
        noise=noise,
        regularizer=regularizer,
        padding_mode=tuple(mode.split(",")) if "," in mode else mode,
    )
    assert facts["damp"] == wanted.damp
    assert facts["solution_norm"] == wanted.solution_norm
    parts = [channel["solution_norm"] for channel in facts["channels"]]
    assert np.linalg.norm(parts) == pytest.approx(wanted.solution_norm, rel=1e-6)


def test_the_channels_norms_of_an_operator_of_the_users_are_those_of_its_products() -> None:
    rough = scipy.sparse.diags_array(np.random.default_rng(0).uniform(1, 2, 3 * 32 * 32))
    found = inverse.deblur_photograph(
        "RGB.png", "sharp.png", "gauss:1", damp=0.1, regularizer=rough
    )
    for number, norm in enumerate(found.solution_norms):
        alone = np.zeros_like(found.x)
        alone[number] = found.x[number]
        assert norm == pytest.approx(np.linalg.norm(rough @ alone.ravel()))


@pytest.mark.parametrize("psf", ["psf.npy", "psf.npz:narrow"])
def test_the_blur_may_be_an_array(psf: str) -> None:
    assert cli.main(DEBLUR) == 0
    wanted = pixels("sharp.png")
    assert cli.main([*DEBLUR[:3], psf, "-o", "other.tif"]) == 0
    np.testing.assert_array_equal(pixels("other.tif"), wanted)


REFUSED = [
    ("RGB.png", "blur:3", "`psf` must be one of 'gauss', 'defocus', 'motion', 'box'; got 'blur'"),
    ("RGB.png", "motion:a", "`psf` must have 1 to 2 numbers after 'motion:'; got 'motion:a'"),
    ("RGB.png", "gauss:0", "`sigma` must be a finite number, above 0; got 0.0"),
    ("RGB.png", "missing.npy", "No such file or directory: 'missing.npy'"),
    ("RGB.png", "psf.npz", "got 'psf.npz', which has 2: wide, narrow. Write psf.npz:wide."),
    ("RGB.png", "line.npy", "`psf` must have 2 axes, rows and columns; got shape (3,)"),
    ("RGB.png", "nan.npy", "`psf` must be finite and not all zero"),
    ("RGB.png", "zero.npy", "`psf` must be finite and not all zero"),
    ("RGB.png", "complex.npy", "`psf` must be real; got complex128"),
    ("RGB.png", "gauss:1 --damp best", "`damp` must be one of 'gcv', 'lcurve', 'discrepancy'"),
    ("RGB.png", "gauss:1 --damp -1", "`damp` must be a finite number, at least 0; got -1.0"),
    ("RGB.png", "gauss:1 --damp discrepancy", "`noise` must be given for damp='discrepancy'"),
    ("RGB.png", "gauss:1 --noise 0", "`noise` must be a finite number, above 0; got 0.0"),
    ("RGB.png", "gauss:1 --regularizer tv", "`regularizer` must be one of 'gradient', 'laplacia"),
    ("RGB.png", "gauss:1 --padding-mode wrap", "It is 'circular' here"),
    ("missing.png", "gauss:1", "No such file or directory: 'missing.png'"),
    ("folder.png", "gauss:1", "folder.png"),
    ("text.png", "gauss:1", "cannot identify image file 'text.png'"),
    ("nothing.png", "gauss:1", "cannot identify image file 'nothing.png'"),
    ("psf.npy", "gauss:1", "cannot identify image file 'psf.npy'"),
    ("cut.png", "gauss:1", "`source` must be an image that Pillow can read; got 'cut.png': "),
]


@pytest.mark.parametrize(("image", "typed", "message"), REFUSED)
def test_what_cannot_be_deblurred_is_one_line_and_exit_code_2(
    image: str, typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(Path().iterdir())
    assert cli.main(["deblur", image, "-o", "sharp.png", "--psf", *typed.split()]) == 2
    assert message in one_error_line(capsys.readouterr())
    assert sorted(Path().iterdir()) == before


def test_no_damage_to_an_image_gives_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    whole = np.frombuffer(Path("RGB.png").read_bytes(), np.uint8)
    for _ in range(60):
        damaged = whole.copy()
        damaged[rng.integers(len(whole), size=3)] = rng.integers(256, size=3)
        Path("now.png").write_bytes(damaged[: rng.integers(1, len(whole) + 1)].tobytes())
        code = cli.main(["deblur", "now.png", *DEBLUR[2:], "--damp", "0.1"])
        assert (code, capsys.readouterr().err.count("\n")) in [(0, 0), (2, 1)]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("RGBA", "cannot write mode RGBA as JPEG"), ("I;16", "cannot write mode I;16 as JPEG")],
)
def test_a_format_that_cannot_hold_the_image_is_told_before_anything_is_computed(
    mode: str, reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sparse_tconv.inverse._photograph.tikhonov", None)
    assert cli.main(["deblur", f"{mode}.png", *DEBLUR[2:4], "-o", "out.jpg"]) == 2
    line = one_error_line(capsys.readouterr())
    assert f"must be of a format that holds the image; got .jpg: {reason}. Write .png" in line


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (DEBLUR[:4], "the following arguments are required: -o/--output"),
        ([*DEBLUR[:2], "-o", "out.png"], "the following arguments are required: --psf"),
        ([*DEBLUR[:4], "-o", "out.txt"], "must end in .png or .jpg"),
        ([*DEBLUR[:4], "-o", "folder.png"], "got 'folder.png', which is a directory"),
        ([*DEBLUR[:4], "-o", "nowhere/out.png"], "the directory 'nowhere' does not exist"),
        ([*DEBLUR, "--noise", "some"], "invalid float value: 'some'"),
    ],
    ids=str,
)
def test_an_argument_of_a_deblurring_that_cannot_be_read_names_its_form(
    typed: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        cli.main(typed)
    assert message in one_error_line(capsys.readouterr())


def test_no_write_permission_is_one_line_and_names_the_image(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    assert cli.main(DEBLUR) == 2
    assert one_error_line(capsys.readouterr()).endswith("Permission denied: 'sharp.png'")


@pytest.mark.parametrize(
    ("failure", "code"), [(KeyboardInterrupt, 130), (OSError(28, "No space left on device"), 2)]
)
def test_an_image_is_written_whole_or_not_at_all(
    failure: Any, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(_: object, path: Any, **__: object) -> None:
        if isinstance(path, Path):
            path.write_bytes(b"half")
            raise failure

    Path("sharp.png").write_text("the old file")
    before = sorted(Path().iterdir())
    monkeypatch.setattr(PIL.Image.Image, "save", half)
    assert cli.main(DEBLUR) == code
    assert sorted(Path().iterdir()) == before
    assert Path("sharp.png").read_text() == "the old file"


def test_ctrl_c_ends_a_deblurring_quietly(tmp_path: Path) -> None:
    Path("sitecustomize.py").write_text(
        "import signal, time, sparse_tconv.inverse._photograph as module\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait(*_, **__):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
        "module.tikhonov = wait\n"
    )
    path = f"{tmp_path}{':'}{ENVIRONMENT['PYTHONPATH']}"
    before = sorted(Path().iterdir())
    with subprocess.Popen(
        [*PROGRAM, *DEBLUR],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate() == (b"", b"")
    assert process.returncode == 130
    assert sorted(Path().iterdir()) == before


def test_a_bar_is_for_a_terminal_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def record(*_: object, progress: bool, **__: object) -> None:
        asked.append(progress)
        raise GeometryError("enough")

    monkeypatch.setattr(_deblur, "deblur_photograph", record)
    for terminal, installed in [(False, True), (True, True), (True, False)]:
        with monkeypatch.context() as patch:
            patch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal, raising=False)
            spec = object() if installed else None
            patch.setattr(_deblur, "find_spec", lambda _, spec=spec: spec)
            assert cli.main(DEBLUR) == 2
    assert asked == [False, True, False]
    assert capsys.readouterr().err.count("enough") == 3
    assert run(*DEBLUR, cwd=tmp_path).stderr == b""


def test_an_iteration_that_ends_early_is_in_the_table_not_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = inverse.deblur_photograph

    def hasty(*arguments: Any, **options: Any) -> Any:
        with monkeypatch.context() as patch:
            tikhonov = inverse.tikhonov
            patch.setattr(
                "sparse_tconv.inverse._photograph.tikhonov",
                lambda *a, **o: tikhonov(*a, **o, method="cgls", maxiter=1),
            )
            return whole(*arguments, **options)

    monkeypatch.setattr(_deblur, "deblur_photograph", hasty)
    assert cli.main([*DEBLUR, "--damp", "0.01"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Solution: stopped at maxiter")
    assert captured.err == ""


def test_missing_pillow_is_told_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert cli.main(DEBLUR) == 2
    assert "pip install 'sparse_tconv[demo]'" in one_error_line(capsys.readouterr())


def test_a_wrong_array_for_a_blur_is_an_error() -> None:
    with pytest.raises(GeometryError, match=r"`psf` must have 2 axes, rows and columns; got shape"):
        inverse.deblur_photograph("RGB.png", "sharp.png", [1.0, 2.0])
    with pytest.raises(DTypeError, match="`psf` must be real; got complex128"):
        inverse.deblur_photograph("RGB.png", "sharp.png", [[1j]])
