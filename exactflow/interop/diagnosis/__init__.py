"""A table of facts about a trained flow, layer by layer, on x there and back; no causes.

How it is checked
-----------------
*Numeric*: everything here. Errors are measured on the x that was given, and on latents drawn from
the base of the model; singular values and log-determinants are those of the Jacobian at members of
x, in float64.

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
from exactflow.interop.diagnosis.facts import ROWS, Limits, measured
from exactflow.interop.diagnosis.result import Diagnosis
from exactflow.interop.libraries import library_of
from exactflow.interop.models import inside, tensors_of, untouched
from exactflow.interop.tracing import UnknownError


def diagnose(
    model: Any, x: Tensor, *, context: Any = None, draws: int = 256, jacobian_rows: int = ROWS
) -> Diagnosis:
    """Measure, layer by layer, what a flow does with x on the way to its latents and back.

    Everything runs on copies of the model, in the mode in which it is: parameters, buffers,
    gradients and the states of random number generators are the same afterwards.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x to latents
        and back (``inverse``, ``reverse``, or an option of that name of ``forward``), or a flow of
        zuko. Layers are the modules inside it that do likewise; a block is one layer. DataParallel,
        AveragedModel and torch.compile are unwrapped. A model that raises ``NotImplementedError``
        on data is measured on latents that are drawn.
    x : data, a batch (N, d) or (N, channels, height, width). It is taken in the model's dtype. A
        log-determinant that is a mean over the batch shows only where N > 1.
    context : what a conditional model takes besides, a condition for each member; or the classes of
        a class-conditional flow of normflows.
    draws : how many latents are drawn from the base of a flow of normflows, nflows, glasflow or
        zuko, from a standard normal distribution for others; fewer if they have more than 2^22
        entries. They are decoded, and encoded again.
    jacobian_rows : layers with more entries have no condition number, and their log-determinants
        are compared with those of the inverse alone. Beyond 256 rows, the Jacobian is that of one
        member.

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
    while (name := inside(model)) is not None:
        model = getattr(model, name)
    _check(x)
    limits = Limits(to_index("draws", draws, 0), to_index("jacobian_rows", jacobian_rows, 0))
    with untouched(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, which would come several times
        reasons = []
        for like in _kinds(model) or [x]:
            torch.manual_seed(0)
            data = x.detach().to(like.device, like.dtype, copy=True)
            try:
                return measured(model, data, context, limits)
            except UnknownError as reason:
                reasons.append(reason)
    says = f"expected an x that the model takes, got shape {tuple(x.shape)}: {reasons[0]}"
    raise InvalidInputError(says) from reasons[0].__cause__


def _check(x: Any) -> None:
    """Raise `InvalidInputError` for other data than a batch of finite floats."""
    is_tensor = isinstance(x, Tensor)
    if not (is_tensor and x.is_floating_point() and x.ndim > 1 and x.numel()):
        found = f"{x.dtype} of shape {tuple(x.shape)}" if is_tensor else type(x).__name__
        says = f"expected x as a batch of floats (N, d) or (N, channels, ..), got {found}"
        raise InvalidInputError(says)
    if not torch.isfinite(x).all():
        raise InvalidInputError("expected an x of finite numbers, got some that are not")


def _kinds(model: nn.Module) -> list[Tensor]:
    """List one tensor of each dtype of the layers, which most of their numbers have first; those of
    a base count only where no module is a layer.
    """
    layers = [part for part in model.modules() if part is not model and library_of(part).way(part)]
    found = {id(t): t for part in layers or [model] for t in tensors_of(part)}
    found = found or {id(t): t for t in tensors_of(model)}
    sizes: Counter[torch.dtype] = Counter()
    for t in found.values():
        if t.is_floating_point():
            sizes[t.dtype] += 1 if is_lazy(t) else t.numel()
    return [next(t for t in found.values() if t.dtype == kind) for kind, _ in sizes.most_common()]
