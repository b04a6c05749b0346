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
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.options import check_option
from exactflow.interop.diagnosis.facts import measured
from exactflow.interop.diagnosis.result import Diagnosis, LayerFacts
from exactflow.interop.diagnosis.trace import UnknownError, tensors
from exactflow.interop.models import untouched

__all__ = ["Diagnosis", "LayerFacts", "diagnose"]

Start = Literal["data", "latents"]


def diagnose(
    model: Any, x: Any, *, start: Start = "data", context: Any = None, y: Any = None
) -> Diagnosis:
    """Measure, layer by layer, what a flow does with x on the way to its latents and back.

    Everything runs on copies of the model, in the mode in which it is: parameters, buffers,
    gradients and the states of random number generators are the same afterwards.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x to latents
        and back (``inverse``, ``reverse``, or an option of that name of ``forward``), or a flow or
        transform of zuko. Layers are the modules inside it that do likewise; a block is one layer.
    x : data, a batch (N, d) or (N, channels, height, width). It is taken in the model's dtype. A
        log-determinant that is a mean over the batch shows only where N > 1.
    start : "latents" where x is a sample of latents, which the model maps to data, and these back;
        a list of tensors where the model has several scales.
    context, y : what a conditional model takes besides under these names, or that of its library:
        a condition for each member, and classes.

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
    check_option("start", start, get_args(Start))
    if not isinstance(model, nn.Module | torch.distributions.Transform):
        raise InvalidInputError(
            f"expected a flow as a module of PyTorch, or a transform of zuko, got "
            f"{type(model).__name__}"
        )
    x = _data(model, x)
    with untouched(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, which would come several times
        torch.manual_seed(0)
        try:
            return measured(model, x, start, (context, y))
        except UnknownError as reason:
            shapes = ", ".join(str(tuple(t.shape)) for t in tensors(x))
            says = f"expected an x that the model takes, got shape {shapes}: {reason}"
            raise InvalidInputError(says) from reason.__cause__


def _data(model: Any, x: Any) -> Any:
    """Copy x, or each tensor of it, in the model's dtype and on its device."""
    parts = [x] if isinstance(x, Tensor) else list(x) if isinstance(x, list | tuple) else []
    if not parts or not all(isinstance(t, Tensor) and t.is_floating_point() for t in parts):
        found = [f"a tensor of {t.dtype}" for t in parts if isinstance(t, Tensor)]
        found = found or [type(x).__name__]
        says = f"expected x as a tensor of floats, or a list of them, got {', '.join(found)}"
        raise InvalidInputError(says)
    if any(t.ndim < 2 or not t.numel() or len(t) != len(parts[0]) for t in parts):
        shapes = ", ".join(str(tuple(t.shape)) for t in parts)
        says = f"expected x as a batch (N, d) or (N, channels, ..), got shape {shapes}"
        raise InvalidInputError(says)
    if not all(torch.isfinite(t).all() for t in parts):
        raise InvalidInputError("expected an x of finite numbers, got some that are not")
    own = chain(model.parameters(), model.buffers()) if isinstance(model, nn.Module) else []
    like = next((t for t in own if t.is_floating_point()), parts[0])
    parts = [t.detach().to(like.device, like.dtype, copy=True) for t in parts]
    return parts[0] if isinstance(x, Tensor) else parts
