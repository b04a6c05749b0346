"""Norms of the Jacobian of a layer at a point, and of its inverse, and its log-determinant.

Up to `DENSE` entries J is computed row by row, and its singular values; above, |J| by products with
J and its transpose (power iteration), and |J^-1| likewise through the layer's inverse map: lower
bounds, which more products would raise. *Numeric*, in float64.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd import grad

from exactflow.interop.diagnosis.trace import Call, FailureError
from exactflow.interop.diagnosis.values import entries, flat, tensors

__all__ = ["DENSE", "Norms", "norms"]

DENSE = 256
STEPS = 20
SEED = 0


@dataclass(frozen=True)
class Norms:
    """The spectral norms of J and of J^-1, lower bounds where `log_det`, log|det J|, is None."""

    ahead: float
    back: float
    log_det: float | None

    @property
    def condition(self) -> float:
        """The condition number of J."""
        return math.inf if math.isinf(self.back) else self.ahead * self.back


def norms(call: Call) -> Norms | None:
    """Return the norms for a layer that maps one point, a batch of one.

    None where the Jacobian is not square, not finite, or where the layer cannot be differentiated.
    """
    if entries(call.given) != entries(call.made):
        return None
    try:
        if entries(call.given) <= DENSE:
            return _dense(*_graph(call, True))
        ahead, back = (_largest(*_graph(call, along)) for along in (True, False))
    except (FailureError, RuntimeError):  # no derivative, or none that is finite
        return None
    return Norms(ahead, back, None) if math.isfinite(ahead * back) else None


def _graph(call: Call, along: bool) -> tuple[Tensor, Tensor]:
    """Return a point, and its image by the layer or by its inverse, both as vectors."""
    state = call.before if along else call.after
    x = flat(state).requires_grad_()
    parts = torch.split(x, [tensor.numel() for tensor in state])
    given = tuple(part.reshape(t.shape) for part, t in zip(parts, state, strict=True))
    return x, flat(tensors(call.run(given, along)[0]))


def _dense(x: Tensor, y: Tensor) -> Norms | None:
    try:
        (rows,) = grad(y, x, torch.eye(len(y), dtype=y.dtype), True, is_grads_batched=True)
    except RuntimeError:  # a step that knows no batches of gradients
        rows = torch.stack([grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(rows).all():
        return None
    values = torch.linalg.svdvals(rows)
    least = float(values[-1])
    return Norms(float(values[0]), 1 / least if least else math.inf, float(values.log().sum()))


def _largest(x: Tensor, y: Tensor) -> float:
    """Return the largest singular value of the Jacobian, by products with J^T J."""
    dual = torch.zeros_like(y, requires_grad=True)
    (transposed,) = grad(y, x, dual, create_graph=True)  # J^T dual, linear in dual
    v = torch.randn(len(x), dtype=x.dtype, generator=torch.Generator().manual_seed(SEED))
    size = 0.0
    for _ in range(STEPS):
        (image,) = grad(transposed, dual, v / v.norm(), retain_graph=True)
        size = float(image.norm())
        if size == 0 or not torch.isfinite(image).all():
            break
        (v,) = grad(y, x, image, retain_graph=True)
    return size
