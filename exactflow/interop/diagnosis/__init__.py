"""Measure the errors of a trained flow, layer by layer, on data and on drawn latents.

How it is checked
-----------------
*Numeric*: all results. Errors are measured on the given x, and on latents drawn from the base of
the model. Singular values and log-determinants are computed from the Jacobian at members of x, in
float64. The cause of an error is not searched for.

Source: Behrmann, Vicol, Wang, Grosse and Jacobsen (AISTATS 2021, arXiv 2006.09347) show that flows
may be far from invertible in floating point.
"""

import warnings
from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import to_index
from exactflow.interop.diagnosis.measuring import ROWS, measure_model
from exactflow.interop.diagnosis.result import Diagnosis
from exactflow.interop.libraries import find_library_or_torch
from exactflow.interop.module_tree import (
    list_state_dict_tensors_with_repeats,
    preserve_rng_state,
    require_module,
    wrapper_attribute,
)
from exactflow.interop.tracing import NotMeasuredError, is_dense_with_values, list_tensors


def diagnose(
    model: Any, x: Tensor, *, context: Any = None, draws: int = 256, jacobian_rows: int = ROWS
) -> Diagnosis:
    """Measure the errors of a flow, layer by layer, when x is mapped to latents and back.

    Copies of the model run, in its training or evaluation mode. Parameters, buffers, gradients and
    the states of random number generators are unchanged.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x to latents
        and back (by a method ``inverse`` or ``reverse``, or an option of that name of ``forward``),
        or a flow of zuko. The layers of the model are the modules inside it with such an inverse; a
        block of layers counts as one layer. DataParallel, AveragedModel and torch.compile are
        unwrapped. A model that raises ``NotImplementedError`` on data is measured on drawn latents.
    x : data, a batch (N, d) or (N, channels, height, width), converted to the dtype of the model.
        Only with N > 1 is it detected that a layer returns the mean of its log-determinants.
    context : the conditions of a conditional model, one for each member; or the classes of a
        class-conditional flow of normflows.
    draws : the number of latents to draw, from the base of a flow of normflows, nflows, glasflow or
        zuko, and from a standard normal distribution for other models; fewer are drawn if they
        would have more than 2^22 entries. The latents are decoded, and encoded again.
    jacobian_rows : the largest number of rows of a Jacobian to compute. A layer with a larger
        Jacobian gets no condition number, and its log-determinants are compared only with the
        log-determinants of its inverse. A Jacobian of more than 256 rows is computed at one member
        only.

    Raises
    ------
    InvalidInputError
        Another type of model, or an x that the model does not accept.

    Examples
    --------
    >>> from normflows.flows import InvertibleAffine
    >>> flow = InvertibleAffine(2, use_lu=False)
    >>> with torch.no_grad():
    ...     flow.W.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.000001]])).shape
    torch.Size([2, 2])
    >>> found = diagnose(flow, torch.tensor([[0.5, -1.3]]))
    >>> found.layers[0].condition > 1e6, found.round_trip_error > 1e-3
    (True, True)
    """
    require_module(model)
    while (name := wrapper_attribute(model)) is not None:
        model = getattr(model, name)
    _check_finite_batch(x)
    if not all(map(is_dense_with_values, list_tensors(context))):
        raise InvalidInputError(
            "expected dense tensors with values as context=.., got a tensor that is sparse, nested "
            "or on the meta device: pass context.to_dense(), or a context with values"
        )
    draws, rows = to_index("draws", draws, 0), to_index("jacobian_rows", jacobian_rows, 0)
    with preserve_rng_state(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the many runs would repeat each warning of a library
        reasons = []
        for like in _layer_tensor_per_float_dtype_commonest_first(model) or [x]:
            torch.manual_seed(0)
            data = x.detach().to(like.device, like.dtype, copy=True)
            try:
                return measure_model(model, data, context, draws, rows)
            except NotMeasuredError as reason:
                reasons.append(reason)
    says = f"the model does not run on x of shape {tuple(x.shape)}: {reasons[0]}"
    raise InvalidInputError(says) from reasons[0].__cause__


def _check_finite_batch(x: Any) -> None:
    """Raise `InvalidInputError` unless x is a batch of finite floats."""
    is_tensor = isinstance(x, Tensor)
    if not (is_tensor and x.is_floating_point() and x.ndim > 1 and x.numel()):
        found = f"{x.dtype} of shape {tuple(x.shape)}" if is_tensor else type(x).__name__
        remedy = ""
        if isinstance(x, np.ndarray | list | tuple):
            remedy = ": pass torch.as_tensor(x)"
        elif is_tensor and x.ndim == 1:
            remedy = ": pass one vector as x[None]"
        says = f"expected x as a batch of floats (N, d) or (N, channels, ..), got {found}{remedy}"
        raise InvalidInputError(says)
    if not is_dense_with_values(x):
        raise InvalidInputError(
            f"expected x as a dense tensor with values, got the layout {x.layout} on the device "
            f"{x.device}: pass x.to_dense(), or x with values"
        )
    if not torch.isfinite(x).all():
        raise InvalidInputError("expected x to have finite numbers only, got x with NaN or inf")


def _layer_tensor_per_float_dtype_commonest_first(model: nn.Module) -> list[Tensor]:
    """List one tensor for each floating-point dtype of the layers, the commonest dtype first.

    Tensors outside of layers, for instance in a base, are used only if the layers have no tensors.
    """
    modules = (part for part in model.modules() if part is not model)
    layers = [part for part in modules if find_library_or_torch(part).convention(part)]
    found = {
        id(t): t for part in layers or [model] for t in list_state_dict_tensors_with_repeats(part)
    }
    found = found or {id(t): t for t in list_state_dict_tensors_with_repeats(model)}
    sizes: Counter[torch.dtype] = Counter()
    for t in found.values():
        if t.is_floating_point():
            sizes[t.dtype] += 1 if is_lazy(t) else t.numel()
    return [next(t for t in found.values() if t.dtype == kind) for kind, _ in sizes.most_common()]
