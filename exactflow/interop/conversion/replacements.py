"""Third step of `convert`: couplings, or a matrix and its inverse, for each group of layers.

Each entry of an inverse is the float nearest to the entry of the exact inverse. *Certified*: balls
(`flint.arb_mat`) enclose the entries, with more and more digits until all numbers of each ball
round to one float. *Exact*: if some entry still does not, because it is zero or lies midway between
two floats, the inverse is computed in rationals.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import frexp
from typing import Literal

import numpy as np
import torch
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from torch import Tensor

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.progress import report_stage
from exactflow.floats.balancing import balance
from exactflow.flows.float_layers import FloatCoupling, multiply_layers_exactly
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.merging import LayerGroup
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.module_tree import copy_model
from exactflow.interop.modules import BijectionModule, FlowModule, MatrixModule

By = Literal["couplings", "inverse"]

WITHIN = 1e-10
"""The largest accepted certified error in float64, as a multiple of the largest entry."""
BITS = 128, 1024
"""Precisions of the balls. The first suffices for float64 and condition numbers up to 1e10."""


@dataclass(frozen=True, eq=False)
class Replacement:
    """The module that replaces a group with matrix W, in two versions, and its errors.

    Attributes
    ----------
    fine, stored : the module in float64, and in the dtype of the model.
    flow : the couplings exactly; None for a matrix.
    fine_error, error : the largest entries of W minus the matrix of `fine`, and of `stored`.
    relative_error : `error` as a multiple of the largest entry of W; or, if it is larger, the
        error of the stored inverse as a multiple of its largest entry.
    """

    fine: BijectionModule
    stored: BijectionModule
    flow: CouplingFlow | None
    fine_error: Fraction
    error: Fraction
    relative_error: Fraction


def find_replacements(
    groups: list[LayerGroup], by: By
) -> tuple[list[tuple[LayerGroup, Replacement]], list[LeftLayer]]:
    """Find a replacement for each group; report the layers of the other groups as left."""
    find = _make_matrix_replacement if by == "inverse" else _make_coupling_replacement
    found: list[tuple[LayerGroup, Replacement]] = []
    left: list[LeftLayer] = []
    for k, group in enumerate(groups, 1):
        report_stage(f"matrix {k} of {len(groups)}", k / len(groups))
        try:
            replacement = find(group)
        except SingularMatrixError:
            left += group.as_left("singular: no inverse")
            continue
        except InvalidInputError as error:
            if by == "couplings":
                raise
            left += group.as_left(str(error))
            continue
        relative = float(replacement.fine_error / _largest_entry(group.target))
        if relative > WITHIN:
            left += group.as_left(f"the error of its couplings is {relative:.1e}, above {WITHIN}")
            continue
        found.append((group, replacement))
    return found, left


def _largest_entry(target: AffineMap) -> Fraction:
    return Fraction(float(abs(target.matrix).max()))


def _make_coupling_replacement(group: LayerGroup) -> Replacement:
    """Return couplings; raise `SingularMatrixError` for a singular matrix."""
    target = group.target
    result = balance(target.matrix, orientation="flip")
    fine = FlowModule(result.flow, target.bias)
    stored = copy_model(fine).to(group.dtype)
    fine_error = Fraction(int(result.error.p), int(result.error.q))
    error = _stored_error(stored, target)
    relative = error / _largest_entry(target)
    return Replacement(fine, stored, result.flow, fine_error, error, relative)


def _make_matrix_replacement(group: LayerGroup) -> Replacement:
    """Return the product of the matrices of a group and its inverse, each rounded once."""
    target = group.target
    factors = [DyadicMatrix.from_floats(layer.map.matrix) for layer in group.layers]
    exact = reduce(lambda product, factor: factor * product, factors)

    def build(dtype: torch.dtype) -> tuple[MatrixModule, Fraction, Fraction]:
        weight = torch.from_numpy(target.matrix).to(dtype)
        W = _to_array(weight)
        inverse, inverse_error, log_abs_det = rounded_inverse_and_log_det(W, dtype)
        module = MatrixModule(
            weight,
            torch.tensor(inverse),
            torch.tensor(log_abs_det, dtype=torch.float64),
            None if target.bias is None else torch.tensor(target.bias),
        ).to(dtype)
        return module, (exact - DyadicMatrix.from_floats(W)).max_abs(), inverse_error

    (fine, fine_error, _), (stored, error, inverse_error) = build(torch.float64), build(group.dtype)
    inverse_entry = Fraction(float(abs(_to_array(stored.weight_inverse)).max()))
    relative = max(error / _largest_entry(target), inverse_error / inverse_entry)
    return Replacement(fine, stored, None, fine_error, error, relative)


def _stored_error(module: FlowModule, target: AffineMap) -> Fraction:
    """Return the largest entry of W minus the product of the layers that a module stores."""
    W = target.matrix
    if module.signs is not None:
        W = W * _to_array(module.signs)
    layers = []
    for layer in module.couplings():
        scale = layer.scales()
        held = 1.0 if scale is None else _to_array(scale)
        layers.append(FloatCoupling(layer.moves, _to_array(layer.weight), held))
    return (DyadicMatrix.from_floats(W) - multiply_layers_exactly(layers)).max_abs()


def _to_array(tensor: Tensor) -> np.ndarray:
    """Convert a tensor of at most 64 bits to an array of float64, without rounding."""
    return tensor.detach().double().numpy()


def rounded_inverse_and_log_det(
    W: np.ndarray, dtype: torch.dtype
) -> tuple[np.ndarray, Fraction, float]:
    """Return W^-1 rounded to a dtype, the largest error of this rounding, and log |det W|.

    Raises `SingularMatrixError`, or `InvalidInputError` if an entry of the inverse is beyond the
    range of the dtype.
    """
    info = torch.finfo(dtype)
    least, precision, most = (frexp(x)[1] for x in (info.smallest_normal, info.eps, info.max))
    for ends, size in _enclose_inverse_and_log_det(W):
        values, log_abs_det = [_round_to_float(low, least, precision) for low, _ in ends], size
        if values == [_round_to_float(high, least, precision) for _, high in ends]:
            break
    largest = max(abs(value) for value in values)
    if largest >= 2**most:
        exponent = largest.numerator.bit_length() - largest.denominator.bit_length()
        raise InvalidInputError(
            f"its inverse has an entry of about 2^{exponent}, beyond the range of {info.dtype}"
        )
    error = max(abs(x - end) for x, pair in zip(values, ends, strict=True) for end in pair)
    return np.array(values, dtype=float).reshape(W.shape), error, log_abs_det


def _enclose_inverse_and_log_det(
    W: np.ndarray,
) -> Iterator[tuple[list[tuple[Fraction, Fraction]], float]]:
    """Yield tighter and tighter enclosures of the entries of the inverse, with log |det W|; the
    last ones are exact.
    """
    for bits in BITS:
        with ctx.workprec(bits):
            A = arb_mat(W.tolist())
            try:
                balls = A.inv().entries()
            except ZeroDivisionError:  # the balls contain a singular matrix
                continue
            log_abs_det = float(abs(A.det()).log())
            ends = [
                (_exact_ball_to_fraction(ball.lower()), _exact_ball_to_fraction(ball.upper()))
                for ball in balls
            ]
        yield ends, log_abs_det
    exact = fmpq_mat(len(W), len(W), [fmpq(*x.as_integer_ratio()) for x in W.flat])
    try:
        entries = [Fraction(int(x.p), int(x.q)) for x in exact.inv().entries()]
    except ZeroDivisionError:
        raise SingularMatrixError(
            "expected an invertible matrix, got one of determinant zero"
        ) from None
    yield [(x, x) for x in entries], float(abs(arb(exact.det())).log())


def _exact_ball_to_fraction(x: arb) -> Fraction:
    mantissa, exponent = map(int, x.man_exp())
    return Fraction(mantissa << max(exponent, 0), 1 << max(-exponent, 0))


def _round_to_float(x: Fraction, least: int, precision: int) -> Fraction:
    """Return the float nearest to a number, and of two the one with an even mantissa.

    Floats of binary exponent e are multiples of 2^(e + precision - 1), for e >= least - 1.
    """
    numerator, denominator = x.as_integer_ratio()
    exponent = numerator.bit_length() - denominator.bit_length()
    if abs(numerator) << max(-exponent, 0) < denominator << max(exponent, 0):
        exponent -= 1
    last = max(exponent, least - 1) + precision - 1
    up, down = 1 << max(-last, 0), 1 << max(last, 0)
    return Fraction(round(Fraction(numerator * up, denominator * down)) * down, up)
