"""What other libraries hold is read as the values it stands for, or refused in words that say what
to type.
"""

from __future__ import annotations

import operator
import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import sparse_tconv as st

torch = pytest.importorskip("torch")
ml_dtypes = pytest.importorskip("ml_dtypes")
dask_array = pytest.importorskip("dask.array")

BARE = {"channels": False}
W = np.array([2.0, -1.0, 3.0])
X = np.arange(6.0)
OP = st.Conv(W, (6,), **BARE)
HIDDEN = np.ma.masked_equal([1.0, 2.0, 1e9, 3.0, 4.0, 5.0], 1e9)
SHOWN = np.ma.masked_equal(X, -1.0)
PHASE = torch.tensor([1 + 2j, 3 - 1j, 0.5j])


def quantized():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)


class Unreadable:
    def __index__(self):
        raise RuntimeError("not now")


NO_INTEGERS = [
    *(torch.tensor(True), torch.tensor(2.0), torch.tensor(2, device="meta"), np.array(True)),
    Unreadable(),
]


# Everything that takes a weight or a bias takes it from a layer as it is.
TAKES_WEIGHT = {
    "conv_matrix": lambda w: st.conv_matrix(w, (6,), **BARE).toarray(),
    "conv_transpose_matrix": lambda w: st.conv_transpose_matrix(w, (4,), **BARE).toarray(),
    "Conv": lambda w: st.Conv(w, (6,), **BARE).matrix.toarray(),
    "ConvTranspose": lambda w: st.ConvTranspose(w, (4,), **BARE).matrix.toarray(),
    "with_weight": lambda w: OP.with_weight(w).matrix.toarray(),
    "conv": lambda w: st.conv(X, w, **BARE),
    "conv1d": lambda w: st.conv1d(X, w, **BARE),
    "conv_transpose": lambda w: st.conv_transpose(X, w, **BARE),
    "blur": lambda w: st.inverse.blur(w, (6,)).matrix.toarray(),
    "matrix_blocks": lambda w: st.chunked.matrix_blocks(w, (6,), **BARE).matvec(X).compute(),
}


@pytest.mark.parametrize("take", TAKES_WEIGHT.values(), ids=TAKES_WEIGHT)
def test_a_parameter_is_taken_as_its_values(take):
    parameter = torch.nn.Parameter(torch.tensor(W))
    assert np.array_equal(take(parameter), take(W))
    assert parameter.grad is None
    assert parameter.requires_grad


def test_a_bias_parameter_is_taken_as_its_values():
    layer = torch.nn.Conv2d(2, 3, 3, dtype=torch.float64)
    x = torch.randn(2, 8, 8, dtype=torch.float64)
    expected = layer(x[None])[0].detach().numpy()
    assert np.allclose(st.conv(x, layer.weight, layer.bias), expected, rtol=1e-12, atol=1e-12)
    affine = st.Affine(st.Conv(layer.weight, (2, 8, 8)), layer.bias)
    assert np.allclose(affine.apply(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("view", [PHASE.conj(), PHASE.conj().imag, PHASE.real, PHASE[1:]])
def test_a_view_of_a_tensor_is_what_it_computes(view):
    plain = torch.view_as_real(view.resolve_conj()) if view.is_complex() else view.resolve_neg()
    plain = plain.numpy().view(np.complex64)[:, 0] if view.is_complex() else plain.numpy()
    assert np.array_equal(st.Conv(view, (6,), **BARE).weight, plain)
    assert np.array_equal(OP.apply(view.repeat(6)[:6]), OP.apply(np.tile(plain, 6)[:6]))


@pytest.mark.parametrize("half", [np.float16, ml_dtypes.bfloat16, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("function", [st.conv_matrix, st.conv_transpose_matrix])
def test_the_dtype_of_a_matrix_takes_half_precision_up(half, dtype, function):
    weight = torch.tensor(W).to(half) if isinstance(half, torch.dtype) else W.astype(half)
    found = function(weight, (6,), dtype=dtype, **BARE)
    assert found.dtype == dtype
    assert np.array_equal(found.toarray(), function(W, (6,), **BARE).toarray())
    with pytest.raises(
        st.DTypeError, match=r"`weight` must have .*16\. .*or pass dtype=np\.float32"
    ):
        function(weight, (6,), **BARE)
    with pytest.raises(st.DTypeError, match=r"`dtype` must be able to hold .*float32; got int64"):
        function(weight, (6,), dtype=np.int64, **BARE)


def vmapped():
    torch.vmap(lambda row: torch.tensor(st.conv(row, W, **BARE)))(torch.ones(2, 6))


def fake():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode() as mode:
        st.conv(X, mode.from_tensor(torch.ones(3)), **BARE)


REFUSED = [
    (lambda: OP.apply(torch.ones(6, requires_grad=True)), r"`x` must not require .*torch\.apply"),
    (lambda: OP @ torch.ones(6, requires_grad=True), r"`x` must not require grad.*x\.detach\(\)"),
    (lambda: OP.matvec(torch.ones(6, requires_grad=True)), r"`x` must not require grad"),
    (lambda: st.conv(torch.ones(6, requires_grad=True), W, **BARE), r"interop\.torch\.apply"),
    (lambda: st.inverse.solve(OP, torch.ones(4, requires_grad=True)), r"`y` must not require grad"),
    (lambda: st.Conv([torch.ones(3, requires_grad=True)], (6,)), r"`weight` must be an array of"),
    (lambda: st.Conv(torch.empty(3, device="meta"), (6,), **BARE), r"`weight` .*device 'meta'"),
    (lambda: st.Conv(torch.ones(3).to_sparse(), (6,), **BARE), r"sparse_coo\. .*to_dense\(\)"),
    (lambda: st.Conv(quantized(), (6,), **BARE), r"quantized; got torch\.qint8\..*dequantize\(\)"),
    (lambda: st.Conv(torch.nn.LazyConv1d(2, 3).weight, (6,)), r"`weight` must have values; .*lazy"),
    (lambda: st.Conv(torch.ones(3).bool(), (6,), **BARE), r"torch\.bool\. .*weight\.char\(\)\.$"),
    (
        lambda: st.Conv(torch.ones(3).half(), (6,), **BARE),
        r"torch\.float16\. .*weight\.float\(\)\.$",
    ),
    (
        lambda: st.conv_matrix(torch.ones(3).to(torch.float8_e4m3fn), (6,), **BARE),
        r"torch\.float8_e4m3fn\. Convert it: weight\.float\(\)\.$",
    ),
    (
        lambda: st.conv_matrix(np.ones(3, ml_dtypes.float8_e4m3fn), (6,), **BARE),
        r"float8_e4m3fn\. Convert it: weight\.astype\(np\.float32\)\.$",
    ),
    (lambda: OP.apply(torch.ones(6).bfloat16()), r"`x` must .*bfloat16\. Convert it: x\.float\(\)"),
    (lambda: OP.apply(torch.ones(6, device="meta")), r"`x` must have values"),
    (vmapped, r"`x` must have values; got a Tensor, which only stands for a tensor"),
    (fake, r"`weight` must have values; got a FakeTensor"),
    # masked
    (lambda: st.conv(HIDDEN, [1.0, 1.0], **BARE), r"`x` must have no masked entries; got 1 masked"),
    (lambda: OP.apply(HIDDEN), r"masked entry\. Pass x\.filled\(0\)"),
    (lambda: OP @ HIDDEN, r"`x` must have no masked entries"),
    (lambda: OP.matmat(HIDDEN[:, None]), r"`x` must have no masked entries"),
    (lambda: OP.apply([HIDDEN, HIDDEN]), r"must hold plain numbers; got a MaskedArray among"),
    (
        lambda: OP.apply([1.0, np.ma.masked, 1.0, 1.0, 1.0, 1.0]),
        r"MaskedConstant among its entries",
    ),
    (lambda: st.Conv(HIDDEN, (9,), **BARE), r"`weight` must have no masked entries"),
    (lambda: st.Affine(st.Conv(np.ones((1, 1, 2)), (1, 4)), HIDDEN[2:3]), r"`bias` must have no m"),
    (lambda: st.inverse.solve(np.eye(6), HIDDEN), r"no masked entries; got 1 .*mask=~np\.ma\.getm"),
    (lambda: st.inverse.gcv(np.eye(6), HIDDEN), r"pass mask=~np\.ma\.getmaskarray\(y\)"),
    (lambda: st.inverse.picard(np.eye(6), HIDDEN), r"`y` must have no masked entries"),
    # sparse
    (lambda: st.Conv(sp.csr_array(np.eye(3)), (6, 6), **BARE), r"csr_array\. Pass weight\.toarray"),
    (lambda: st.conv(sp.coo_matrix(np.eye(6)), np.eye(3), **BARE), r"coo_matrix\. Pass x\.toarray"),
    (lambda: st.Conv([sp.csr_array(np.eye(3))], (6, 6)), r"plain numbers; got a csr_array among"),
    (lambda: st.inverse.solve(OP, sp.csr_array(np.eye(4))), r"`y` must be .*Pass y\.toarray\(\)"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_what_has_no_plain_values_is_refused_by_name(call, words):
    with pytest.raises(st.DTypeError, match=words):
        call()


@pytest.mark.parametrize(
    "product", [OP.apply, operator.matmul, OP.matvec], ids=["apply", "@", "mv"]
)
def test_tensors_and_arrays_with_nothing_masked_are_taken(product):
    call = product if product is not operator.matmul else lambda x: OP @ x
    for x in (
        SHOWN,
        torch.tensor(X),
        torch.tensor(X).to(torch.float32),
        np.asarray(X).view(np.recarray),
    ):
        assert np.array_equal(call(x), OP.apply(X))
        assert type(call(x)) is np.ndarray


SQUARE = st.Conv(W, (6,), padding=1, **BARE)
NO_MASKS = [
    np.ma.array(np.ones(6, bool), mask=[0, 1, 0, 0, 0, 0]),
    torch.ones(6),
    torch.ones(6, requires_grad=True),
    torch.ones(6, dtype=torch.bfloat16),
    torch.empty(6, dtype=torch.bool, device="meta"),
    torch.ones(6, dtype=torch.bool).to_sparse(),
    torch.ones(6, dtype=torch.complex64).conj(),
    sp.csr_array(np.ones((1, 6), bool)),
    [[True], True],
    np.ones(6, np.int8),
]
TAKES_MASK = {
    "solve": lambda mask: st.inverse.solve(SQUARE, X, damp=0.1, mask=mask).x,
    "deblur": lambda mask: st.inverse.deblur(X, [0.2, 0.5, 0.3], rule=0.1, mask=mask).x,
    "Restriction": lambda where: st.Restriction((6,), where).apply(X),
}


@pytest.mark.parametrize("take", TAKES_MASK.values(), ids=TAKES_MASK)
def test_masks_are_boolean_and_nothing_else(take):
    mask = np.array([True, False, True, True, True, True])
    wanted = take(mask)
    for same in (mask.tolist(), torch.tensor(mask), np.ma.array(mask)):
        np.testing.assert_array_equal(take(same), wanted)
    for other in NO_MASKS:
        with pytest.raises(
            st.DTypeError, match=r"`(mask|where)` must (be a Boolean|have no masked entries)"
        ):
            take(other)


def test_views_and_lists_of_numbers_are_what_a_picture_is_compared_with():
    negative = torch._neg_view(torch.arange(6.0))
    found = st.inverse.tikhonov(SQUARE, negative, 0.1)
    np.testing.assert_allclose(found.x, -st.inverse.tikhonov(SQUARE, X, 0.1).x)
    with pytest.raises(st.DTypeError, match=r"`x` must be a dense array; got a coo_array"):
        SQUARE @ sp.coo_array(X)
    problem = st.inverse.problems.deconvolution(seed=1)
    hidden = np.ma.masked_less(problem.x, problem.x.max())
    with pytest.raises(st.DTypeError, match="`x` must have no masked entries"):
        problem.error(hidden)


def test_masked_data_go_into_a_problem_by_its_mask():
    found = st.inverse.solve(np.eye(6), HIDDEN.data, mask=~np.ma.getmaskarray(HIDDEN), damp=1e-3)
    assert found.x[2] == 0
    assert np.allclose(np.delete(found.x, 2), HIDDEN.compressed(), rtol=1e-5)


@pytest.mark.parametrize("number", [torch.tensor(2), np.array(2), np.int8(2), torch.tensor([2])])
def test_integers_of_other_libraries_are_integers(number):
    expected = st.conv(X, W, stride=2, padding=2, dilation=2, **BARE)
    options = {"stride": number, "padding": number, "dilation": number}
    assert np.array_equal(st.conv(X, W, **options, **BARE), expected)
    shape = (torch.tensor(6),) if isinstance(number, torch.Tensor) else (np.int64(6),)
    assert np.array_equal(st.Conv(W, shape, **options, **BARE).apply(X), expected)


@pytest.mark.parametrize("number", [*NO_INTEGERS, np.longdouble("1e400")])
def test_what_is_no_integer_of_another_library_is_refused(number):
    with pytest.raises(st.GeometryError, match=r"`stride` must be an int .*; got"):
        st.conv(X, W, stride=number, **BARE)


def test_a_tensor_is_no_dtype():
    with pytest.raises(st.DTypeError, match=r"`dtype` must be a NumPy dtype; got tensor"):
        OP.to_matrix(dtype=torch.tensor(2.0))


@pytest.mark.parametrize("shape", [(0, 3, 3), (2, 0, 3), (2, 3, 0)])
def test_an_empty_kernel_is_blamed_on_the_kernel(shape):
    empty = np.ones(shape)
    for call in (
        lambda: st.Conv(empty, (3, 8)),
        lambda: st.conv_matrix(empty, (3, 8)),
        lambda: st.conv_transpose(np.ones((2, 8)), empty),
        lambda: st.conv1d(np.ones((3, 8)), torch.tensor(empty)),
    ):
        with pytest.raises(
            st.GeometryError, match=r"`weight` must have no axis of length 0; got sh"
        ):
            call()


def test_functions_of_fixed_axes_name_channels_for_bare_arrays():
    with pytest.raises(st.GeometryError, match=r"4 axes for conv2d; .*pass channels=False"):
        st.conv2d(np.ones((9, 9)), np.ones((2, 2)))
    with pytest.raises(st.GeometryError, match=r"3 axes for conv_transpose1d; .*channels=False"):
        st.conv_transpose1d(np.ones(9), np.ones(2))


BIASES = [
    (np.int64, [0.9], r"`bias` must be of integers for results of int64; got float64"),
    (np.int64, [1j], r"`bias` must be real for real results; got complex128"),
    (np.float64, [1j], r"`bias` must be real for real results; got complex128"),
    (np.float32, [1 + 0j], r"`bias` must be real for real results"),
    (np.int8, [300], r"`bias` must fit results of int8, -128 to 127; got \[300\]"),
    (np.uint8, [-1], r"`bias` must fit results of uint8, 0 to 255; got \[-1\]"),
]


@pytest.mark.parametrize(("dtype", "bias", "words"), BIASES)
def test_a_bias_that_the_results_cannot_hold_is_refused(dtype, bias, words):
    x, w = np.ones((1, 5), dtype), np.ones((1, 1, 2), dtype)
    for call in (
        lambda: st.conv(x, w, bias),
        lambda: st.conv1d(x, w, bias),
        lambda: st.conv_transpose(x, w, bias),
        lambda: st.conv_transpose1d(x, w, bias),
        lambda: st.Affine(st.Conv(w, x.shape), bias).apply(x),
        lambda: st.Affine(st.ConvTranspose(w, x.shape), bias).apply(x),
        lambda: st.chunked.conv(dask_array.from_array(x), w, bias),
        lambda: st.chunked.conv_transpose(dask_array.from_array(x), w, bias),
    ):
        with pytest.raises(st.DTypeError, match=words):
            call()


def test_a_bias_of_integers_is_taken_up_by_any_result():
    for dtype in (np.int8, np.int64, np.float32, np.complex128):
        x, w = np.ones((1, 5), dtype), np.ones((1, 1, 2), dtype)
        found = st.conv(x, w, [3])
        assert found.dtype == dtype
        assert (found == 5).all()


def test_a_float_bias_waits_for_float_samples():
    layer = st.Affine(st.Conv(np.ones((1, 1, 2), int), (1, 5)), [0.9])
    assert np.allclose(layer.apply(np.ones((1, 5))), 2.9)
    assert layer.homogeneous_matrix().toarray()[0, -1] == 0.9


@pytest.mark.parametrize("x_dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("cls", [st.Conv, st.ConvTranspose])
def test_a_kernel_operator_answers_in_its_own_dtype(cls, x_dtype):
    op = cls(W + 1j, (6,), **BARE)
    kernels = op.kernel_operator(X.astype(x_dtype))
    for relative in (kernels, kernels.T, kernels.H):
        real = np.arange(1.0, relative.shape[1] + 1)
        assert relative.dtype == np.complex128
        assert (relative @ real).dtype == np.complex128
        assert relative.apply(real).dtype == np.complex128
        assert np.allclose(relative @ real, relative.matrix @ real)


def test_pytorch_is_not_imported_for_it():
    import subprocess
    import sys

    code = "import sys, sparse_tconv as s; s.conv([1.0, 2.0], [1.0], channels=False); print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
