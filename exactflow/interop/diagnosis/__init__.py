"""A table of facts about a trained flow, layer by layer, on x forward and back; no causes.

How it is checked
-----------------
*Numeric*: everything here. Errors are measured on the given x, and on latents drawn from the base
of the model. Singular values and log-determinants come from the Jacobian at members of x, in
float64.

Source: Behrmann, Vicol, Wang, Grosse and Jacobsen (AISTATS 2021, arXiv 2006.09347) show how flows
cease to be invertible in floating point.
"""

import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_index
from exactflow.flows.base import Flow
from exactflow.interop.diagnosis.measuring import ROWS, measure_layers
from exactflow.interop.diagnosis.result import Diagnosis
from exactflow.interop.libraries import library_of
from exactflow.interop.module_tree import preserve_rng_state, tensors_of, wrapper_attribute
from exactflow.interop.tracing import NotMeasuredError


def diagnose(
    model: Any, x: Tensor, *, context: Any = None, draws: int = 256, jacobian_rows: int = ROWS
) -> Diagnosis:
    """Measure, layer by layer, the errors of a flow on x, forward to its latents and back.

    Everything runs on copies of the model, in its training or evaluation mode. Parameters, buffers,
    gradients and the states of random number generators are unchanged.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x to latents
        and back (by a method ``inverse`` or ``reverse``, or an option of that name of ``forward``),
        or a flow of zuko. Its layers are the modules inside it with such an inverse; a block is one
        layer. DataParallel, AveragedModel and torch.compile are unwrapped. A model that raises
        ``NotImplementedError`` on data is measured on drawn latents.
    x : data, a batch (N, d) or (N, channels, height, width), converted to the dtype of the model.
        A log-determinant that is a mean over the batch shows only if N > 1.
    context : the conditions of a conditional model, one for each member; or the classes of a
        class-conditional flow of normflows.
    draws : how many latents are drawn, from the base of a flow of normflows, nflows, glasflow or
        zuko, or else from a standard normal distribution; fewer if they have more than 2^22
        entries. They are decoded, and encoded again.
    jacobian_rows : a layer whose Jacobian has more rows has no condition number, and its
        log-determinants are compared with those of its inverse alone. A Jacobian of more than 256
        rows is computed at one member only.

    Raises
    ------
    InvalidInputError
        No such model, or an x that the model does not accept.

    Examples
    --------
    >>> from normflows.flows import InvertibleAffine
    >>> flow = InvertibleAffine(2, use_lu=False)
    >>> with torch.no_grad():
    ...     flow.W.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.000001]])).shape
    torch.Size([2, 2])
    >>> found = diagnose(flow, torch.tensor([[0.5, -1.3]]))
    >>> found.layers[0].condition > 1e6, found.error > 1e-3
    (True, True)
    """
    if not isinstance(model, nn.Module):
        got = type(model).__name__
        remedy = ": pass to_module(flow)" if isinstance(model, Flow) else ""
        raise InvalidInputError(f"expected a flow as a module of PyTorch, got {got}{remedy}")
    while (name := wrapper_attribute(model)) is not None:
        model = getattr(model, name)
    _check_batch(x)
    draws, rows = to_index("draws", draws, 0), to_index("jacobian_rows", jacobian_rows, 0)
    with preserve_rng_state(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a library would repeat its warnings in every run
        reasons = []
        for like in _tensor_of_each_dtype(model) or [x]:
            torch.manual_seed(0)
            data = x.detach().to(like.device, like.dtype, copy=True)
            try:
                return measure_layers(model, data, context, draws, rows)
            except NotMeasuredError as reason:
                reasons.append(reason)
    says = f"expected an x that the model takes, got shape {tuple(x.shape)}: {reasons[0]}"
    raise InvalidInputError(says) from reasons[0].__cause__


def _check_batch(x: Any) -> None:
    """Raise `InvalidInputError` unless x is a batch of finite floats."""
    is_tensor = isinstance(x, Tensor)
    if not (is_tensor and x.is_floating_point() and x.ndim > 1 and x.numel()):
        found = f"{x.dtype} of shape {tuple(x.shape)}" if is_tensor else type(x).__name__
        remedy = ": pass one vector as x[None]" if is_tensor and x.ndim == 1 else ""
        says = f"expected x as a batch of floats (N, d) or (N, channels, ..), got {found}{remedy}"
        raise InvalidInputError(says)
    if not torch.isfinite(x).all():
        raise InvalidInputError("expected an x of finite numbers, got NaN or inf")


def _tensor_of_each_dtype(model: nn.Module) -> list[Tensor]:
    """List one tensor of each floating-point dtype of the layers, the dtype with most entries
    first. Tensors outside of layers, as in a base, count only if the model has no layers.
    """
    modules = (part for part in model.modules() if part is not model)
    layers = [part for part in modules if library_of(part).convention(part)]
    found = {id(t): t for part in layers or [model] for t in tensors_of(part)}
    found = found or {id(t): t for t in tensors_of(model)}
    sizes: Counter[torch.dtype] = Counter()
    for t in found.values():
        if t.is_floating_point():
            sizes[t.dtype] += 1 if is_lazy(t) else t.numel()
    return [next(t for t in found.values() if t.dtype == kind) for kind, _ in sizes.most_common()]
