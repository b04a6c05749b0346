"""What takes the place of linear layers: couplings, or the matrix and its inverse; and how near."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from exactflow.balancing import Balanced, balance
from exactflow.errors import SingularMatrixError
from exactflow.exact.digits import Digits
from exactflow.factorization import factor
from exactflow.flows.float_layers import FloatCoupling, composed
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.inverses import rounded_inverse
from exactflow.interop.modules.flow import Bijection, FlowModule
from exactflow.interop.modules.matrix import MatrixModule

__all__ = ["By", "Solved", "inverted", "searched", "solved"]

By = Literal["couplings", "inverse"]


@dataclass(frozen=True, eq=False)
class Solved:
    """What takes the place of a map.

    Attributes
    ----------
    fine, stored : the module in float64, and in the type of the model.
    flow : the couplings exactly; None for a matrix.
    error, stored_error : the largest entry of W less what `fine` applies, and `stored`.
    inverse_error : that of the inverse that is stored less the inverse of what `stored` applies;
        None for couplings, which store none.
    """

    fine: Bijection
    stored: Bijection
    flow: CouplingFlow | None
    error: Fraction
    stored_error: Fraction
    inverse_error: Fraction | None = None


def searched(task: tuple[AffineMap, int | None]) -> Balanced | str | None:
    """Return balanced layers for a matrix, or why there are none; a permutation needs no search."""
    target, layers = task
    if target.is_permutation:
        return None
    try:
        return balance(target.matrix, layers=layers, orientation="flip")
    except SingularMatrixError:
        return "singular: no inverse, no couplings"


def solved(target: AffineMap, result: Balanced | None, dtype: torch.dtype) -> Solved:
    """Return the layers that `searched` returned, or the integer layers of a permutation."""
    if result is None:
        flow, error = factor(target.exact(), orientation="flip"), Fraction(0)
    else:
        flow, error = result.flow, Fraction(int(result.error.p), int(result.error.q))
    fine, stored = (FlowModule(flow, target.bias).to(kind) for kind in (torch.float64, dtype))
    return Solved(fine, stored, flow, error, _stored_error(stored, target))


def inverted(target: AffineMap, maps: Sequence[AffineMap], dtype: torch.dtype) -> Solved:
    """Return the matrix of maps that follow each other, and its inverse, each rounded once.

    Raises `SingularMatrixError` for a matrix that has no inverse.
    """
    factors = [Digits.of_floats(x.matrix) for x in maps]
    exact = reduce(lambda product, factor: factor @ product, factors)

    def module(kind: torch.dtype) -> tuple[MatrixModule, Fraction, Fraction]:
        weight = torch.from_numpy(target.matrix).to(kind)
        W = _floats(weight)
        inverse, inverse_error, log_abs_det = rounded_inverse(W, kind)
        made = MatrixModule(
            weight,
            torch.tensor(inverse),
            torch.tensor(log_abs_det, dtype=torch.float64),
            None if target.bias is None else torch.tensor(target.bias),
        ).to(kind)
        return made, (exact - Digits.of_floats(W)).largest(), inverse_error

    (fine, error, _), (stored, *errors) = module(torch.float64), module(dtype)
    return Solved(fine, stored, None, error, *errors)


def _stored_error(module: FlowModule, target: AffineMap) -> Fraction:
    """Return the largest entry of W less the product of the layers as a module holds them."""
    if target.is_permutation:
        return Fraction(0)  # integers up to 2, which every type of float holds
    W = target.matrix
    if module.signs is not None:
        W = W * _floats(module.signs)
    layers = []
    for layer in module.couplings():
        scale = layer.scales()
        held = 1.0 if scale is None else _floats(scale)
        layers.append(FloatCoupling(layer.moves, _floats(layer.weight), held))
    return (Digits.of_floats(W) - composed(layers)).largest()


def _floats(tensor: Tensor) -> np.ndarray:
    """Return the entries of a tensor, exactly."""
    return tensor.detach().double().numpy()
