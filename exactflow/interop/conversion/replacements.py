"""Second step of `convert`: for each group, find couplings, or a matrix and its inverse.

Each entry of an inverse is the float nearest to the entry of the exact inverse. *Certified*: balls
(`flint.arb_mat`) enclose the entries, with increasing precision, until both ends of each ball round
to the same float. *Exact*: if the two floats still differ at the last precision, as for an entry
that is zero or midway between two floats, the inverse is computed in rationals.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from math import frexp
from typing import Literal, NamedTuple

import numpy as np
import torch
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.progress import report_stage
from exactflow.floats.balancing import balance
from exactflow.flows.float_layers import FloatCoupling, apply_float_layers_exactly
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.affine import AffineMap, to_float64
from exactflow.interop.conversion.reading import LayerGroup, report_unconverted
from exactflow.interop.conversion.report import ConvertedLayer, UnconvertedLayer
from exactflow.interop.module_tree import copy_model
from exactflow.interop.modules import AffineModule, BijectionModule, FlowModule

CouplingsOrInverse = Literal["couplings", "inverse"]

WITHIN = 1e-10
"""The largest accepted error in float64, as a multiple of the largest entry of the matrix."""
BITS = 128, 1024
"""Precisions of the balls, in bits; 128 bits suffice for float64 up to condition numbers 1e10."""


class Replacement(NamedTuple):
    """A group of layers, the module that replaces it, in float64 and as stored, and the report."""

    group: LayerGroup
    fine: BijectionModule
    stored: BijectionModule
    report: ConvertedLayer


ModulesFlowAndErrors = tuple[
    BijectionModule, BijectionModule, CouplingFlow | None, tuple[Fraction, Fraction, Fraction]
]
"""A module in float64, and in the dtype of the model; the exact couplings, or None for a matrix;
and errors: of the entries of both modules, and of a stored inverse as a multiple of its largest
entry.
"""


def find_replacements(
    groups: list[LayerGroup], by: CouplingsOrInverse
) -> tuple[list[Replacement], list[UnconvertedLayer]]:
    """Return replacements of groups, and reports on the layers of all other groups."""
    find = _find_matrix_and_inverse if by == "inverse" else _find_couplings
    replacements: list[Replacement] = []
    unconverted: list[UnconvertedLayer] = []
    for k, group in enumerate(groups, 1):
        report_stage(f"matrix {k} of {len(groups)}", k / len(groups))
        try:
            fine, stored, flow, (fine_error, stored_error, inverse_error) = find(group)
        except SingularMatrixError:
            reason = "the matrix of the layer is singular"
            unconverted += report_unconverted(group.layers, reason)
            continue
        except InvalidInputError as error:
            if by == "couplings":
                raise
            unconverted += report_unconverted(group.layers, str(error))
            continue
        target, (main, *others) = group.composed_map, group.places
        largest = _largest_absolute_entry(target.matrix)
        relative = float(fine_error / largest)
        if relative > WITHIN:
            reason = (
                f"the error of the replacement in float64 is {relative:.1e} of the largest entry, "
                f"above {WITHIN}"
            )
            unconverted += report_unconverted(group.layers, reason)
            continue
        report = ConvertedLayer(
            path=main.path,
            kind=main.kind,
            merged=tuple(place.path for place in others),
            dimension=target.dimension,
            condition_number=target.condition_number,
            dtype=str(group.input[0].dtype).removeprefix("torch."),
            error=stored_error,
            relative_error=max(stored_error / largest, inverse_error),
            flow=flow,
            target=target,
        )
        replacements.append(Replacement(group, fine, stored, report))
    return replacements, unconverted


def _largest_absolute_entry(matrix: np.ndarray) -> Fraction:
    return Fraction(float(abs(matrix).max()))


def _find_couplings(group: LayerGroup) -> ModulesFlowAndErrors:
    """Return couplings for the composed map of a group.

    The product of the stored layers is computed exactly. Raises `SingularMatrixError` if the matrix
    of the map is singular.
    """
    target = group.composed_map
    result = balance(target.matrix, orientation="flip")
    fine = FlowModule(result.flow, target.bias)
    stored = copy_model(fine).to(group.input[0].dtype)
    fine_error = Fraction(int(result.error.p), int(result.error.q))
    W = target.matrix if stored.signs is None else target.matrix * to_float64(stored.signs)
    layers = []
    for layer in stored.couplings():
        scale = layer.scales()
        held = 1.0 if scale is None else to_float64(scale)
        layers.append(FloatCoupling(layer.moves, to_float64(layer.weight), held))
    error = (DyadicMatrix.from_floats(W) - apply_float_layers_exactly(layers)).max_abs()
    return fine, stored, result.flow, (fine_error, error, Fraction(0))


def _find_matrix_and_inverse(group: LayerGroup) -> ModulesFlowAndErrors:
    """Return the composed matrix of a group and its inverse, rounded, as modules in two dtypes.

    The errors are measured against the exact product of the matrices of the layers.
    """
    factors = [DyadicMatrix.from_floats(layer.map.matrix) for layer in group.layers]
    exact = reduce(lambda product, factor: factor * product, factors)
    fine, _ = _round_matrix_and_inverse_to_module(group.composed_map, torch.float64)
    stored, inverse_error = _round_matrix_and_inverse_to_module(
        group.composed_map, group.input[0].dtype
    )
    fine_error, error = (
        (exact - DyadicMatrix.from_floats(to_float64(module.weight))).max_abs()
        for module in (fine, stored)
    )
    return fine, stored, None, (fine_error, error, inverse_error)


def _round_matrix_and_inverse_to_module(
    target: AffineMap, dtype: torch.dtype
) -> tuple[AffineModule, Fraction]:
    """Round the matrix of a map to a dtype, and the exact inverse of the rounded matrix.

    Return a module, and the error of the inverse as a multiple of the largest entry of the inverse.
    """
    weight = torch.from_numpy(target.matrix).to(dtype)
    inverse, error, log_abs_det = round_inverse_and_log_abs_det(to_float64(weight), dtype)
    module = AffineModule(
        weight,
        torch.tensor(inverse),
        torch.tensor(log_abs_det, dtype=torch.float64),
        None if target.bias is None else torch.tensor(target.bias),
    ).to(dtype)
    return module, error / _largest_absolute_entry(inverse)


def round_inverse_and_log_abs_det(
    W: np.ndarray, dtype: torch.dtype
) -> tuple[np.ndarray, Fraction, float]:
    """Round the inverse of W to the nearest floats; return also the largest error of its entries,
    and log |det W|.

    Raises `SingularMatrixError` for a singular W, and `InvalidInputError` if an entry of the
    inverse is beyond the range of the dtype.
    """
    info = torch.finfo(dtype)
    least, unit, most = (frexp(x)[1] for x in (info.smallest_normal, info.eps, info.max))
    for bounds, size in _yield_tightening_inverse_bounds_and_log_det(W):
        values, log_abs_det = [_round_to_nearest_float(low, least, unit) for low, _ in bounds], size
        if values == [_round_to_nearest_float(high, least, unit) for _, high in bounds]:
            break
    largest = max(abs(value) for value in values)
    if largest >= 2**most:
        exponent = largest.numerator.bit_length() - largest.denominator.bit_length()
        raise InvalidInputError(
            f"the inverse of the layer has an entry of about 2^{exponent}, beyond the range of "
            f"{info.dtype}"
        )
    error = max(abs(x - end) for x, pair in zip(values, bounds, strict=True) for end in pair)
    return np.array(values, dtype=float).reshape(W.shape), error, log_abs_det


def _yield_tightening_inverse_bounds_and_log_det(
    W: np.ndarray,
) -> Iterator[tuple[list[tuple[Fraction, Fraction]], float]]:
    """Yield lower and upper bounds for each entry of the inverse of W, and log |det W| rounded.

    Each yield has tighter bounds than the one before; the last bounds are exact. Raises
    `SingularMatrixError` for a singular W.
    """
    for bits in BITS:
        with ctx.workprec(bits):
            A = arb_mat(W.tolist())
            try:
                balls = A.inv().entries()
            except ZeroDivisionError:  # at this precision W may be singular
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
            "expected an invertible matrix, got a matrix of determinant zero"
        ) from None
    yield [(x, x) for x in entries], float(abs(arb(exact.det())).log())


def _exact_ball_to_fraction(x: arb) -> Fraction:
    mantissa, exponent = map(int, x.man_exp())
    return Fraction(mantissa << max(exponent, 0), 1 << max(-exponent, 0))


def _round_to_nearest_float(
    x: Fraction, normal_frexp_exponent: int, eps_frexp_exponent: int
) -> Fraction:
    """Return the float nearest to a number; of two nearest floats, the one with an even mantissa.

    The exponents are the results of `frexp` for the smallest normal number and for eps: floats
    from 2^e to 2^(e + 1) are multiples of 2^(e + eps_frexp_exponent - 1), for all e from
    normal_frexp_exponent - 1 on.
    """
    numerator, denominator = x.as_integer_ratio()
    exponent = numerator.bit_length() - denominator.bit_length()
    if abs(numerator) << max(-exponent, 0) < denominator << max(exponent, 0):
        exponent -= 1
    last = max(exponent, normal_frexp_exponent - 1) + eps_frexp_exponent - 1
    up, down = 1 << max(-last, 0), 1 << max(last, 0)
    return Fraction(round(Fraction(numerator * up, denominator * down)) * down, up)
