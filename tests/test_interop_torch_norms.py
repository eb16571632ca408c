"""The bound of a norm for training: never below the norm, near to it, and differentiable."""

from __future__ import annotations

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv.analysis import norm_bounds

torch = pytest.importorskip("torch")
norm_bound = st.interop.torch.norm_bound


def random_layer(rng):
    axes = int(rng.integers(1, 3))
    groups = int(rng.integers(1, 3))
    weight = rng.standard_normal(
        (groups * int(rng.integers(1, 4)), int(rng.integers(1, 4)), *rng.integers(1, 5, axes))
    )
    if rng.integers(2):
        weight = weight + 1j * rng.standard_normal(weight.shape)
    stride, dilation = (tuple(rng.integers(1, 4, axes).tolist()) for _ in range(2))
    return weight, {"stride": stride, "dilation": dilation, "groups": groups, "points": 12}


def test_it_is_never_below_the_norm(rng, settings_count):
    for _ in range(settings_count(500)):
        weight, options = random_layer(rng)
        reach = np.array(options["dilation"]) * (np.array(weight.shape[2:]) - 1)
        stride = np.array(options["stride"])
        windows = rng.integers(1, 10, reach.size)
        if rng.integers(2):  # a circle that the windows go round once
            size, mode = windows * stride, "circular"
            padding = np.stack([reach, 1 - stride], axis=1).tolist()
        else:
            size, mode, padding = windows + reach, "zeros", int(rng.integers(0, 3))
        op = st.Conv(
            weight,
            (weight.shape[1] * options["groups"], *size),
            padding=padding,
            padding_mode=mode,
            **{name: options[name] for name in ("stride", "dilation", "groups")},
        )
        bound = float(norm_bound(torch.from_numpy(weight), **options))
        assert bound >= np.linalg.norm(op.toarray(), 2) * (1 - 1e-13)
        narrow = norm_bound(torch.from_numpy(weight.astype(np.complex64)), **options)
        assert float(narrow) >= bound * (1 - 1e-6)


@pytest.mark.parametrize(("stride", "side"), [(1, 3), (2, 3)])
def test_it_is_within_a_percent_of_the_narrowest_bound(stride, side, rng):
    for _ in range(2):
        weight = rng.standard_normal((4, 3, side, side))
        size = (3, 40 * side, 40 * side)
        bounds = norm_bounds(st.Conv(weight, size, padding=side // 2, stride=stride))
        bound = float(norm_bound(torch.from_numpy(weight), stride=stride))
        assert bounds.lower <= bound <= 1.01 * bounds.upper


def test_gradients_are_those_of_differences(rng):
    for _ in range(4):
        weight, options = random_layer(rng)
        tensor = torch.from_numpy(weight).requires_grad_()
        assert torch.autograd.gradcheck(lambda w, o=options: norm_bound(w, **o), (tensor,))


def test_a_layer_is_trained_to_a_norm(rng):
    weight = torch.from_numpy(rng.standard_normal((2, 2, 3, 3)) / 3).requires_grad_()
    step = torch.optim.SGD([weight], lr=0.1)
    for _ in range(60):
        step.zero_grad()
        torch.relu(norm_bound(weight, points=32) - 1).backward()
        step.step()
    assert float(norm_bound(weight.detach())) < 1.2
    assert norm_bounds(st.Conv(weight.detach().numpy(), (2, 20, 20), padding=1)).upper < 1.2


def test_what_is_no_layer_is_refused():
    weight = torch.ones(2, 1, 3)
    with pytest.raises(st.GeometryError, match="`points` must be more than twice the reach"):
        norm_bound(weight, points=4)
    with pytest.raises(st.errors.DTypeError, match="`weight` must be a dense tensor"):
        norm_bound(np.ones((1, 1, 3)))
    with pytest.raises(st.ShapeError, match="`weight` must have shape"):
        norm_bound(torch.ones(3, 3))
    with pytest.raises(st.GeometryError, match="`stride` must have 1 entries"):
        norm_bound(weight, stride=(1, 1))
    with pytest.raises(st.GeometryError, match="`weight` must be finite"):
        norm_bound(weight * float("nan"))
