"""Why does x not come back? A diagnosis of a trained flow, layer by layer.

`diagnose` maps x to its latents and back on copies of a model, as it stands, in eval mode and in
float64, watches what each layer does (`trace`), measures condition numbers, holds log-determinants
against those of Jacobians (`jacobian`), and tells rounding from what is none (`layers`, `modes`,
`judge`).

How it is checked
-----------------
*Numeric*: everything here. Errors are measured on the x that was given, condition numbers and
log-determinants are those of the Jacobian there.

Source: Koehler, Mehta and Risteski (ICML 2021) show that flows may approximate well only by layers
that are ill-conditioned, and that padding with zeros leads there; Behrmann, Vicol, Wang, Grosse and
Jacobsen (AISTATS 2021, arXiv 2006.09347) how flows cease to be invertible in floating point.
"""

import warnings
from itertools import chain
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.exact.options import check_option
from exactflow.interop.diagnosis.judge import judged
from exactflow.interop.diagnosis.result import Diagnosis, Fault, LayerDiagnosis
from exactflow.interop.diagnosis.runs import Runs
from exactflow.interop.models import untouched

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
    context, y : what a conditional model takes besides under these names, or that of its library:
        a condition for each member, and classes.

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
    if not isinstance(model, nn.Module | torch.distributions.Transform):
        raise InvalidInputError(
            f"expected a flow as a module of PyTorch, or a transform of zuko, got "
            f"{type(model).__name__}"
        )
    x = _data(model, x)
    with untouched(), torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, which would come several times
        torch.manual_seed(SEED)
        runs = Runs(model, x, start == "latents", (context, y))
        layers = judged(runs)
        i = runs.member
    return Diagnosis(
        layers,
        error=float(runs.judged.errors[i]) if runs.stuck is None else float("inf"),
        error64=None if runs.fine is None else float(runs.fine.errors[i]),
        dtype=runs.precision,
        digits=runs.digits,
        comes_back=runs.comes_back,
    )


def _data(model: Any, x: Any) -> Any:
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
    own = chain(model.parameters(), model.buffers()) if isinstance(model, nn.Module) else []
    like = next((t for t in own if t.is_floating_point()), parts[0])
    parts = [t.detach().to(like.device, like.dtype, copy=True) for t in parts]
    return parts[0] if isinstance(x, Tensor) else parts
