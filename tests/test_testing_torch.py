"""Functions and modules of torch are accepted as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sparse_tconv.errors import DTypeError
from sparse_tconv.testing import Cause, assert_adjoint, diagnose, dot_test, exact_test

torch = pytest.importorskip("torch")
F = torch.nn.functional


def _weight(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> Any:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


SETTINGS = [
    ({}, {}, (1, 2, 8, 9)),
    ({"padding": 1}, {}, (3, 2, 8, 9)),
    ({"stride": 2, "padding": 1}, {"output_padding": (1, 0)}, (1, 2, 8, 9)),
    ({"dilation": 2, "padding": 2}, {}, (2, 8, 9)),
]


@pytest.mark.parametrize(("options", "more", "in_shape"), SETTINGS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conv2d_and_conv_transpose2d_are_a_pair(
    options: dict[str, Any], more: dict[str, Any], in_shape: tuple[int, ...], dtype: str
) -> None:
    kind = getattr(torch, dtype)
    w = _weight((4, 2, 3, 3), kind)
    pair = (
        lambda x: F.conv2d(x, w, **options),
        lambda y: F.conv_transpose2d(y, w, **options, **more),
    )
    for asked in (kind, dtype, None):  # a torch dtype, a NumPy one, and neither
        report = dot_test(*pair, in_shape=in_shape, dtype=asked, rng=0)
        assert report, repr(report)
        assert "torch." in report.domain
    assert diagnose(*pair, in_shape=in_shape, dtype=kind) == ()


def test_complex_weights_must_be_conjugated() -> None:
    w = _weight((4, 2, 3), torch.complex64)
    options = {"in_shape": (1, 2, 9), "dtype": torch.complex64}

    def forward(x: Any) -> Any:
        return F.conv1d(x, w)

    assert dot_test(forward, lambda y: F.conv_transpose1d(y, w.conj()), **options, rng=0)
    assert not dot_test(forward, lambda y: F.conv_transpose1d(y, w), **options, rng=0)
    found = diagnose(forward, lambda y: F.conv_transpose1d(y, w), **options)
    assert found.causes == (Cause.CONJUGATE,)


def test_modules_work_and_their_bias_is_found() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(2, 3, 3, padding=1)

    def adjoint(y: Any) -> Any:
        return F.conv_transpose2d(y, layer.weight, padding=1)

    options = {"in_shape": (1, 2, 6, 7)}
    report = dot_test(layer, adjoint, **options, rng=0)
    assert Cause.AFFINE in [finding.cause for finding in report.findings]
    assert diagnose(layer, adjoint, **options).causes == (Cause.AFFINE,)
    bare = torch.nn.Conv2d(2, 3, 3, padding=1, bias=False)
    turned = torch.nn.ConvTranspose2d(3, 2, 3, padding=1, bias=False)
    turned.weight = bare.weight
    assert dot_test(bare, turned, **options, rng=0)


def test_output_padding_missing_is_told_with_its_value() -> None:
    w = _weight((4, 2, 3, 3), torch.float64)
    options = {"stride": 2, "padding": 1}
    found = diagnose(
        lambda x: F.conv2d(x, w, **options),
        lambda y: F.conv_transpose2d(y, w, **options),
        in_shape=(1, 2, 8, 8),
        dtype=torch.float64,
    )
    assert Cause.OUTPUT_PADDING in found.causes
    assert "output_padding=1" in repr(found)


def test_the_gradient_is_an_adjoint() -> None:
    w = _weight((1, 1, 3, 3), torch.float64)

    def forward(x: Any) -> Any:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), w)

    def adjoint(y: Any) -> Any:
        x = torch.zeros(1, 1, 6, 7, dtype=torch.float64, requires_grad=True)
        return torch.autograd.grad(forward(x), x, y)[0]

    options = {"in_shape": (1, 1, 6, 7), "dtype": torch.float64}
    assert_adjoint(forward, adjoint, **options, rng=0)
    assert exact_test(forward, adjoint, **options)

    def unfolded(y: Any) -> Any:
        return F.conv_transpose2d(y, w, padding=1)

    found = diagnose(forward, unfolded, **options)
    assert found.causes == (Cause.BOUNDARY,)


def test_a_tensor_is_a_matrix() -> None:
    a = _weight((3, 4), torch.complex128)
    assert dot_test(a, rng=0)
    assert not dot_test(a, a.T, rng=0)


def test_functions_on_arrays_still_get_arrays_when_torch_is_loaded() -> None:
    seen: list[type] = []

    def forward(x: Any) -> Any:
        seen.append(type(x))
        return 2 * x

    report = dot_test(forward, forward, in_shape=3, rng=0)
    assert report
    assert set(seen) == {np.ndarray}


def test_an_error_of_torch_is_told_in_its_own_words() -> None:
    w = _weight((4, 3, 3, 3), torch.float32)
    report = dot_test(
        lambda x: F.conv2d(x, w), lambda y: F.conv_transpose2d(y, w), in_shape=(1, 2, 8, 8), rng=0
    )
    assert [finding.cause for finding in report.findings] == [Cause.RAISES]
    assert "expected input" in report.findings[0].evidence


def test_a_dtype_that_numpy_lacks_is_refused() -> None:
    with pytest.raises(DTypeError, match=r"`dtype` must be a numeric dtype; got .*bfloat16"):
        dot_test(torch.relu, torch.relu, in_shape=3, dtype=torch.bfloat16)
