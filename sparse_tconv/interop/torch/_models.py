"""A model: all its convolutions, with the shapes that one forward pass shows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from math import prod
from typing import Any

import torch

from ... import _validate as validate
from ..._memory import check_fits
from ...errors import DTypeError, GeometryError, ShapeError
from ...operators import Affine, ConvOperator
from ._modules import CONVOLUTIONS, evaluating, layer_operator, readable

Call = tuple[tuple[int, ...], tuple[int, ...]]  # shape of a sample in and out


class Layers(dict[str, "ConvOperator | Affine"]):
    """The operators of a model's layers by name, and why others are missing.

    Attributes
    ----------
    refused : dict of str to str
        The layers that were called and are not here, with the reason.
    """

    refused: dict[str, str]


def from_model(
    model: torch.nn.Module,
    input_shape: Any = None,
    *,
    inputs: Any = None,
    names: Sequence[str] | None = None,
) -> Layers:
    """The operators of all convolutions that a model calls, by module name.

    Parameters
    ----------
    model : torch.nn.Module
        The model; called once in eval mode, without gradients, and left as it was.
    input_shape : tuple of int, or sequence of tuples
        Shape of one sample that the model takes, without a batch axis; one per input for a
        model with several. It is called with zeros of the first parameter's dtype and device, in
        batches of 1.
    inputs : torch.Tensor or sequence of torch.Tensor, optional
        What to call the model with instead, batch axes included: for inputs that are no floats.
    names : sequence of str, optional
        The layers to take, by name; all, if not given.

    Returns
    -------
    dict of str to Conv, ConvTranspose or Affine
        With the reasons for layers that cannot be taken as its ``refused``. In the order of their
        first calls, by name as in ``model.named_modules()``. A layer called with several shapes is
        listed once for each: 'head', 'head#2', 'head#3'. A transposed convolution has the output
        size that it was called with.

    Raises
    ------
    DTypeError
        A layer of `names`, or every layer, is not one that ``from_module`` takes; the message names
        it. Or the model is scripted or exported, and its layers cannot be seen.
    GeometryError
        Not one of `input_shape` and `inputs` is given, or `names` is no list of names, or has one
        that is no convolution called.
    ShapeError
        The model does not take `input_shape`.

    Warns
    -----
    UserWarning
        Layers were refused; without `names` the others are returned.

    See Also
    --------
    from_module : one layer.

    Notes
    -----
    Layers are seen when they are called as modules. Layers that the forward pass does not reach are
    left out, and so are calls of ``torch.nn.functional``.

    Examples
    --------
    >>> import torch
    >>> from sparse_tconv.interop.torch import from_model
    >>> model = torch.nn.Sequential(
    ...     torch.nn.Conv2d(3, 8, 3, stride=2),
    ...     torch.nn.ReLU(),
    ...     torch.nn.ConvTranspose2d(8, 3, 4, stride=2),
    ... )
    >>> for name, layer in from_model(model, (3, 32, 32)).items():
    ...     print(name, layer.in_shape, layer.out_shape)
    0 (3, 32, 32) (8, 15, 15)
    2 (8, 15, 15) (3, 32, 32)
    >>> from_model(model)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `input_shape` must be given, or `inputs` instead; got
        neither. Pass the shape of one sample.
    """
    model = readable(model)
    samples = _samples(model, input_shape, inputs)
    calls = _calls(model, samples, input_shape)
    wanted = _wanted(names, [name for name, *_ in calls])
    layers = Layers()
    layers.refused = {}
    for name, module, shapes in calls:
        if name not in wanted:
            continue
        try:
            for number, (in_shape, out_size) in enumerate(shapes, 1):
                key = name if number == 1 else f"{name}#{number}"
                layers[key] = layer_operator(module, in_shape, out_size)
        except DTypeError as error:
            if names is not None:
                raise DTypeError(f"layer {name!r}: {error}") from error
            layers.refused[name] = str(error)
    if layers.refused:
        listed = "; ".join(f"layer {name!r}: {reason}" for name, reason in layers.refused.items())
        if not layers:
            raise DTypeError(listed)
        warnings.warn(f"left out, see `refused`: {listed}", stacklevel=2)
    return layers


def _wanted(names: Any, called: list[str]) -> Sequence[str]:
    """The names asked for, all of them among those called."""
    if names is None:
        return called
    asked = validate.names("names", names)
    for name in asked:
        if name not in called:
            listed = ", ".join(map(repr, called)) or "none"
            raise GeometryError(
                f"`names` must be names of convolutions that the model calls, {listed}; got {name!r}. "
                f"Leave it out to take them all."
            )
    return asked


def _samples(model: torch.nn.Module, input_shape: Any, inputs: Any) -> tuple[torch.Tensor, ...]:
    """The tensors to call the model with."""
    if (input_shape is None) == (inputs is None):
        raise GeometryError(
            "`input_shape` must be given, or `inputs` instead; "
            f"got {'neither' if inputs is None else 'both'}. Pass the shape of one sample."
        )
    if inputs is not None:
        return (inputs,) if isinstance(inputs, torch.Tensor) else tuple(inputs)
    nested = validate.is_sequence(input_shape) and any(map(validate.is_sequence, input_shape))
    shapes = [
        validate.shape("input_shape", shape) for shape in (input_shape if nested else [input_shape])
    ]
    kinds = (p for p in model.parameters() if p.is_floating_point() or p.is_complex())
    like = next(kinds, torch.empty(0))
    nbytes = like.element_size() * sum(map(prod, shapes))
    check_fits("input_shape", f"samples of {shapes}", nbytes, "Pass smaller ones.")
    return tuple(torch.zeros(1, *shape, dtype=like.dtype, device=like.device) for shape in shapes)


def _calls(
    model: torch.nn.Module, samples: tuple[torch.Tensor, ...], input_shape: Any
) -> Sequence[tuple[str, torch.nn.Module, list[Call]]]:
    """Name, module and distinct shapes of every convolution called, in order of first calls."""
    seen: dict[torch.nn.Module, list[Call]] = {}

    def see(module: Any, args: Any, kwargs: Any, output: torch.Tensor) -> None:
        x = args[0] if args else kwargs["input"]
        n_axes = len(module.kernel_size)
        call = tuple(x.shape[-n_axes - 1 :]), tuple(output.shape[-n_axes:])
        shapes = seen.setdefault(module, [])
        if call not in shapes:
            shapes.append(call)

    names = {m: name for name, m in model.named_modules() if isinstance(m, CONVOLUTIONS)}
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(evaluating(model))
        for module in names:
            stack.enter_context(module.register_forward_hook(see, with_kwargs=True))
        try:
            model(*samples)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ShapeError(
                f"`input_shape` must be one that the model takes; got {input_shape}, and the model answers: {error}. "
                f"Pass the shape of one sample, without a batch axis."
            ) from error
    return [(names[module], module, shapes) for module, shapes in seen.items()]
