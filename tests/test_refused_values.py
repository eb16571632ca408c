"""Values of any library and of any size, where a number, a shape, an array or an operator is asked
for: an answer, or the error that names the argument of the function called.
"""

from __future__ import annotations

import warnings

import matplotlib
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import aslinearoperator

import sparse_tconv as st
from sparse_tconv import analysis, inverse, layers, plotting, testing
from sparse_tconv.testing import strategies

matplotlib.use("Agg")
torch = pytest.importorskip("torch")
apply = pytest.importorskip("sparse_tconv.interop.torch").apply
linearize = pytest.importorskip("sparse_tconv.interop.torch").linearize

HUGE = 10**5000
X = np.arange(8.0)
OP = st.Conv([1.0, 2.0, 1.0], (8,), padding=1, channels=False)
IMAGE = np.random.default_rng(0).random((6, 6, 2))
PICTURE = inverse.problems.deconvolution(size=16)


class Unreadable:
    """What raises whatever it is asked for."""

    shape = property(lambda self: 1 / 0)
    dtype = property(lambda self: 1 / 0)

    def __index__(self):
        raise RuntimeError("not now")

    def __repr__(self):
        return "Unreadable()"

    __float__ = __array__ = __index__


def quiet(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


NESTED = quiet(lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]))
QUANTIZED = quiet(lambda: torch.quantize_per_tensor(torch.ones(4, 4), 0.1, 0, torch.qint8))
SPARSE = quiet(lambda: torch.eye(4).to_sparse_csr())
GRAD = torch.ones(8, requires_grad=True)
META = torch.empty((), device="meta")
FLOAT8 = torch.ones(8).to(torch.float8_e5m2)


NO_NUMBERS = {
    "too large": HUGE,
    "far below": -HUGE,
    "several": (HUGE, 2),
    "a word": "2",
    "a flag": True,
    "complex": np.complex64(2),
    "not readable": Unreadable(),
    "no values": META,
}

NUMBERS = {
    "damp": lambda v: inverse.solve(OP, X, damp=v),
    "damp ": lambda v: OP.gram(v),
    "sigma": lambda v: inverse.psf.gauss(v),
    "length": lambda v: inverse.psf.motion(v),
    "angle": lambda v: inverse.psf.motion(3, v),
    "scale_factor": lambda v: layers.upsample((1, 8), scale_factor=v),
    "channel_axis": lambda v: inverse.estimate_sigma(IMAGE, channel_axis=v),
    "index": lambda v: OP.index(v),
    "index_dtype": lambda v: OP.to_matrix(index_dtype=v),
    "dtype": lambda v: OP.to_matrix(dtype=v),
    "trials": lambda v: testing.dot_test(OP, trials=v),
    "rtol": lambda v: testing.dot_test(OP, rtol=v),
    "max_axes": lambda v: strategies.convs(max_axes=v),
    "max_batch_axes": lambda v: strategies.inputs(OP, max_batch_axes=v),
    "shape": lambda v: strategies.weights(v),
    "op": lambda v: strategies.inputs(v),
    "dtypes": lambda v: strategies.convs(dtypes=v),
    "dtypes ": lambda v: strategies.conv_transposes(dtypes=v),
    "ord": lambda v: analysis.norm(OP, v),
}


# An int after all, as True is one for Python; what has a dtype.
FINE = [("max_axes", HUGE), ("ord", True), ("dtype", NO_NUMBERS["complex"])]


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS)
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_there_is_refused_by_name(name, value):
    if any(name == there and value is one for there, one in FINE):
        value = Unreadable()
    with pytest.raises(st.SparseTconvError, match=rf"^`{name.strip()}` must .*; got .*\. "):
        NUMBERS[name](value)


NO_TOLERANCES = NO_NUMBERS | {"too large": (HUGE,)}

TOLERANCES = {
    "tol": lambda v: analysis.rank(OP, v),
    "rtol": lambda v: analysis.pinv(OP, rtol=v),
}


@pytest.mark.parametrize("value", NO_TOLERANCES.values(), ids=NO_TOLERANCES)
@pytest.mark.parametrize("name", TOLERANCES)
def test_what_is_no_tolerance_is_refused_by_name(name, value):
    with pytest.raises(st.GeometryError, match=rf"^`{name}` must be a number, at least 0; got"):
        TOLERANCES[name](value)


def test_a_tolerance_beyond_all_floats_is_an_infinite_one():
    assert analysis.rank(OP, HUGE) == analysis.rank(OP, np.inf) == 0


REFUSED = {
    "a line as a matrix": (
        lambda: inverse.solve(X, X),
        st.ShapeError,
        r"`op` must be a matrix with rows and columns; got shape \(8,\)",
    ),
    "no matrix of numbers": (
        lambda: inverse.solve(np.eye(2).astype(object), X[:2]),
        st.DTypeError,
        "`op` must have an integer dtype",
    ),
    "a summary of an array": (
        lambda: analysis.summary(np.eye(3)),
        st.DTypeError,
        "`op` must be a Conv or ConvTranspose; got ndarray",
    ),
    "a summary of a sparse matrix": (
        lambda: analysis.summary(sp.eye_array(3)),
        st.DTypeError,
        "`op` must be a Conv or ConvTranspose; got dia_array",
    ),
    "a summary of SciPy's operator": (
        lambda: analysis.summary(aslinearoperator(np.eye(3))),
        st.DTypeError,
        "`op` must be a Conv or ConvTranspose; got MatrixLinearOperator",
    ),
    "an answer of another shape": (
        lambda: PICTURE.error(np.ones(15)),
        st.ShapeError,
        r"`x` must have the shape of the truth, \(16,\); got \(15,\)",
    ),
    "no sample to fold": (
        lambda: layers.fold((), 4, 2),
        st.ShapeError,
        r"`in_shape` must be \(C \* 2, 3\), taps and windows; got \(\)",
    ),
    "no features": (
        lambda: layers.linear((), np.eye(2)),
        st.GeometryError,
        r"`in_shape` must have an axis of features; got \(\)",
    ),
    "signs at a border of unsigned integers": (
        lambda: layers.pad((1, 4), 1, "smooth", dtype=np.uint8),
        st.DTypeError,
        "`dtype` must hold the entries of the border of 'smooth'; got uint8",
    ),
    "operators in no sequence": (
        lambda: st.vstack(np.array(3.0)),
        st.DTypeError,
        "`ops` must be a sequence of operators; got ndarray",
    ),
    "a sum with a nested tensor": (
        lambda: st.vstack([OP, NESTED]),
        st.DTypeError,
        "`A` must be an operator, a sparse matrix or a 2-d array; got Tensor",
    ),
    "a nested tensor as an operator": (
        lambda: st.as_operator(NESTED),
        st.DTypeError,
        "`A` must be an operator, a sparse matrix or a 2-d array; got Tensor",
    ),
    "an operator whose shape raises": (
        lambda: st.as_operator(Unreadable()),
        st.DTypeError,
        "`A` must be an operator, a sparse matrix or a 2-d array; got Unreadable",
    ),
    "a product with a nested tensor": (
        lambda: OP @ NESTED,
        st.DTypeError,
        "`x` must be one rectangular array; got a nested tensor",
    ),
    "a nested sample": (
        lambda: apply(OP, NESTED),
        st.DTypeError,
        "`x` must be one rectangular array; got a nested tensor",
    ),
    "a nested point": (
        lambda: linearize(torch.nn.Identity(), NESTED),
        st.DTypeError,
        "`inputs` must be one rectangular array; got a nested tensor",
    ),
    "a sample of eight bits": (
        lambda: apply(OP, FLOAT8),
        st.DTypeError,
        "`x` must have an integer dtype, or float32.*; got torch.float8_e5m2",
    ),
    "a quantized sample": (
        lambda: apply(OP, QUANTIZED),
        st.DTypeError,
        "`x` must not be quantized; got torch.qint8",
    ),
    "a quantized matrix": (
        lambda: testing.dot_test(QUANTIZED),
        st.DTypeError,
        "`op` must not be quantized; got torch.qint8",
    ),
    "a sparse tensor": (
        lambda: testing.exact_test(SPARSE),
        st.DTypeError,
        "`op` must be dense; got a tensor of layout torch.sparse_csr",
    ),
    "a sparse tensor to diagnose": (
        lambda: testing.diagnose(SPARSE),
        st.DTypeError,
        "`op` must be dense; got a tensor of layout torch.sparse_csr",
    ),
    "a nested tensor under test": (
        lambda: testing.dot_test(NESTED),
        st.SparseTconvError,
        "`.*` must .*; got",
    ),
    "a tensor that requires grad at the left": (
        lambda: GRAD @ OP,
        st.DTypeError,
        "`x` must not require grad",
    ),
    "unequal rows at the left": (
        lambda: [[1.0], [1.0, 2.0]] @ OP,
        st.DTypeError,
        "`x` must be a rectangular numeric array",
    ),
    "a wrong length at the left": (
        lambda: np.ones(7) @ OP,
        st.ShapeError,
        r"`x` must have shape \(8,\) or \(k, 8\) at the left of an operator; got \(7,\)",
    ),
    "nothing at the left": (
        lambda: None @ OP,
        st.SparseTconvError,
        "`x` must have .*; got",
    ),
    "an array below": (
        lambda: OP / X,
        st.DTypeError,
        "`scalar` must be a number; got .*Diagonal",
    ),
    "a word below": (lambda: OP / "2", st.DTypeError, "`scalar` must be a number; got '2'"),
    "a number too large to write": (
        lambda: HUGE * OP,
        st.DTypeError,
        "`scalar` must fit into the operator's dtype float64; got an int of 16610 bits",
    ),
    "a number of half precision": (
        lambda: np.float16(2) * st.Identity(3, np.int8),
        st.DTypeError,
        "`scalar` must give products of an integer dtype, or float32.*; got float16",
    ),
    "a span of time": (
        lambda: np.timedelta64(2) * OP,
        st.DTypeError,
        "`scalar` must be a number; got np.timedelta64",
    ),
    "a step of zero": (
        lambda: st.Restriction((4,), slice(None, None, 0)),
        st.GeometryError,
        "`where` must have slices whose step is not 0; got slice",
    ),
    "axes that are none": (
        lambda: plotting.spectrum(OP, 3),
        st.DTypeError,
        "`axes` must be matplotlib axes; got int",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_in_words_of_ours(call, error, message):
    with pytest.raises(error, match="^" + message):
        call()


@pytest.mark.parametrize("end", [2.0, True, "2", META, Unreadable(), [2]], ids=repr)
@pytest.mark.parametrize("place", ["start", "stop", "step"])
def test_slices_of_what_is_no_int_are_refused(place, end):
    ends = {"start": None, "stop": None, "step": None} | {place: end}
    with pytest.raises(st.GeometryError, match=r"^`where` must be a mask or slices of ints; got"):
        st.Restriction((4,), slice(*ends.values()))


def test_slices_reach_beyond_the_axis_as_everywhere():
    op = st.Restriction((4,), slice(np.int8(1), HUGE))
    np.testing.assert_array_equal(op.apply(X[:4]), X[1:4])


@pytest.mark.parametrize(
    "found", [sp.eye_array(3), "abc", {1: 2}, [[1], [1, 2]], FLOAT8, [HUGE]], ids=type
)
def test_a_picture_of_no_numbers_is_refused(found):
    with pytest.raises(st.DTypeError, match=r"^`found` must .*; got"):
        plotting.spectrum(found)


@pytest.mark.parametrize("positions", [sp.eye_array(2), OP, NESTED, 3, [HUGE] * 8], ids=type)
def test_positions_in_no_sequence_are_refused(positions):
    with pytest.raises(st.SparseTconvError, match=r"^`positions` must .*; got"):
        inverse.varying_blur(np.ones((2, 3)), positions, (8,))


def test_positions_may_come_one_by_one():
    op = inverse.varying_blur(np.ones((2, 3)), ([0, 7] for _ in range(1)), (8,))
    assert op.out_shape == (8,)


@pytest.mark.parametrize(
    "x", [torch.tensor(X), torch.tensor(X * 1j).imag, torch.tensor(X + 1j).conj()]
)
def test_tensors_at_the_left_count_as_their_values(x):
    values = x.resolve_conj().resolve_neg().numpy()
    np.testing.assert_allclose(OP.__rmatmul__(x), values @ OP.toarray())


def test_a_symbol_at_no_frequency_is_an_array_of_none():
    assert analysis.symbol(OP)([]).shape == (0, 1, 1, 1)
    two = st.Conv(np.ones((2, 3)), (5, 5), channels=False)
    assert analysis.symbol(two)(np.ones((3, 0, 2))).shape == (3, 0, 1, 1, 1)


@pytest.mark.parametrize("stop", [None, "deviance"])
def test_richardson_lucy_answers_long_doubles(stop):
    y = OP.apply(X + 1)
    exact = inverse.richardson_lucy(OP, y, maxiter=5, stop=stop)
    found = inverse.richardson_lucy(OP, y.astype(np.longdouble), maxiter=5, stop=stop)
    assert found.x.dtype == np.longdouble
    np.testing.assert_allclose(found.x.astype(float), exact.x, rtol=1e-12)
    np.testing.assert_allclose(found.deviance, exact.deviance, rtol=1e-9)


@pytest.mark.parametrize("solver", [inverse.tikhonov, inverse.tsvd])
def test_a_damp_is_chosen_for_long_doubles(solver, rng):
    y = OP.apply(X) + 0.1 * rng.standard_normal(8)
    exact, found = solver(OP, y), solver(OP, y.astype(np.longdouble))
    assert found.x.dtype == np.longdouble
    np.testing.assert_allclose(found.x.astype(float), exact.x, rtol=1e-6)


@pytest.mark.parametrize("weight", [np.ones(3), np.ones((2, 1, 3)), np.ones(3) * 1j])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_unfold_says_nothing_of_samples_that_are_not_finite(weight, value):
    channels = weight.ndim > 1
    shape = (2, 8) if channels else (8,)
    op = st.Conv(weight, shape, channels=channels, groups=len(shape), engine="unfold")
    for part in (op, op.H):
        x = np.full((2, *part.in_shape), value)
        x[..., ::2] *= -1
        assert not np.isfinite(part.apply(x)).any()
        assert not np.isfinite(part.apply(x[0])).any()
