"""Every wrong argument is answered by an error that names it, before any work is done."""

from __future__ import annotations

import numpy as np
import pytest

import sparse_tconv as st

W = np.ones((4, 3, 3, 3))
IN = (3, 8, 8)


def conv(weight=W, in_shape=IN, **options):
    return st.Conv(weight, in_shape, **options)


def tconv(weight=W, in_shape=(4, 8, 8), **options):
    return st.ConvTranspose(weight, in_shape, **options)


def conv1(weight=(1.0, 2.0, 3.0), in_shape=(8,), **options):
    return st.Conv(weight, in_shape, channels=False, **options)


CASES = [
    # shapes
    (
        lambda: conv(in_shape=(1, 3, 8, 8)),
        st.GeometryError,
        r"`in_shape` must have 3 entries \(C_in, H, W\) for a 4-d weight; got 4\. Leave out the "
        r"batch axis; for a kernel without channels pass channels=False\.",
    ),
    (
        lambda: conv(in_shape=(8, 8)),
        st.GeometryError,
        r"must have 3 entries .*; got 2\. Put the ch",
    ),
    (
        lambda: conv1(in_shape=(1, 8)),
        st.GeometryError,
        r"must have 1 entry \(L\) .*; got 2\. Leave",
    ),
    (
        lambda: conv(np.ones((3, 3))),
        st.GeometryError,
        r"`weight` must have at least 3 axes .*channels=F",
    ),
    (lambda: conv1(1.0), st.GeometryError, r"`weight` must have at least 1 axis; got a scalar"),
    (
        lambda: conv(in_shape=(1, 8, 8)),
        st.GeometryError,
        r"must start with 3 channels .*; got 1 in",
    ),
    (
        lambda: tconv(in_shape=(3, 8, 8)),
        st.GeometryError,
        r"must start with 4 channels .*; got 3 in",
    ),
    (lambda: conv(in_shape=(3, 0, 8)), st.GeometryError, r"`in_shape` must be .*positive.*; got 0"),
    (
        lambda: conv(in_shape=(3, 8.0, 8)),
        st.GeometryError,
        r"`in_shape` must be .*; got 8\.0\. Use 8",
    ),
    (lambda: conv(in_shape=np.ones((3, 8, 8))), st.GeometryError, r"Pass the shape of one sample"),
    (lambda: conv(in_shape="abc"), st.GeometryError, r"`in_shape` must be"),
    (lambda: conv(in_shape=None), st.GeometryError, r"`in_shape` must be"),
    (lambda: conv(np.ones((0, 3, 3, 3))), st.GeometryError, r"`weight` must have no axis of len"),
    (
        lambda: conv(in_shape=(3, 2, 8)),
        st.GeometryError,
        r"leave room for the kernel.*empty.*Add 1",
    ),
    (
        lambda: tconv(in_shape=(4, 1, 1), padding=2),
        st.GeometryError,
        r"leave an output of at least 1",
    ),
    # stride and dilation
    *(
        (
            lambda name=name, value=value: conv(**{name: value}),
            st.GeometryError,
            f"`{name}` must be.*{found}",
        )
        for name in ("stride", "dilation")
        for value, found in [
            (0, r"at least 1; got 0\. Use 1 or more"),
            (-2, r"at least 1; got -2"),
            (1.0, r"got 1\.0\. Use 1\."),
            (1.5, r"got 1\.5\. Use 2\."),
            (True, r"got True\. Pass a plain int"),
            ("2", r"got '2'\. Pass a plain int"),
            (None, r"got None"),
            ((1, 2, 3), r"2 axes\); got 3 entries"),
            ((1, 0), r"got 0"),
            ((1, False), r"got False"),
            (np.float64(2), r"Use 2\."),
        ]
    ),
    # groups
    (lambda: conv(groups=3), st.GeometryError, r"`groups` must divide both .*4.*; got 3\..*is 2"),
    (lambda: conv(groups=0), st.GeometryError, r"`groups` must be an int, at least 1; got 0"),
    (lambda: conv(groups=2.0), st.GeometryError, r"`groups` must be .*got 2\.0\. Use 2"),
    (lambda: conv(groups=2), st.GeometryError, r"must start with 6 channels .*groups=2"),
    (lambda: conv1(groups=2), st.GeometryError, r"`groups` must be 1 when channels=False; got 2"),
    # padding
    (
        lambda: conv1(padding=(1, 2)),
        st.GeometryError,
        r"must nest its .*got \(1, 2\)\. Write \(\(1, 2\),\)",
    ),
    (
        lambda: conv(padding=((1, 2), (3,))),
        st.GeometryError,
        r"two ints \(before, after\).*got \[3\]",
    ),
    (lambda: conv(padding=((1, 2), 3)), st.GeometryError, r"must not mix ints and pairs"),
    (lambda: conv(padding=(1, 2, 3)), st.GeometryError, r"got 3 entries"),
    (lambda: conv(padding=((1, 2),)), st.GeometryError, r"got 1 entries"),
    (lambda: conv(padding=1.0), st.GeometryError, r"`padding` must be .*got 1\.0\. Use 1\."),
    (lambda: conv(padding=True), st.GeometryError, r"`padding` must be .*got True"),
    (
        lambda: conv(padding=((1, 2), (3, 4.5))),
        st.GeometryError,
        r"`padding` must be ints .*got 4\.5",
    ),
    (lambda: conv(padding="SAME"), st.GeometryError, r"got 'SAME'\. It is 'same' here"),
    (lambda: conv(padding="circular"), st.GeometryError, r"pass padding_mode='circular'"),
    (lambda: conv(padding="wrap"), st.GeometryError, r"pass padding_mode='circular'"),
    (lambda: conv(padding="equal"), st.GeometryError, r"got 'equal'\. Pass one of the three words"),
    # boundary words
    *(
        (
            lambda theirs=theirs: conv(padding_mode=theirs),
            st.GeometryError,
            f"got '{theirs}'. It is '{ours}' here",
        )
        for theirs, ours in [
            ("wrap", "circular"),
            ("periodic", "circular"),
            ("grid-wrap", "circular"),
            ("reflexive", "symmetric"),
            ("neumann", "symmetric"),
            ("Neumann", "symmetric"),
            ("symm", "symmetric"),
            ("constant", "zeros"),
            ("fill", "zeros"),
            ("dirichlet", "zeros"),
            ("edge", "replicate"),
            ("nearest", "replicate"),
            ("mirror", "reflect"),
            ("Zeros", "zeros"),
        ]
    ),
    (
        lambda: conv(padding_mode="mirror"),
        st.GeometryError,
        r"scipy\.ndimage's 'reflect' is 'symmetric'",
    ),
    (
        lambda: conv(padding_mode="none"),
        st.GeometryError,
        r"must be one of 'zeros', .*; got 'none'",
    ),
    (lambda: conv(padding_mode=1), st.GeometryError, r"`padding_mode` must be one of .*; got 1"),
    (
        lambda: conv(padding_mode=("zeros",)),
        st.GeometryError,
        r"one per axis \(2 axes\); got 1 modes",
    ),
    # the transposed convolution's own
    (
        lambda: tconv(output_padding=1),
        st.GeometryError,
        r"`output_padding` must be less than .* = 1 .*; got 1",
    ),
    (
        lambda: tconv(stride=2, output_padding=(0, 2)),
        st.GeometryError,
        r"= 2 on axis 1; got 2\. Use 1 or less",
    ),
    (
        lambda: tconv(output_padding=-1),
        st.GeometryError,
        r"`output_padding` must be .*at least 0; got -1",
    ),
    (
        lambda: tconv(stride=2, output_size=20),
        st.GeometryError,
        r"between 17 and 18 on axis 0; got 20\. .* 18",
    ),
    (
        lambda: tconv(stride=2, output_size=(17, 3)),
        st.GeometryError,
        r"between 17 and 18 on axis 1; got 3\. .* 17",
    ),
    (
        lambda: tconv(stride=2, output_size=18, output_padding=1),
        st.GeometryError,
        r"`output_size` must not be given together with `output_padding`",
    ),
    (
        lambda: tconv(output_size=(4, 18, 18)),
        st.GeometryError,
        r"`output_size` must be .*got 3 entries",
    ),
    (
        lambda: tconv(in_shape=(4, 1, 1), padding=4, output_size=1),
        st.GeometryError,
        r"leaves at most -5; got 1",
    ),
    (
        lambda: tconv(stride=2, padding="same", output_padding=1),
        st.GeometryError,
        r"must be 0 with padding='same'.*`output_size`",
    ),
    (
        lambda: tconv(stride=2, padding="same", output_size=14),
        st.GeometryError,
        r"between 15 and 16",
    ),
    # flags and engines
    (lambda: conv(flip=1), st.GeometryError, r"`flip` must be True or False; got 1"),
    (lambda: conv(channels="no"), st.GeometryError, r"`channels` must be True or False; got 'no'"),
    (
        lambda: conv(engine="cuda"),
        st.GeometryError,
        r"`engine` must be one of 'auto', 'csr'.*; got 'cuda'",
    ),
    (lambda: conv(engine=None), st.GeometryError, r"`engine` must be one of .*; got None"),
    # dtypes
    *(
        (
            lambda dtype=dtype: conv(W.astype(dtype)),
            st.DTypeError,
            f"`weight` must have .*; got {dtype}.*Convert",
        )
        for dtype in ("float16", "bool", "object", "<U32", "datetime64")
    ),
    (lambda: conv1([[1, 2], [3]]), st.DTypeError, r"`weight` must be a rectangular numeric array"),
    (
        lambda: conv().apply(np.ones(IN, np.float16)),
        st.DTypeError,
        r"`x` must have .*; got float16",
    ),
    (lambda: conv() @ np.ones(192, bool), st.DTypeError, r"`x` must have .*; got bool"),
    (lambda: conv() @ np.ones((192, 2), object), st.DTypeError, r"`x` must have .*; got object"),
    # matrices
    (
        lambda: st.conv_matrix(W * 1j, IN, dtype=float),
        st.DTypeError,
        r"`dtype` must be able to hold a weight of dtype complex128; got float64\. .*complex128",
    ),
    (
        lambda: st.conv_matrix(W, IN, dtype="float16"),
        st.DTypeError,
        r"`dtype` must be .*got float16",
    ),
    (
        lambda: st.conv_matrix(W, IN, dtype="spam"),
        st.DTypeError,
        r"`dtype` must be a NumPy dtype; got 'spam'",
    ),
    (
        lambda: st.conv_matrix(W, IN, index_dtype="int16"),
        st.GeometryError,
        r"`index_dtype` must be int32, int64",
    ),
    (
        lambda: st.conv_matrix(W, IN, index_dtype="spam"),
        st.GeometryError,
        r"`index_dtype` must be int32, int64",
    ),
    (
        lambda: st.conv_matrix(
            [1.0], (2**31 + 1,), stride=2**31, channels=False, index_dtype="int32"
        ),
        st.GeometryError,
        r"`index_dtype` must hold numbers up to 2,147,483,649; got int32\. Pass np\.int64",
    ),
    (
        lambda: st.conv_matrix(W, IN, max_bytes=1e6),
        st.GeometryError,
        r"`max_bytes` must be .*Use 1000000",
    ),
    (
        lambda: st.conv_matrix(W, IN, drop_zeros=None),
        st.GeometryError,
        r"`drop_zeros` must be True or",
    ),
    (
        lambda: st.conv_matrix(W, IN, max_bytes=10),
        st.MatrixTooLargeError,
        r"must need at most 10 B",
    ),
    # samples
    (
        lambda: conv().apply(np.ones((8, 8, 3))),
        st.ShapeError,
        r"`x` must have shape \(\.\.\., 3, 8, 8\); got \(8, 8, 3\)\. The last axes are one",
    ),
    (lambda: conv().apply(np.ones(192)), st.ShapeError, r"got \(192,\)\. Use `op @ x` for flat"),
    (lambda: conv().apply(1.0), st.ShapeError, r"`x` must have shape .*; got \(\)"),
    (
        lambda: conv() @ np.ones(IN),
        st.ShapeError,
        r"must have shape \(192,\) or \(192, k\).*op\.apply\(x\)",
    ),
    (lambda: conv() @ np.ones(191), st.ShapeError, r"must have shape \(192,\).*; got \(191,\)"),
    (
        lambda: conv() @ np.ones((5, 192)),
        st.ShapeError,
        r"must have shape \(192,\).*; got \(5, 192\)",
    ),
    (lambda: conv().rmatvec(np.ones(5)), st.ShapeError, r"must have shape \(144,\)"),
    (lambda: conv().rmatmat(np.ones((5, 2))), st.ShapeError, r"must have shape \(144,\)"),
    (
        lambda: conv().with_weight(np.ones((4, 3, 3, 5))),
        st.ShapeError,
        r"`weight` must have shape \(4, 3, 3, 3\)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_a_wrong_argument_is_answered_by_name(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (st.GeometryError, ValueError),
        (st.ShapeError, ValueError),
        (st.DTypeError, TypeError),
        (st.MatrixTooLargeError, MemoryError),
        (st.MissingExtraError, ImportError),
    ],
)
def test_errors_are_also_what_scipy_users_catch(error, builtin):
    assert issubclass(error, builtin)
    assert issubclass(error, st.SparseTconvError)


def test_all_arguments_are_checked_before_anything_is_computed(monkeypatch):
    def fail(*args, **options):
        pytest.fail("work was done")

    monkeypatch.setattr("sparse_tconv.assembly._csr.layout", fail)
    for options in (
        {"stride": 0},
        {"padding_mode": "wrap"},
        {"index_dtype": "i2"},
        {"dtype": "f2"},
    ):
        with pytest.raises(st.SparseTconvError, match="must"):
            st.conv_matrix(W, IN, **options)
