"""A model as a graph of ATen operations without mutations, and the contexts it is traced in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

from ...errors import DTypeError, ShapeError
from ._modules import evaluating
from ._operations import COMPOSED

_ATEN = torch.ops.aten
# Layers of images whose names do not tell the number of spatial axes.
_ON_IMAGES = {"pixel_shuffle": 2, "pixel_unshuffle": 2}


@contextmanager
def quiet(model: Any) -> Iterator[None]:
    """Eval mode, no gradients, and no fused kernels that hide what they compute."""
    attention: Any = getattr(torch.backends, "mha", None)  # None before PyTorch 2.3
    with ExitStack() as stack:
        if attention is not None and attention.get_fastpath_enabled():
            attention.set_fastpath_enabled(False)
            stack.callback(attention.set_fastpath_enabled, True)
        stack.enter_context(torch.no_grad())
        if isinstance(model, torch.nn.Module):
            stack.enter_context(evaluating(model))
        yield


def answer(
    model: Any, inputs: tuple[torch.Tensor, ...]
) -> tuple[Any, tuple[torch.Tensor, ...], bool]:
    """What the model gives, the samples that it takes, and whether these have a batch axis."""
    leading = all(x.ndim > 1 and len(x) == 1 for x in inputs)
    extended = tuple(x[None] for x in inputs)
    ways = [(extended, True), (inputs, False)]
    for samples, batched in [(inputs, True), *ways] if leading else ways:
        try:
            with _BatchesOnly(batched):
                y = model(*[x.clone() for x in samples])
        except Exception as error:  # whatever a model of others raises
            reason = error
            continue
        return y, samples, batched
    listed = ", ".join(str(tuple(x.shape)) for x in inputs)
    raise ShapeError(
        f"`inputs` must be what the model takes; got {listed}, and the model answers: {reason}. "
        f"Pass one sample, without a batch axis or with one of size 1."
    ) from reason


class _BatchesOnly(TorchFunctionMode):  # type: ignore[misc]
    """Refuses layers of images, signals or volumes that see a sample without a batch axis."""

    def __init__(self, wanted: bool) -> None:
        super().__init__()
        self._wanted = wanted

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if self._wanted and args and isinstance(args[0], torch.Tensor):
            axes = _spatial_axes(name, args)
            if axes and args[0].ndim == axes + 1:
                raise ValueError(f"{name} of a sample without a batch axis")
        return func(*args, **(kwargs or {}))


def _spatial_axes(name: str, args: Any) -> int:
    """How many spatial axes a function works on, 0 where it does not say."""
    if name == "pad" and len(args) > 2 and args[2] != "constant":
        return len(args[1]) // 2
    told = re.search(r"([123])d(_with_indices)?$", name)
    return int(told.group(1)) if told else _ON_IMAGES.get(name, 0)


def traced(model: Any, samples: tuple[torch.Tensor, ...]) -> Any:
    """The graph module of a model: no mutations, nothing that is not needed."""
    table = _table()
    try:
        graph = make_fx(model, decomposition_table=table)(*[x.clone() for x in samples])
        # Mutations inside of what is composed show in a graph only.
        pure: Callable[..., Any] = torch.func.functionalize(graph, remove="mutations_and_views")
        graph = make_fx(pure, decomposition_table=table)(*[x.clone() for x in samples])
    except RuntimeError as error:
        first = str(error).split(" - ")[0].split("\n")[0]
        raise DTypeError(
            f"`model` must compute the same operations whatever the values are; got one that torch cannot "
            f"trace: {first}. Use torch.autograd.functional.jacobian(model, x)."
        ) from error
    graph.graph.eliminate_dead_code()
    return graph


def _table() -> dict[Any, Any]:
    """The decompositions; a batch norm in training mode is refused."""
    known = [getattr(_ATEN, name) for name in sorted(COMPOSED) if hasattr(_ATEN, name)]
    table = dict(get_decompositions(known))
    for name in ("native_batch_norm", "_native_batch_norm_legit"):
        target = getattr(_ATEN, name).default
        table[target] = _own_statistics_refused(table[target], target)
    table[_ATEN.mv.default] = lambda a, b: a.mm(b.unsqueeze(1)).squeeze(1)
    table[_ATEN.dot.default] = lambda a, b: (a * b).sum()
    return table


def _own_statistics_refused(decomposition: Any, target: Any) -> Any:
    """A batch norm that would change its running statistics is no map of one sample."""

    def checked(
        x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, *rest: Any
    ) -> Any:
        if training and mean is not None:
            raise DTypeError(
                f"`model` must have its batch norms in eval mode; got {target} with training=True. "
                f"Pass training=False there."
            )
        return decomposition(x, weight, bias, mean, var, training, *rest)

    return checked
