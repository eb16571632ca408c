"""Image files go in blurred and come out sharper, whatever their mode."""

from __future__ import annotations

import sys

import numpy as np
import PIL.Image
import pytest

import sparse_tconv as st
from sparse_tconv.inverse import blur, deblur_photograph, parse_psf, problems, psf, tikhonov


def picture(channels):
    """A sharp picture, and what a path of 7 pixels makes of it, values from 0 to 255."""
    base = problems.deblurring(psf.box(1), 48).x
    sharp = np.stack([base, base[::-1], base[:, ::-1]])[:channels]
    op = blur(psf.motion(7, 30), sharp.shape, channels=True)
    return 255 * sharp, np.rint(255 * op.apply(sharp).clip(0, 1)).astype(np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "I;16", "P"])
def test_every_mode_comes_back_sharper(mode, tmp_path, rng):
    sharp, blurred = picture(3 if mode in ("RGB", "RGBA", "P") else 1)
    bands = blurred[0] if len(blurred) == 1 else blurred.transpose(1, 2, 0)
    if mode == "I;16":
        image = PIL.Image.fromarray(bands.astype(np.uint16) * 257)
    else:
        image = PIL.Image.fromarray(bands)
        image = image.quantize(256) if mode == "P" else image
    alpha = rng.integers(0, 256, (48, 48)).astype(np.uint8)
    if mode in ("RGBA", "LA"):
        image.putalpha(PIL.Image.fromarray(alpha))
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    image.save(source)
    # A palette is noise of its own.
    found = deblur_photograph(source, target, "motion:7,30", damp=0.2 if mode == "P" else 0.05)
    with PIL.Image.open(target) as written:
        result = np.atleast_3d(np.asarray(written)).transpose(2, 0, 1).astype(float)
    if mode in ("RGBA", "LA"):
        np.testing.assert_array_equal(result[-1], alpha)
        result = result[:-1]
    result = result / 257 if mode == "I;16" else result
    before = blurred[: len(sharp)].astype(float)
    assert np.linalg.norm(result - sharp) < 0.85 * np.linalg.norm(before - sharp)
    assert found.x.shape == sharp.shape
    assert found.chosen_by == "given"


def test_damp_is_chosen_once_for_all_channels(tmp_path):
    _, blurred = picture(3)
    PIL.Image.fromarray(blurred.transpose(1, 2, 0)).save(tmp_path / "in.png")
    found = deblur_photograph(tmp_path / "in.png", tmp_path / "out.jpg", psf.motion(7, 30))
    assert found.chosen_by.startswith("gcv, Golub-Kahan bidiagonalization")
    with PIL.Image.open(tmp_path / "out.jpg") as written:
        assert written.size == (48, 48)


def test_the_middle_of_a_large_image_tells_the_damp(tmp_path):
    sharp = problems.deblurring(psf.box(1), (500, 420)).x
    kernel = psf.motion(7, 30)
    blurred = np.rint(255 * blur(kernel, sharp.shape).apply(sharp).clip(0, 1)).astype(np.uint8)
    PIL.Image.fromarray(blurred).save(tmp_path / "in.png")
    found = deblur_photograph(tmp_path / "in.png", tmp_path / "out.png", kernel)
    assert found.chosen_by.endswith("on the middle 384 x 384")
    whole = tikhonov(blur(kernel, sharp.shape), blurred / 255, "gcv")
    assert 0.5 < found.damp / whole.damp < 2
    assert found.x.shape == (1, 500, 420)


def test_the_noise_is_relative(tmp_path):
    _, blurred = picture(1)
    PIL.Image.fromarray(blurred[0]).save(tmp_path / "in.png")
    found = deblur_photograph(
        tmp_path / "in.png", tmp_path / "out.png", "motion:7,30", damp="discrepancy", noise=0.05
    )
    wanted = 1.01 * 0.05 * np.linalg.norm(blurred / 255)
    assert found.residual_norm == pytest.approx(wanted, rel=2e-2)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("gauss:1.5", psf.gauss(1.5)),
        ("gauss:1.5,9", psf.gauss(1.5, 9)),
        ("defocus:5", psf.defocus(5)),
        ("motion:15", psf.motion(15)),
        ("motion:15,-30.5", psf.motion(15, -30.5)),
        ("box:3", psf.box(3)),
        ("box:3,5", psf.box((3, 5))),
    ],
)
def test_a_word_and_numbers_make_a_psf(text, wanted):
    np.testing.assert_array_equal(parse_psf(text), wanted)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blur:3", "`psf` must be one of 'gauss', 'defocus', 'motion', 'box'; got 'blur'"),
        ("gauss", "`psf` must have 1 to 2 numbers after 'gauss:'; got 'gauss'. Write gauss:2"),
        ("defocus:1,2", "`psf` must have 1 numbers after 'defocus:'"),
        ("motion:a", "`psf` must have 1 to 2 numbers after 'motion:'"),
        ("box:1.5", r"`side` must be .*got 1\.5"),
        ("gauss:-1", r"`sigma` must be .*got -1\.0"),
    ],
)
def test_a_wrong_psf_is_answered_by_name(text, message):
    with pytest.raises(st.GeometryError, match=message):
        parse_psf(text)


def test_a_wrong_file_is_answered_before_anything_is_computed(tmp_path, monkeypatch):
    with pytest.raises(st.GeometryError, match="`target` must end as an image file does"):
        deblur_photograph("in.png", "out.tiffany", "gauss:2")
    with pytest.raises(FileNotFoundError, match=r"in\.png"):
        deblur_photograph(tmp_path / "in.png", tmp_path / "out.png", "gauss:2")
    (tmp_path / "in.png").write_text("no picture")
    with pytest.raises(PIL.UnidentifiedImageError, match="cannot identify image file"):
        deblur_photograph(tmp_path / "in.png", tmp_path / "out.png", "gauss:2")
    with pytest.raises(st.GeometryError, match="`noise` must be a finite number, above 0"):
        deblur_photograph("in.png", "out.png", "gauss:2", noise=0)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[demo\]'"):
        deblur_photograph("in.png", "out.png", "gauss:2")
