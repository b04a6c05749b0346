"""Couplings for one linear layer of a model, exactly, and how near they are to its matrix."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from exactflow.balancing import Balanced, balance
from exactflow.errors import SingularMatrixError
from exactflow.exact.digits import Digits
from exactflow.factorization import factor
from exactflow.flows.float_layers import FloatCoupling, composed
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.affine import AffineMap
from exactflow.interop.modules.flow import FlowModule

__all__ = ["Solved", "searched", "solved", "stored_error"]


@dataclass(frozen=True, eq=False)
class Solved:
    """The layers of a matrix, exactly, and how near they are: not at all off for a permutation."""

    flow: CouplingFlow
    error: Fraction
    largest: Fraction
    condition_number: float


def solved(target: AffineMap, result: Balanced | None) -> Solved:
    """Return the layers that `searched` returned, or the integer layers of a permutation."""
    if result is None:
        flow = factor(target.exact(), orientation="flip")
        return Solved(flow, Fraction(0), Fraction(1), 1.0)
    error = Fraction(int(result.error.p), int(result.error.q))
    largest = Fraction(float(np.abs(target.matrix).max()))
    return Solved(result.flow, error, largest, float(np.linalg.cond(target.matrix)))


def searched(task: tuple[AffineMap, int | None]) -> Balanced | str | None:
    """Return balanced layers for a matrix, or why there are none; a permutation needs no search."""
    target, layers = task
    if target.is_permutation:
        return None
    try:
        return balance(target.matrix, layers=layers, orientation="flip")
    except SingularMatrixError:
        return "singular: no inverse, no couplings"


def stored_error(module: FlowModule, target: AffineMap) -> Fraction:
    """Return the largest entry of W minus the product of the layers as a module holds them."""
    if target.is_permutation:
        return Fraction(0)  # integers up to 2, which every type of float holds
    W = target.matrix
    if module.signs is not None:
        W = W * module.signs.cpu().double().numpy()
    layers = [_held(layer) for layer in module.couplings()]
    return (Digits.of_floats(W) - composed(layers)).largest()


def _held(layer: Any) -> FloatCoupling:
    scale = layer.scales()
    scale = 1.0 if scale is None else scale.detach().cpu().double().numpy()
    return FloatCoupling(layer.moves, layer.weight.detach().cpu().double().numpy(), scale)
