"""A model: all its convolutions, each with the shape it sees."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from onnx import ModelProto, NodeProto

from ... import _validate as validate
from ...errors import DTypeError, GeometryError
from ._files import load
from ._inputs import contradicts, given_arrays, given_shapes
from ._names import DOMAINS, text
from ._operators import Operators, listed, named_operator, readable
from ._scopes import OPERATORS, Scope
from ._shapes import Shapes

_NEWEST = 22


def from_model(
    model: Any,
    input_shapes: Any = None,
    inputs: Mapping[str, ArrayLike] | None = None,
    *,
    nodes: Iterable[str] | None = None,
    fold_pads: bool = False,
    dtype: DTypeLike | None = None,
) -> Operators:
    """The operators of all Conv and ConvTranspose nodes of an ONNX model, by node name.

    Parameters
    ----------
    model : path, bytes or onnx.ModelProto
        The model. It may come from anywhere: it is read, never run.
    input_shapes : mapping of str to tuple of int, or tuple of int, optional
        Shapes of the model's inputs, batch axis included, as ONNX has them; a single one for a
        model with one input. Needed for sizes that the model leaves open. Shapes of inner values
        may be given too.
    inputs : mapping of str to array-like, optional
        Weights and biases that the model does not hold, or others than it holds.
    nodes : iterable of str, optional
        The names of the nodes wanted; the others are not looked at.
    fold_pads : bool, default False
        Make the nodes that pad the input of a Conv its own `padding` and `padding_mode`, where
        these say the same: a Pad of any mode, and the slices of both ends that PyTorch's exporter
        joins for circular padding. The operator then takes what these nodes take.
    dtype : float32 or float64, optional
        What weights and biases are converted to, from float16 too; if not given, they have the
        model's types.

    Returns
    -------
    dict of str to Conv, ConvTranspose or Affine
        In the order of the file, subgraphs of If, Loop and Scan where their node stands. A node
        without a name, or with one that is taken, goes by its first output. ``Affine`` where a node
        has a bias. Nothing shares memory with the model. Its attribute ``unread`` lists the other
        nodes that convolve by their names: each Conv and ConvTranspose that cannot be read with the
        reason, and the type of its operator for each other, which is one of integers, as QLinearConv
        and ConvInteger, or of another domain, as FusedConv.

    Raises
    ------
    GeometryError
        The model is not one. Or, for a node of `nodes` or where no node can be read: it is damaged
        or incomplete, computes a weight, or keeps external data
        outside its folder; a name in `nodes` or the arguments of a node cannot be what they are.
    ShapeError
        For a node of `nodes` or where no node can be read: sizes are missing, or do not fit to each
        other.
    DTypeError
        Likewise: weights are not FLOAT or DOUBLE; float16 has to be converted.
    OSError
        The file cannot be read.

    Warns
    -----
    UserWarning
        Some nodes cannot be read; without `nodes` the others are returned.

    See Also
    --------
    node_names : the names alone.
    sparse_tconv.interop.torch.from_model : the same for a model in PyTorch.

    Notes
    -----
    Pads follow the formulas of ONNX's operator specification: for auto_pad in a ConvTranspose the
    output is ``size * stride``, and where the windows do not reach that far, zeros stand behind.
    When output_shape is given, the odd pad goes to the front but for SAME_UPPER, in every version of
    the operator: what its text said before version 11 no executor does. Weights come from initializers, Constant nodes, and either of them
    behind Identity, DequantizeLinear, Cast, Transpose, Reshape, Squeeze, Unsqueeze, Add, Sub, Mul, Div
    and Neg of such constants. Convolutions in the functions of a model are an error that says how to
    inline them.

    Dimensions, types and lengths are compared before anything is allocated, and external data is
    read only from regular files inside the model's own folder.

    Examples
    --------
    >>> import onnx.parser
    >>> from sparse_tconv.interop.onnx import from_model
    >>> model = onnx.parser.parse_model('''
    ...     <ir_version: 8, opset_import: ["": 18]>
    ...     net (float[batch, 1, size] x) => (float[batch, 1, half] y)
    ...     <float[1, 1, 3] w = {1, 2, 3}> {
    ...         y = Conv <strides = [2], auto_pad = "SAME_UPPER"> (x, w)
    ...     }
    ... ''')
    >>> from_model(model, {"x": (1, 1, 8)})["y"].matrix.toarray()
    array([[1., 2., 3., 0., 0., 0., 0., 0.],
           [0., 0., 1., 2., 3., 0., 0., 0.],
           [0., 0., 0., 0., 1., 2., 3., 0.],
           [0., 0., 0., 0., 0., 0., 1., 2.]], dtype=float32)
    >>> from_model(model)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: node 'y': `input_shapes` must say the size of 'x', which the
        model leaves open: (?, 1, ?); got too little for it. Pass input_shapes={name: shape} for the
        model's inputs, or for 'x'.
    """
    folds = validate.flag("fold_pads", fold_pads)
    places, others = _convolutions(model, input_shapes, inputs, _weight_dtype(dtype))
    if nodes is not None:
        wanted = {name: _wanted(places, name) for name in validate.names("nodes", nodes)}
        return Operators(
            {n: named_operator(n, *place, folds) for n, place in wanted.items()}, others
        )
    found, refused = readable(places, folds)
    if refused:
        warnings.warn(f"left out, see `unread`: {listed(refused)}", stacklevel=2)
    return Operators(found, refused | others)


def node_names(model: Any) -> tuple[str, ...]:
    """The names of all Conv and ConvTranspose nodes of an ONNX model.

    Parameters
    ----------
    model : path, bytes or onnx.ModelProto
        The model, as for :func:`from_model`.

    Returns
    -------
    tuple of str
        The keys that :func:`from_model` gives, in the same order; weights and sizes may be missing.

    Raises
    ------
    GeometryError
        The model is not one, or has convolutions in functions.
    OSError
        The file cannot be read.

    See Also
    --------
    from_model : the operators of these nodes.

    Examples
    --------
    >>> import onnx.parser
    >>> from sparse_tconv.interop.onnx import node_names
    >>> model = onnx.parser.parse_model('''
    ...     <ir_version: 8, opset_import: ["": 18]>
    ...     net (float[1, 1, n] x, float[1, 1, 3] w) => (float[1, 1, m] y)
    ...     { y = Conv <strides = [2]> (x, w) }
    ... ''')
    >>> node_names(model)
    ('y',)
    >>> node_names(b"no model")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `model` must be an ONNX model; got bytes, 8 bytes that
        protobuf cannot read. The file is no ONNX model, or it is cut off.
    """
    return tuple(_convolutions(model, None, None, None)[0])


def _convolutions(
    model: Any,
    input_shapes: Any,
    inputs: Mapping[str, ArrayLike] | None,
    dtype: np.dtype[Any] | None,
) -> tuple[dict[str, tuple[NodeProto, Scope]], dict[str, str]]:
    """The nodes by name, each with the names it sees; and the types of those that are not read."""
    proto, folder = load(model)
    _check_functions(proto)
    shapes = given_shapes(proto, input_shapes)
    arrays = given_arrays(inputs)
    opset = next((o.version for o in proto.opset_import if o.domain in DOMAINS), _NEWEST)
    outer = Scope(None, folder, arrays, Shapes(None, opset, shapes), dtype)
    places = list(outer.convolutions(proto.graph, not contradicts(proto, shapes)))
    known = [place for place in places if _is_read(place[0])]
    others = [place for place in places if not _is_read(place[0])]
    named = dict(_named([*known, *others]))
    read = {name: place for name, place in named.items() if _is_read(place[0])}
    return read, {n: text(node.op_type) for n, (node, _) in named.items() if n not in read}


def _is_read(node: NodeProto) -> bool:
    return node.op_type in OPERATORS and node.domain in DOMAINS


def _weight_dtype(dtype: DTypeLike | None) -> np.dtype[Any] | None:
    """A float type for weights, or None for the model's."""
    wanted = validate.optional_dtype("dtype", dtype)
    if wanted is not None and wanted.kind != "f":
        raise DTypeError(
            f"`dtype` must be a float type for the weights of a model; got {wanted}. Pass float32 or float64."
        )
    return wanted


def _named(
    places: Iterable[tuple[NodeProto, Scope]],
) -> Iterator[tuple[str, tuple[NodeProto, Scope]]]:
    """A name for each node: its own, or its first output's."""
    taken: set[str] = set()
    for node, scope in places:
        candidates = [text(name) for name in (node.name, *node.output[:1]) if name]
        free = [name for name in candidates if name not in taken]
        if not free:
            raise GeometryError(
                f"`model` must give nodes names or outputs of their own; got {candidates} twice. The file is damaged."
            )
        taken.add(free[0])
        yield free[0], (node, scope)


def _wanted(found: dict[str, tuple[NodeProto, Scope]], name: str) -> tuple[NodeProto, Scope]:
    """The node of a name that the caller asked for."""
    if name not in found:
        listed = ", ".join(map(repr, found)) or "none"
        raise GeometryError(
            f"`nodes` must name convolutions of the model; got {name!r}. They are: {listed}."
        )
    return found[name]


def _check_functions(model: ModelProto) -> None:
    """Refuse convolutions whose arguments depend on where their function is called."""
    for function in model.functions:
        if any(node.op_type in OPERATORS and node.domain in DOMAINS for node in function.node):
            raise GeometryError(
                f"`model` must have its convolutions in graphs; got some in the function {text(function.name)!r}. "
                f"Pass onnx.inliner.inline_local_functions(model)."
            )
