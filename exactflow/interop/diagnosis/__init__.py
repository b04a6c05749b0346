"""A table of facts about a trained flow, layer by layer, on x there and back; no causes.

How it is checked
-----------------
*Numeric*: everything here. Errors are measured on the x that was given; condition numbers and
log-determinants are those of the Jacobian there, in float64.

Source: Behrmann, Vicol, Wang, Grosse and Jacobsen (AISTATS 2021, arXiv 2006.09347) show how flows
cease to be invertible in floating point.
"""

import warnings
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.diagnosis.facts import measured
from exactflow.interop.diagnosis.result import Diagnosis
from exactflow.interop.diagnosis.trace import UnknownError
from exactflow.interop.models import untouched


def diagnose(model: Any, x: Tensor, *, context: Any = None) -> Diagnosis:
    """Measure, layer by layer, what a flow does with x on the way to its latents and back.

    Everything runs on copies of the model, in the mode in which it is: parameters, buffers,
    gradients and the states of random number generators are the same afterwards.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x to latents
        and back (``inverse``, ``reverse``, or an option of that name of ``forward``), or a flow of
        zuko. Layers are the modules inside it that do likewise; a block is one layer.
    x : data, a batch (N, d) or (N, channels, height, width). It is taken in the model's dtype. A
        log-determinant that is a mean over the batch shows only where N > 1.
    context : what a conditional model takes besides, a condition for each member.

    Raises
    ------
    InvalidInputError
        No such model, or an x that it does not map.

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
        raise InvalidInputError(f"expected a flow as a module of PyTorch, got {got}")
    x = _data(model, x)
    with untouched(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, which would come several times
        torch.manual_seed(0)
        try:
            return measured(model, x, context)
        except UnknownError as reason:
            says = f"expected an x that the model takes, got shape {tuple(x.shape)}: {reason}"
            raise InvalidInputError(says) from reason.__cause__


def _data(model: nn.Module, x: Any) -> Tensor:
    """Copy x in the model's dtype and on its device."""
    is_tensor = isinstance(x, Tensor)
    if not (is_tensor and x.is_floating_point() and x.ndim > 1 and x.numel()):
        found = f"{x.dtype} of shape {tuple(x.shape)}" if is_tensor else type(x).__name__
        says = f"expected x as a batch of floats (N, d) or (N, channels, ..), got {found}"
        raise InvalidInputError(says)
    if not torch.isfinite(x).all():
        raise InvalidInputError("expected an x of finite numbers, got some that are not")
    own = chain(model.parameters(), model.buffers())
    like = next((t for t in own if t.is_floating_point()), x)
    return x.detach().to(like.device, like.dtype, copy=True)
