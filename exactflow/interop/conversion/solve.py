"""Third step of `convert`: couplings for each map, or its matrix and inverse, with their errors.

Each entry of an inverse is the float that is nearest to that of the exact one. *Certified*: it is
enclosed by balls (`flint.arb_mat`), of more and more digits until every entry rounds to one float,
whichever number of its ball it is. *Exact*: where it still does not with many digits, as an entry
that is zero or lies midway between two floats, the inverse is computed in rationals.
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
from exactflow.flows.float_layers import FloatCoupling, composed
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.affine import AffineMap
from exactflow.interop.conversion.group import Group
from exactflow.interop.conversion.report import LeftLayer
from exactflow.interop.models import copy_model
from exactflow.interop.modules.flow import BijectionModule, FlowModule, MatrixModule

By = Literal["couplings", "inverse"]

WITHIN = 1e-10
"""The largest certified error of float64 layers, as a multiple of the largest entry."""
BITS = 128, 1024
"""Of the attempts by balls; the first is enough for float64 and condition numbers of ten digits."""


@dataclass(frozen=True, eq=False)
class Solved:
    """The modules that replace a map, in float64 and in the type of the model, and the couplings
    exactly, None for a matrix.

    The errors are the largest entries of W less what `fine` applies, and `stored`; `relative_error`
    is the latter over the largest entry of W; or, if it is larger, the error of the inverse that is
    stored, over the largest entry of that.
    """

    fine: BijectionModule
    stored: BijectionModule
    flow: CouplingFlow | None
    fine_error: Fraction
    error: Fraction
    relative_error: Fraction


def solve(groups: list[Group], by: By) -> tuple[list[tuple[Group, Solved]], list[LeftLayer]]:
    """Find what takes the place of each group; name the layers of those that have nothing."""
    found: list[tuple[Group, Solved]] = []
    left: list[LeftLayer] = []
    for k, group in enumerate(groups, 1):
        report_stage(f"matrix {k} of {len(groups)}", k / len(groups))
        try:
            one = _inverted(group) if by == "inverse" else _balanced(group)
        except SingularMatrixError:
            left += group.left("singular: no inverse")
            continue
        except InvalidInputError as error:
            if by == "couplings":
                raise
            left += group.left(str(error))
            continue
        relative = one.fine_error / _largest(group.target)
        if relative > WITHIN:
            left += group.left(f"its couplings are within {float(relative):.1e}, not {WITHIN}")
            continue
        found.append((group, one))
    return found, left


def _largest(target: AffineMap) -> Fraction:
    return Fraction(float(abs(target.matrix).max()))


def _balanced(group: Group) -> Solved:
    """Return couplings; raises `SingularMatrixError` for a matrix that has none."""
    target = group.target
    result = balance(target.matrix, orientation="flip")
    fine = FlowModule(result.flow, target.bias)
    stored = copy_model(fine).to(group.dtype)
    error = Fraction(int(result.error.p), int(result.error.q))
    held = _stored_error(stored, target)
    return Solved(fine, stored, result.flow, error, held, held / _largest(target))


def _inverted(group: Group) -> Solved:
    """Return the matrix of maps that follow each other, and its inverse, each rounded once."""
    target = group.target
    factors = [DyadicMatrix.from_floats(layer.map.matrix) for layer in group.layers]
    exact = reduce(lambda product, factor: factor * product, factors)

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
        return made, (exact - DyadicMatrix.from_floats(W)).largest(), inverse_error

    (fine, error, _), (stored, held, other) = module(torch.float64), module(group.dtype)
    sizes = _largest(target), Fraction(float(abs(_floats(stored.weight_inverse)).max()))
    relative = max(held / sizes[0], other / sizes[1])
    return Solved(fine, stored, None, error, held, relative)


def _stored_error(module: FlowModule, target: AffineMap) -> Fraction:
    """Return the largest entry of W less the product of the layers as a module holds them."""
    W = target.matrix
    if module.signs is not None:
        W = W * _floats(module.signs)
    layers = []
    for layer in module.couplings():
        scale = layer.scales()
        held = 1.0 if scale is None else _floats(scale)
        layers.append(FloatCoupling(layer.moves, _floats(layer.weight), held))
    return (DyadicMatrix.from_floats(W) - composed(layers)).largest()


def _floats(tensor: Tensor) -> np.ndarray:
    """Return the entries of a tensor, exactly."""
    return tensor.detach().double().numpy()


def rounded_inverse(W: np.ndarray, dtype: torch.dtype) -> tuple[np.ndarray, Fraction, float]:
    """Return the inverse of W rounded to a type of floats, its error, and log |det W|.

    The error is that of the entry that rounding moves most. Raises `SingularMatrixError`, or
    `InvalidInputError` where an entry of the inverse is beyond the range of the type.
    """
    kind = torch.finfo(dtype)
    least, precision, most = (frexp(x)[1] for x in (kind.smallest_normal, kind.eps, kind.max))
    for ends, size in _enclosures(W):
        values, log_abs_det = [_nearest(low, least, precision) for low, _ in ends], size
        if values == [_nearest(high, least, precision) for _, high in ends]:
            break
    largest = max(abs(value) for value in values)
    if largest >= 2**most:
        raise InvalidInputError(
            f"expected an inverse within the range of {kind.dtype}, got an entry of about "
            f"2^{largest.numerator.bit_length() - largest.denominator.bit_length()}"
        )
    error = max(abs(x - end) for x, pair in zip(values, ends, strict=True) for end in pair)
    return np.array(values, dtype=float).reshape(W.shape), error, log_abs_det


def _enclosures(W: np.ndarray) -> Iterator[tuple[list[tuple[Fraction, Fraction]], float]]:
    """Yield enclosures of the entries of the inverse, at last themselves, and log |det W|."""
    for bits in BITS:
        with ctx.workprec(bits):
            A = arb_mat(W.tolist())
            try:
                balls = A.inv().entries()
            except ZeroDivisionError:  # as far as the balls tell
                continue
            log_abs_det = float(abs(A.det()).log())
            ends = [(_fraction(ball.lower()), _fraction(ball.upper())) for ball in balls]
        yield ends, log_abs_det
    exact = fmpq_mat(len(W), len(W), [fmpq(*x.as_integer_ratio()) for x in W.flat])
    try:
        entries = [Fraction(int(x.p), int(x.q)) for x in exact.inv().entries()]
    except ZeroDivisionError:
        raise SingularMatrixError(
            "expected an invertible matrix, got one of determinant zero"
        ) from None
    yield [(x, x) for x in entries], float(abs(arb(exact.det())).log())


def _fraction(x: arb) -> Fraction:
    mantissa, exponent = map(int, x.man_exp())
    return Fraction(mantissa << max(exponent, 0), 1 << max(-exponent, 0))


def _nearest(x: Fraction, least: int, precision: int) -> Fraction:
    """Return the float that is nearest to a number, the even one of two: floats that begin with
    2^e, for e >= least - 1, are multiples of 2^(e + precision - 1).
    """
    numerator, denominator = x.as_integer_ratio()
    leading = numerator.bit_length() - denominator.bit_length()
    if abs(numerator) << max(-leading, 0) < denominator << max(leading, 0):
        leading -= 1
    last = max(leading, least - 1) + precision - 1
    up, down = 1 << max(-last, 0), 1 << max(last, 0)
    whole, rest = divmod(numerator * up, denominator * down)
    whole += 2 * rest + whole % 2 > denominator * down
    return Fraction(whole * down, up)
