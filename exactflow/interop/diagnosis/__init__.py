"""Why does x not come back? A diagnosis of a trained flow, layer by layer.

`diagnose` maps x to its latents and back on copies of a model, as it stands, in eval mode and in
float64, watches what each layer does (`trace`), measures condition numbers (`jacobian`), and tells
rounding from what is none (`layers`, `modes`, `judge`). Log-determinants are held against those of
Jacobians (`determinants`).

How it is checked
-----------------
*Numeric*: everything here. Errors are measured on the x that was given, condition numbers and
log-determinants are those of the Jacobian there.

Source: Koehler, Mehta and Risteski (ICML 2021) show that flows may approximate well only by layers
that are ill-conditioned, and that padding with zeros leads there; Behrmann, Vicol, Wang, Grosse and
Jacobsen (AISTATS 2021, arXiv 2006.09347) how flows cease to be invertible in floating point.
"""

import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.diagnosis.doors import Door, as_module, root_door, takes_list
from exactflow.interop.diagnosis.judge import judged
from exactflow.interop.diagnosis.result import Diagnosis, Fault, LayerDiagnosis
from exactflow.interop.diagnosis.runs import Passes, Runs, passes
from exactflow.interop.diagnosis.trace import FailureError, duplicate
from exactflow.interop.diagnosis.values import copied, tensors

__all__ = ["Diagnosis", "Fault", "LayerDiagnosis", "diagnose"]

Start = Literal["data", "latents"]

SEED = 0


def diagnose(
    model: Any, x: Any, *, start: Start = "data", context: Any = None, y: Any = None
) -> Diagnosis:
    """Say why a flow, run to its latents and back, does not return x; the model stays as it is.

    Everything runs on copies of the model: its mode, parameters, buffers, gradients and the states
    of random number generators are the same afterwards.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x to latents
        and back (``inverse``, ``reverse``, or an option of that name of ``forward``), or a flow or
        transform of zuko. Layers are the modules inside it that do likewise.
    x : data, a batch (N, d) or (N, channels, height, width), say: a few members that do not come
        back. It is taken in the model's dtype.
    start : "latents" where x is a sample of latents, which the model maps to data, and these back;
        a list of tensors where the model has several scales. Ill-conditioning may show in one of
        the two directions only.
    context, y : what a conditional model takes besides, a tensor with a row for each member, or a
        list of them: as ``context``, ``c``, ``cond`` or ``condition``, and as ``y``.

    Raises
    ------
    InvalidInputError
        No such model, or an x that it does not take.

    Examples
    --------
    >>> from normflows.flows import InvertibleAffine
    >>> flow = InvertibleAffine(2, use_lu=False)
    >>> with torch.no_grad():
    ...     flow.W.copy_(torch.tensor([[1.0, 1.0], [1.0, 1.000001]])).shape
    torch.Size([2, 2])
    >>> found = diagnose(flow, torch.tensor([[0.5, -1.3]]))
    >>> found.comes_back, str(found.guilty[0].fault), found.guilty[0].condition > 1e6
    (False, 'ill-conditioned', True)
    """
    if start not in get_args(Start):
        raise InvalidInputError(
            f"expected start to be one of {', '.join(get_args(Start))}, got {start!r}"
        )
    module = as_module(model)
    way = root_door(module) if start == "data" else root_door(module).turned()
    x = _data(module, x)
    options = copied(way.conditions(module, context=context, y=y), tensors(x)[0].dtype)
    with _untouched(tensors(x)[0]):
        runs = _runs(module, way, x, options)
        layers = judged(runs)
        i = runs.member
    return Diagnosis(
        layers,
        error=float(runs.judged.errors[i]) if runs.stuck is None else float("inf"),
        error64=None if runs.fine is None else float(runs.fine.errors[i]),
        dtype=str(runs.dtype).removeprefix("torch."),
        digits=runs.digits,
        comes_back=runs.comes_back,
    )


def _data(module: nn.Module, x: Any) -> Any:
    """Return x, or each tensor of it, in the model's dtype and on its device."""
    parts = [x] if isinstance(x, Tensor) else list(x) if isinstance(x, list | tuple) else []
    if not parts or not all(isinstance(t, Tensor) and t.is_floating_point() for t in parts):
        found = [f"a tensor of {t.dtype}" for t in parts if isinstance(t, Tensor)]
        raise InvalidInputError(
            f"expected x as a tensor of floats, or a list of them, got "
            f"{', '.join(found) or type(x).__name__}"
        )
    if any(t.ndim < 2 or not t.numel() or len(t) != len(parts[0]) for t in parts):
        raise InvalidInputError(
            "expected x as a batch (N, d) or (N, channels, ..), got shape "
            f"{', '.join(str(tuple(t.shape)) for t in parts)}"
        )
    if not all(torch.isfinite(t).all() for t in parts):
        raise InvalidInputError("expected an x of finite numbers, got some that are not")
    like = next((t for t in _tensors(module) if t.is_floating_point()), parts[0])
    parts = [t.detach().to(like.device, like.dtype, copy=True) for t in parts]
    return parts[0] if isinstance(x, Tensor) and not takes_list(module) else parts


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    return chain(module.parameters(), module.buffers())


@contextmanager
def _untouched(x: Tensor) -> Iterator[None]:
    """Give the states of random number generators back afterwards.

    Gradients are on inside, and warnings of libraries, which would come several times, are not.
    """
    states = random.getstate(), np.random.get_state()
    devices = [x.device] if x.is_cuda else []
    with torch.random.fork_rng(devices), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(SEED)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


def _runs(module: nn.Module, way: Door, x: Any, options: dict[str, Any]) -> Runs:
    """Run copies of the model in its mode and in eval mode, in its dtype and in others."""
    dtype, default = tensors(x)[0].dtype, torch.get_default_dtype()
    fine = _in(torch.float64, module, way, x, options)
    try:
        calm = passes(duplicate(module).eval(), way, x, options, default)
    except FailureError as failure:
        raise _refusal(failure, x, fine is not None) from failure.error
    now, stuck = calm, None
    if any(part.training for part in module.modules()):
        try:
            now = passes(duplicate(module), way, x, options, default)
        except FailureError as failure:
            stuck = failure
    coarse: Passes | None = calm
    if dtype is torch.float64:
        fine, coarse = calm, _in(torch.float32, module, way, x, options)
    return Runs(module, now, calm, fine, coarse, stuck)


def _refusal(failure: FailureError, x: Any, works: bool) -> InvalidInputError:
    """Return what is said of a model that does not map x ahead."""
    if isinstance(failure.error, InvalidInputError):
        return failure.error
    where = failure.path or "the model"
    if works:
        return InvalidInputError(
            f"expected a model whose operations exist in {tensors(x)[0].dtype}, got one that maps "
            f"x in float64 only: {where} raises {failure}"
        )
    shapes = ", ".join(str(tuple(t.shape)) for t in tensors(x))
    return InvalidInputError(
        f"expected an x that the model takes, got shape {shapes}: {where} raises {failure}"
    )


def _in(
    dtype: torch.dtype, module: nn.Module, way: Door, x: Any, options: dict[str, Any]
) -> Passes | None:
    """Run a copy in another dtype, or return None where the model has parts that it cannot have."""
    twin = duplicate(module).to(dtype).eval()
    for part in twin.modules():  # and tensors that are neither parameters nor buffers
        vars(part).update(
            copied({k: v for k, v in vars(part).items() if isinstance(v, Tensor)}, dtype)
        )
    try:
        found = passes(twin, way, copied(x, dtype), copied(options, dtype), dtype)
    except FailureError:
        return None
    whole = [t for call in found.layers for t in call.after if t.is_floating_point()]
    return found if all(t.dtype is dtype for t in whole) else None
