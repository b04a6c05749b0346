"""Why does x not come back? A diagnosis of a trained flow, layer by layer.

`diagnose` maps x to its latents and back on copies of a model, as it stands, in eval mode and in
float64, watches what each layer does (`trace`), measures condition numbers (`jacobian`), and tells
rounding from what is none (`layers`, `judge`).

How it is checked
-----------------
*Numeric*: everything here. Errors are measured on the x that was given, condition numbers are those
of the Jacobian there.

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
from exactflow.exact.options import check_option
from exactflow.interop.diagnosis.doors import Door, as_module, root_door
from exactflow.interop.diagnosis.judge import judged
from exactflow.interop.diagnosis.measures import Runs
from exactflow.interop.diagnosis.passes import Passes, passes
from exactflow.interop.diagnosis.result import Diagnosis, Fault, LayerDiagnosis
from exactflow.interop.diagnosis.trace import FailureError, duplicate

__all__ = ["Diagnosis", "Fault", "LayerDiagnosis", "diagnose"]

Start = Literal["data", "latents"]

SEED = 0


def diagnose(model: Any, x: Tensor, *, start: Start = "data") -> Diagnosis:
    """Say why a flow, run to its latents and back, does not return x; the model stays as it is.

    Everything runs on copies of the model: its mode, parameters, buffers, gradients and the states
    of random number generators are the same afterwards.

    Parameters
    ----------
    model : a module of normflows, nflows, glasflow, FrEIA or plain PyTorch that maps x, and only x,
        to latents and back (``inverse``, ``reverse``, or an option of that name of ``forward``),
        or a flow or transform of zuko. Layers are the modules inside it that do likewise.
    x : data, a batch (N, d) or (N, channels, height, width), say: a few members that do not come
        back. It is taken in the model's dtype.
    start : "latents" where x is a sample of latents, which the model maps to data, and these back.
        Ill-conditioning may show in one of the two directions only.

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
    check_option("start", start, get_args(Start))
    module, path = as_module(model)
    way = root_door(module) if start == "data" else root_door(module).turned()
    x = _data(module, x)
    with _untouched(x):
        runs = _runs(module, way, path, x)
        layers = judged(runs)
        i = runs.member
    worst = float(runs.now.errors[i]) if runs.stuck is None else float("inf")
    return Diagnosis(
        layers,
        error=max(worst, float(runs.calm.errors[i])),
        error64=None if runs.fine is None else float(runs.fine.errors[i]),
        dtype=str(x.dtype).removeprefix("torch."),
        digits=runs.digits,
        comes_back=runs.comes_back,
    )


def _data(module: nn.Module, x: Any) -> Tensor:
    """Return x in the model's dtype and on its device."""
    if not isinstance(x, Tensor) or not x.is_floating_point():
        found = f"a tensor of {x.dtype}" if isinstance(x, Tensor) else type(x).__name__
        raise InvalidInputError(f"expected x as a tensor of floats, got {found}")
    if x.ndim < 2 or not x.numel():
        raise InvalidInputError(
            f"expected x as a batch (N, d) or (N, channels, ..), got shape {tuple(x.shape)}"
        )
    if not torch.isfinite(x).all():
        raise InvalidInputError("expected an x of finite numbers, got some that are not")
    like = next((t for t in _tensors(module) if t.is_floating_point()), x)
    return x.detach().to(like.device, like.dtype, copy=True)


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


def _runs(module: nn.Module, way: Door, path: str, x: Tensor) -> Runs:
    """Run copies of the model in its mode and in eval mode, in its dtype and in others."""
    try:
        copies = [duplicate(module) for _ in range(4)]
    except Exception as error:
        raise InvalidInputError(
            f"expected a model that copy.deepcopy can copy, got {type(error).__name__}: {error}"
        ) from error
    try:
        calm = passes(copies[0].eval(), way, path, x)
    except FailureError as failure:
        raise InvalidInputError(
            f"expected an x that the model takes, got shape {tuple(x.shape)}: "
            f"{failure.path or 'the model'} raises {type(failure.error).__name__}: {failure}"
        ) from failure.error
    now, stuck = calm, None
    if any(part.training for part in module.modules()):
        try:
            now = passes(copies[1], way, path, x)
        except FailureError as failure:
            stuck = failure
    fine = calm if x.dtype is torch.float64 else _in(torch.float64, copies[2], way, path, x)
    coarse = calm if x.dtype is not torch.float64 else _in(torch.float32, copies[3], way, path, x)
    return Runs(now, calm, fine, coarse, stuck)


def _in(dtype: torch.dtype, module: nn.Module, way: Door, path: str, x: Tensor) -> Passes | None:
    """Run a copy in another dtype, or return None where the model has parts that it cannot have."""
    try:
        return passes(module.to(dtype).eval(), way, path, x.to(dtype))
    except FailureError:
        return None
