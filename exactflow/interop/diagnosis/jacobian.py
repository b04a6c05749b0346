"""Norms of the Jacobian of a layer at a point, and of its inverse, and its log-determinant.

Up to `DENSE` entries J is computed row by row, and its singular values; above, |J| by products with
J and its transpose (power iteration), and |J^-1| likewise through the layer's inverse map: lower
bounds, which more products would raise. *Numeric*, in float64.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from exactflow.interop.diagnosis.trace import Call, FailureError
from exactflow.interop.diagnosis.values import State, entries, tensors

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
            return _dense(_flat(call, True, call.before), call.before)
        ahead = _largest(_flat(call, True, call.before), call.before)
        back = _largest(_flat(call, False, call.after), call.after)
    except (FailureError, RuntimeError):  # no derivative, or none that is finite
        return None
    return Norms(ahead, back, None) if math.isfinite(ahead * back) else None


def _flat(call: Call, along: bool, state: State) -> Callable[[Tensor], Tensor]:
    """Return a layer, in its direction or against it, as a map of vectors."""
    direction = call.is_ahead if along else not call.is_ahead
    sizes = [tensor.numel() for tensor in state]

    def mapped(vector: Tensor) -> Tensor:
        parts = torch.split(vector, sizes)
        given = tuple(part.reshape(t.shape) for part, t in zip(parts, state, strict=True))
        value = tensors(call.run(given, direction)[0])
        return torch.cat([tensor.flatten() for tensor in value])

    return mapped


def _vector(state: State) -> Tensor:
    return torch.cat([tensor.flatten() for tensor in state]).requires_grad_()


def _dense(function: Callable[[Tensor], Tensor], state: State) -> Norms | None:
    x = _vector(state)
    y = function(x)
    try:
        (rows,) = torch.autograd.grad(
            y, x, torch.eye(len(y), dtype=y.dtype), True, is_grads_batched=True
        )
    except RuntimeError:  # a step that knows no batches of gradients
        rows = torch.stack([torch.autograd.grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(rows).all():
        return None
    values = torch.linalg.svdvals(rows)
    least = float(values[-1])
    return Norms(float(values[0]), 1 / least if least else math.inf, float(values.log().sum()))


def _largest(function: Callable[[Tensor], Tensor], state: State) -> float:
    """Return the largest singular value of the Jacobian, by products with J^T J."""
    x = _vector(state)
    y = function(x)
    dual = torch.zeros_like(y, requires_grad=True)
    (transposed,) = torch.autograd.grad(y, x, dual, create_graph=True)  # J^T dual, linear in dual
    v = torch.randn(len(x), dtype=x.dtype, generator=torch.Generator().manual_seed(SEED))
    size = 0.0
    for _ in range(STEPS):
        (image,) = torch.autograd.grad(transposed, dual, v / v.norm(), retain_graph=True)
        size = float(image.norm())
        if size == 0 or not torch.isfinite(image).all():
            break
        (v,) = torch.autograd.grad(y, x, image, retain_graph=True)
    return size
