"""``sparse-tconv deblur``: image files in, image files out."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import PIL.Image
import pytest
from cli_runs import ENVIRONMENT, PROGRAM, one_error_line, run

from sparse_tconv import cli, inverse
from sparse_tconv.cli import _deblur
from sparse_tconv.cli._psf import read_psf
from sparse_tconv.errors import GeometryError, SparseTconvError

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
def test_every_mode_is_written_as_the_library_restores_it(
    mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["deblur", f"{mode}.png", *DEBLUR[2:], "--rule", "0.05"]) == 0
    with PIL.Image.open(f"{mode}.png") as image:
        bands = image.convert({"P": "RGB", "1": "L"}.get(mode, mode))
        given = np.atleast_3d(np.asarray(bands))
    colors = given[..., :-1] if "A" in mode else given
    wanted = inverse.deblur(colors, inverse.psf.gauss(1), channel_axis=-1, rule=0.05)
    written = pixels("sharp.png").transpose(1, 2, 0)
    np.testing.assert_array_equal(written[..., : colors.shape[2]], wanted.x)
    np.testing.assert_array_equal(written[..., colors.shape[2] :], given[..., colors.shape[2] :])
    captured = capsys.readouterr()
    assert captured.out.endswith("\nwrote sharp.png\n")
    assert captured.err.splitlines() == [f"finding: {line}" for line in wanted.findings]


def test_a_color_image_comes_back_sharper() -> None:
    assert cli.main(DEBLUR) == 0
    truth = 255 * sharp()
    before = np.linalg.norm(pixels("RGB.png") - truth)
    assert np.linalg.norm(pixels("sharp.png") - truth) < 0.9 * before


def test_the_answer_is_told_as_json_with_what_speaks_against_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main([*DEBLUR[:3], "gauss:4", *DEBLUR[4:], "--json"]) == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    wanted = inverse.deblur(
        pixels("RGB.png").astype(np.uint8), inverse.psf.gauss(4), channel_axis=0
    )
    assert (facts["output"], facts["psf"]) == ("sharp.png", "gauss:4")
    assert (facts["shape"], facts["dtype"]) == ([32, 32, 3], "uint8")
    assert facts["damp"] == pytest.approx(wanted.damp, rel=1e-9)
    assert facts["chosen_by"] == wanted.chosen_by
    assert facts["residual_norm"] == pytest.approx(wanted.residual_norm, rel=1e-9)
    assert facts["findings"]
    assert captured.err.splitlines() == [f"finding: {line}" for line in facts["findings"]]


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("--rule gcv", {"rule": "gcv"}),
    ("--damp 0.03", {"rule": 0.03}),
    ("--rule discrepancy --sigma 2.5", {"rule": "discrepancy", "sigma": 2.5}),
    ("--rule ncp --regularizer laplacian", {"rule": "ncp", "regularizer": "laplacian"}),
    ("--regularizer none --boundary circular", {"regularizer": None, "boundary": "circular"}),
    ("--padding-mode symmetric,reflect", {"boundary": ("symmetric", "reflect")}),
    ("--center 2,3 --nonnegative", {"center": (2, 3), "nonnegative": True}),
    ("--penalty tv --rule 3", {"penalty": "tv", "rule": 3.0}),
]


@pytest.mark.parametrize(("typed", "options"), OPTIONS, ids=[typed for typed, _ in OPTIONS])
def test_options_are_those_of_the_function(
    typed: str,
    options: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Loops that come between the command and the call would round otherwise.
    monkeypatch.setenv("SPARSE_TCONV_COMPILED", "0")
    assert cli.main(["deblur", "L.png", *DEBLUR[2:], "--json", *typed.split()]) == 0
    facts = json.loads(capsys.readouterr().out)
    given = pixels("L.png")[0].astype(np.uint8)
    wanted = inverse.deblur(given, inverse.psf.gauss(1), **options)
    np.testing.assert_array_equal(pixels("sharp.png")[0], wanted.x)
    assert facts["damp"] == wanted.damp
    assert facts["chosen_by"] == wanted.chosen_by
    assert facts["solution_norm"] == wanted.solution_norm
    assert facts["gap"] == wanted.gap
    assert facts["bounds"] == (None if wanted.bounds is None else list(wanted.bounds))


def test_the_noise_is_relative_to_the_image() -> None:
    given = pixels("L.png")[0]
    sigma = 0.01 * np.sqrt(np.mean(given**2))
    assert cli.main(["deblur", "L.png", *DEBLUR[2:], "--noise", "0.01"]) == 0
    wanted = inverse.deblur(given.astype(np.uint8), inverse.psf.gauss(1), sigma=float(sigma))
    np.testing.assert_array_equal(pixels("sharp.png")[0], wanted.x)


def test_masked_and_saturated_pixels_are_not_used() -> None:
    given = pixels("RGB.png").transpose(1, 2, 0).astype(np.uint8)
    given[3:6, 4:7, 0] = 255
    PIL.Image.fromarray(given).save("bright.png")
    covered = np.ones((32, 32), bool)
    covered[10:14, 20:22] = False
    PIL.Image.fromarray((255 * covered).astype(np.uint8)).save("mask.png")
    np.save("mask.npy", covered)
    Path("all.npy").mkdir()
    Path("all.npy/mask.png").write_bytes(Path("mask.png").read_bytes())
    for mask in ("mask.png", "mask.npy", "all.npy/mask.png"):
        typed = ["--mask", mask, "--saturated", "--rule", "0.1"]
        assert cli.main(["deblur", "bright.png", *DEBLUR[2:], *typed]) == 0
        wanted = inverse.deblur(
            given,
            inverse.psf.gauss(1),
            channel_axis=-1,
            mask=(given < 255) & covered[..., None],
            rule=0.1,
        )
        np.testing.assert_array_equal(pixels("sharp.png").transpose(1, 2, 0), wanted.x)


def test_floats_are_restored_as_floats_in_a_file_that_holds_them() -> None:
    given = (pixels("L.png")[0] / 99).astype(np.float32)
    PIL.Image.fromarray(given).save("float.tif")
    assert cli.main(["deblur", "float.tif", *DEBLUR[2:4], "-o", "sharp.tif", "--rule", "0.1"]) == 0
    wanted = inverse.deblur(given, inverse.psf.gauss(1), rule=0.1)
    np.testing.assert_array_equal(pixels("sharp.tif")[0], wanted.x)


def test_what_the_colors_mean_is_kept() -> None:
    with PIL.Image.open("RGB.png") as image:
        image.save("profile.png", icc_profile=b"what the colors mean")
    assert cli.main(["deblur", "profile.png", *DEBLUR[2:], "--rule", "0.1"]) == 0
    with PIL.Image.open("sharp.png") as image:
        assert image.info["icc_profile"] == b"what the colors mean"


def test_bits_that_are_not_read_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (32, 32, 6), dtype=np.uint8)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", 32, 32, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in chunks:
        check = struct.pack(">I", zlib.crc32(name + data))
        content += struct.pack(">I", len(data)) + name + data + check
    Path("deep.png").write_bytes(content)
    assert cli.main(["deblur", "deep.png", *DEBLUR[2:], "--rule", "1"]) == 0
    assert capsys.readouterr().err.startswith("note: of 16 bits per color Pillow reads 8")


@pytest.mark.parametrize("psf", ["psf.npy", "psf.npz:narrow"])
def test_the_blur_may_be_an_array(psf: str) -> None:
    assert cli.main(DEBLUR) == 0
    wanted = pixels("sharp.png")
    assert cli.main([*DEBLUR[:3], psf, "-o", "other.tif"]) == 0
    np.testing.assert_array_equal(pixels("other.tif"), wanted)


REFUSED = [
    ("RGB.png", "blur:3", "`--psf` must be one of 'gauss', 'defocus', 'motion', 'box' with"),
    ("RGB.png", "motion:a", "`--psf` must have 1 to 2 numbers after 'motion:'; got 'motion:a'"),
    ("RGB.png", "gauss:0", "`sigma` must be a finite number, above 0; got 0.0"),
    ("RGB.png", "missing.npy", "No such file or directory: 'missing.npy'"),
    ("RGB.png", "psf.npz", "got 'psf.npz', which has 2: wide, narrow. Write psf.npz:wide."),
    ("RGB.png", "line.npy", "`psf` must have 2 axes, as a channel of y has; got shape (3,)"),
    ("RGB.png", "nan.npy", "`psf` must be finite and not all zero"),
    ("RGB.png", "zero.npy", "`psf` must be finite and not all zero"),
    ("RGB.png", "complex.npy", "`psf` must be real; got complex128"),
    ("RGB.png", "gauss:1 --rule best", "`rule` must be one of 'auto', 'gcv', 'wgcv', 'lcurve'"),
    ("RGB.png", "gauss:1 --damp -1", "`rule` must be a finite number, at least 0; got -1.0"),
    ("RGB.png", "gauss:1 --noise 0", "`--noise` must be a finite number, above 0; got 0.0"),
    ("RGB.png", "gauss:1 --noise nan", "`--noise` must be a finite number, above 0; got nan"),
    ("RGB.png", "gauss:1 --sigma 0", "`sigma` must be a finite number, above 0; got 0.0"),
    ("RGB.png", "gauss:1 --regularizer tv", "`regularizer` must be one of 'gradient', 'laplacia"),
    ("RGB.png", "gauss:1 --penalty l0", "`penalty` must be one of 'l2', 'tv'; got 'l0'"),
    ("RGB.png", "gauss:1 --penalty tv --rule gcv", "`rule` must be 'auto', 'discrepancy' or a"),
    ("RGB.png", "gauss:1 --boundary wrap", "It is 'circular' here"),
    ("RGB.png", "gauss:1 --center 9,9", "`center` must be an index of the PSF"),
    ("RGB.png", "gauss:1 --mask psf.npy", "`--mask` must be Boolean and of the image's size"),
    ("RGB.png", "gauss:1 --mask text.png", "cannot identify image file"),
    ("black.png", "gauss:1 --mask black.png", "`mask` must keep at least one pixel"),
    ("CMYK.tif", "gauss:1", "`image` must be gray or RGB; got 'CMYK.tif', which is CMYK"),
    ("deep.tif", "gauss:1", "`image` must have at most 16 bits; got values from 0 to 70000"),
    ("missing.png", "gauss:1", "No such file or directory: 'missing.png'"),
    ("folder.png", "gauss:1", "folder.png"),
    ("text.png", "gauss:1", "cannot identify image file 'text.png'"),
    ("nothing.png", "gauss:1", "cannot identify image file 'nothing.png'"),
    ("psf.npy", "gauss:1", "cannot identify image file 'psf.npy'"),
    ("cut.png", "gauss:1", "`image` must be an image that Pillow can read; got 'cut.png': "),
]


@pytest.mark.parametrize(("image", "typed", "message"), REFUSED)
def test_what_cannot_be_deblurred_is_one_line_and_exit_code_2(
    image: str, typed: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    PIL.Image.new("L", (32, 32)).save("black.png")
    PIL.Image.new("CMYK", (32, 32)).save("CMYK.tif")
    PIL.Image.fromarray(np.linspace(0, 70000, 64, dtype=np.int32).reshape(8, 8)).save("deep.tif")
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
        code = cli.main(["deblur", "now.png", *DEBLUR[2:], "--rule", "0.1"])
        lines = capsys.readouterr().err.splitlines()
        told = all(line.startswith(("finding: ", "note: ")) for line in lines)
        assert (code, told) == (0, True) or (code, len(lines)) == (2, 1)


@pytest.mark.parametrize(
    ("mode", "suffix", "reason"),
    [
        ("RGBA", ".jpg", "cannot write mode RGBA as JPEG"),
        ("I;16", ".jpg", "cannot write mode I;16 as JPEG"),
        ("RGBA", ".ppm", "it has no transparency"),
        ("LA", ".pgm", "it has no transparency"),
    ],
)
def test_a_format_that_cannot_hold_the_image_is_told_before_anything_is_computed(
    mode: str,
    suffix: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(_deblur, "deblur", None)
    assert cli.main(["deblur", f"{mode}.png", *DEBLUR[2:4], "-o", f"out{suffix}"]) == 2
    line = one_error_line(capsys.readouterr())
    assert f"must be of a format that holds the image; got {suffix}: {reason}. Write .png" in line


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (DEBLUR[:4], "the following arguments are required: -o/--output"),
        ([*DEBLUR[:2], "-o", "out.png"], "the following arguments are required: --psf"),
        ([*DEBLUR[:4], "-o", "out.txt"], "must end in .png or .jpg"),
        ([*DEBLUR[:4], "-o", "folder.png"], "got 'folder.png', which is a directory"),
        ([*DEBLUR[:4], "-o", "nowhere/out.png"], "the directory 'nowhere' does not exist"),
        ([*DEBLUR, "--noise", "some"], "invalid float value: 'some'"),
        ([*DEBLUR, "--noise", "0.1", "--sigma", "1"], "--sigma: not allowed with argument --noise"),
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
    def half(_: object, file: Any, **__: object) -> None:
        file.write(b"half")
        raise failure

    Path("sharp.png").write_text("the old file")
    before = sorted(Path().iterdir())
    monkeypatch.setattr(PIL.Image.Image, "save", half)
    assert cli.main(DEBLUR) == code
    assert sorted(Path().iterdir()) == before
    assert Path("sharp.png").read_text() == "the old file"


def test_ctrl_c_ends_a_deblurring_quietly(tmp_path: Path) -> None:
    Path("sitecustomize.py").write_text(
        "import signal, time, sparse_tconv.cli._deblur as module\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def wait(*_, **__):\n"
        "    print('begun', flush=True)\n"
        "    time.sleep(60)\n"
        "module.deblur = wait\n"
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

    monkeypatch.setattr(_deblur, "deblur", record)
    for terminal, installed in [(False, True), (True, True), (True, False)]:
        with monkeypatch.context() as patch:
            patch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal, raising=False)
            spec = object() if installed else None
            patch.setattr(_deblur, "find_spec", lambda _, spec=spec: spec)
            assert cli.main(DEBLUR) == 2
    assert asked == [False, True, False]
    assert capsys.readouterr().err.count("enough") == 3
    assert run(*DEBLUR, cwd=tmp_path).stderr == b""


def test_missing_pillow_is_told_with_its_pip_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert cli.main(DEBLUR) == 2
    assert "pip install 'sparse_tconv[demo]'" in one_error_line(capsys.readouterr())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gauss:1.5", inverse.psf.gauss(1.5)),
        ("gauss:1.5,9", inverse.psf.gauss(1.5, 9)),
        ("defocus:5", inverse.psf.defocus(5)),
        ("motion:15", inverse.psf.motion(15)),
        ("motion:15,-30.5", inverse.psf.motion(15, -30.5)),
        ("box:3", inverse.psf.box(3)),
        ("box:3,5", inverse.psf.box((3, 5))),
    ],
)
def test_a_word_and_numbers_make_a_psf(text: str, wanted: np.ndarray) -> None:
    np.testing.assert_array_equal(read_psf(text), wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gauss", "`--psf` must have 1 to 2 numbers after 'gauss:'; got 'gauss'. Write gauss:2"),
        ("defocus:1,2", "`--psf` must have 1 numbers after 'defocus:'"),
        ("box:1.5", r"`side` must be .*got 1\.5"),
        ("gauss:-1", r"`sigma` must be .*got -1\.0"),
    ],
)
def test_a_wrong_psf_is_answered_by_name(text: str, message: str) -> None:
    with pytest.raises(SparseTconvError, match=message):
        read_psf(text)


def test_a_picture_out_of_proportion_to_its_file_is_refused_before_it_is_unfolded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    PIL.Image.new("1", (12000, 12000)).save("flat.png")  # 144 million pixels in some kilobytes
    assert cli.main(["deblur", "flat.png", *DEBLUR[2:]]) == 2
    line = one_error_line(capsys.readouterr())
    assert "`image` must not unfold to 12000 x 12000 pixels; got 'flat.png', a file of" in line


def test_what_pillow_warns_of_is_no_second_line(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cut.pgm").write_bytes(b"P5 12000 12000 255\n" + bytes(1 << 20))
    Path("cut.tif").write_bytes(b"II*\0\x08\0\0\0\x0b\0" + bytes(20))
    for name in ("cut.pgm", "cut.tif"):
        assert cli.main(["deblur", name, *DEBLUR[2:]]) == 2
        one_error_line(capsys.readouterr())


def test_a_picture_from_a_pipe_is_read_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("pipe.png")
    content = Path("RGB.png").read_bytes()
    for limit, code in ((len(content), 0), (len(content) - 1, 2)):
        monkeypatch.setattr("sparse_tconv.cli._image_files._LARGEST_HELD", limit)
        writer = Thread(target=Path("pipe.png").write_bytes, args=(content,))
        writer.start()
        assert cli.main(["deblur", "pipe.png", *DEBLUR[2:], "--rule", "0.1"]) == code
        writer.join()
    assert f"`image` must be of at most {len(content) - 1:,} bytes" in capsys.readouterr().err
