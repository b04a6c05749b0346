"""Second step of `convert`: replace each group by couplings, or by a matrix and its inverse.

Each entry of an inverse is the float nearest to the entry of the exact inverse. *Certified*: balls
(`flint.arb_mat`) enclose the entries, with increasing precision, until both ends of each ball round
to the same float. *Exact*: if the two floats still differ at the last precision, as for an entry
that is zero or midway between two floats, the inverse is computed in rationals.

`restore` installs the couplings of a saved state into a new model.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import reduce
from math import frexp
from typing import Literal

import numpy as np
import torch
from flint import arb, arb_mat, ctx, fmpq, fmpq_mat
from torch import nn

from exactflow.errors import InvalidInputError, MethodError, SingularMatrixError
from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.progress import report_stage
from exactflow.floats.balancing import balance
from exactflow.flows.float_layers import FloatCoupling, apply_float_layers_exactly
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.affine import AffineMap, to_float64
from exactflow.interop.conversion.comparison import (
    largest_difference_nan_if_shapes_differ,
    run_chain_and_sum_log_dets,
)
from exactflow.interop.conversion.reading import LayerGroup, read_map_of_weights, report_unconverted
from exactflow.interop.conversion.report import ConvertedLayer, UnconvertedLayer
from exactflow.interop.libraries import find_library_or_torch
from exactflow.interop.module_tree import (
    copy_for_float64_evaluation,
    copy_model,
    install_bijection_in_place,
    list_state_dict_tensors_with_repeats,
    require_module,
    root_cause_type_and_message,
)
from exactflow.interop.modules import (
    AffineModule,
    BijectionModule,
    FlowModule,
    IdentityModule,
    State,
    select_substate_without_prefix,
)

CouplingsOrInverse = Literal["couplings", "inverse"]

WITHIN = 1e-10
"""The largest accepted error in float64, as a multiple of the largest entry of the matrix."""
BITS = 128, 1024
"""Precisions of the balls, in bits; 128 bits suffice for float64 up to condition numbers 1e10."""
AGREEMENT = 1e-9
"""The largest accepted difference of images in float64, as a multiple of a bound on entries."""
LOG_DET_AGREEMENT = 1e-6
"""The accepted difference of log-determinants of a well-conditioned layer, for each entry of a
member. Some libraries sum log-determinants in float32, which makes errors of this size.
"""
ROUNDINGS = 8
"""A relative difference of images up to this multiple of the dtype's eps is always accepted. Some
libraries store rounded numbers, for instance a rotation and, as its inverse, the transpose.
"""
SAMPLES = 4
"""The number of members on which a replacement is compared with its layers."""
MARK = "couplings._extra_state"
"""A state dict has one key with this end for each layer that couplings or an identity replace."""

ModulesFlowAndErrors = tuple[
    BijectionModule, BijectionModule, CouplingFlow | None, tuple[Fraction, Fraction, Fraction]
]
"""A module in float64, and in the dtype of the model; the exact couplings, or None for a matrix;
and errors: of the entries of both modules, and of a stored inverse as a multiple of its largest
entry.
"""


def replace_groups(
    model: nn.Module, float64_copy: nn.Module, groups: list[LayerGroup], by: CouplingsOrInverse
) -> tuple[nn.Module, nn.Module, list[ConvertedLayer], list[UnconvertedLayer]]:
    """Install a replacement of each group, in both models, if it agrees with the group's layers.

    Return both models, reports on the converted layers, and reports on the other layers: first on
    the layers for which no replacement is found.
    """
    layers = list[ConvertedLayer]()
    not_found, failed = list[UnconvertedLayer](), list[UnconvertedLayer]()
    for k, group in enumerate(groups, 1):
        report_stage(f"matrix {k} of {len(groups)}", k / len(groups))
        try:
            fine, stored, report, relative = _find_replacement(group, by)
        except SingularMatrixError:
            reason = "the matrix of the layer is singular"
            not_found += report_unconverted(group.layers, reason)
            continue
        except InvalidInputError as error:
            if by == "couplings":
                raise
            not_found += report_unconverted(group.layers, str(error))
            continue
        if relative > WITHIN:
            reason = (
                f"the error of the replacement in float64 is {relative:.1e} of the largest entry, "
                f"above {WITHIN}"
            )
            not_found += report_unconverted(group.layers, reason)
            continue
        is_trainable = any(layer.is_trainable for layer in group.layers)
        stored.to(group.input[0].device).requires_grad_(is_trainable)
        try:
            _check_agreement_with_layers(group, fine, report)
        except Exception as error:  # a library may raise any error
            is_checked = isinstance(error, MethodError)
            reason = str(error) if is_checked else root_cause_type_and_message(error)
            failed += report_unconverted(group.layers, reason)
            continue
        for i, place in enumerate(group.places):
            new, new_fine = (IdentityModule(), IdentityModule()) if i else (stored, fine)
            model = install_bijection_in_place(model, place.path, new)
            float64_copy = install_bijection_in_place(float64_copy, place.path, new_fine)
        layers.append(report)
    return model, float64_copy, layers, [*not_found, *failed]


def _find_replacement(
    group: LayerGroup, by: CouplingsOrInverse
) -> tuple[BijectionModule, BijectionModule, ConvertedLayer, float]:
    """Return a module for a group, in float64 and as stored; a report; and the error in float64.

    The error is a multiple of the largest entry of the matrix. Raises `SingularMatrixError` if this
    matrix is singular.
    """
    find = _find_matrix_and_inverse if by == "inverse" else _find_couplings
    fine, stored, flow, (fine_error, stored_error, inverse_error) = find(group)
    target, (main, *others) = group.composed_map, group.places
    largest = _largest_absolute_entry(target.matrix)
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
    return fine, stored, report, float(fine_error / largest)


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


def _check_agreement_with_layers(
    group: LayerGroup, fine: BijectionModule, report: ConvertedLayer
) -> None:
    """Compare a replacement with the layers of its group in float64, on the input of the group.

    Raises `MethodError` if the results differ beyond rounding.
    """
    (x, context), main, target = group.input, group.places[0].module, report.target
    library = find_library_or_torch(main)
    new = library.make_replacement(copy_for_float64_evaluation(main), fine.to(x.device)).double()
    few = x[:SAMPLES].double()
    condition = None if context is None else [tensor[:SAMPLES].double() for tensor in context]
    with torch.no_grad():  # each run gets a clone, since FrEIA's wavelets overwrite their input
        old = [copy_for_float64_evaluation(layer.place.module) for layer in group.layers]
        before, log_det = run_chain_and_sum_log_dets(old, few.clone(), condition)
        after, new_log_det = run_chain_and_sum_log_dets([new], few.clone(), condition)
    difference, log_det_difference = largest_difference_nan_if_shapes_differ(before, after), None
    if log_det is not None and new_log_det is not None:
        pair = torch.as_tensor(log_det), torch.as_tensor(new_log_det)
        log_det_difference = largest_difference_nan_if_shapes_differ(*pair)
    entries = float(abs(target.matrix).max()) + float(abs(target.bias_or_zeros).max())
    relative = (difference or 0.0) / (1 + target.dimension * entries * float(few.abs().max()))
    unit = torch.finfo(x.dtype).eps
    slack = few[0].numel() * (LOG_DET_AGREEMENT + unit * report.condition_number)
    is_same = relative <= max(AGREEMENT, ROUNDINGS * unit)
    if not (is_same and (log_det_difference or 0.0) <= slack):
        raise MethodError(
            "the layer applies another map than was read from it: outputs differ by "
            f"{difference}, log-determinants by {log_det_difference}"
        )


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


def restore(unconverted_model: nn.Module, converted_state: State) -> nn.Module:
    """Return a copy of an unconverted model with the couplings and tensors of a converted model.

    Parameters
    ----------
    unconverted_model : the model that was given to `exactflow.interop.convert`, with any weights.
    converted_state : ``state_dict()`` of the converted model.

    Raises
    ------
    InvalidInputError
        A state without couplings, or the state of another model.

    Examples
    --------
    >>> from exactflow.interop import convert
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    >>> converted, _ = convert(model)
    >>> again = restore(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), converted.state_dict())
    >>> x = torch.randn(3, 4)
    >>> torch.equal(again(x), converted(x))
    True
    """
    require_module(unconverted_model)
    names = map(str, converted_state) if isinstance(converted_state, Mapping) else ()
    heads = [name.removesuffix(MARK) for name in names if f".{name}".endswith(f".{MARK}")]
    if not heads:
        raise InvalidInputError(
            "expected the state of a converted model, got a state without couplings: pass "
            "state_dict() of the model that convert returns"
        )
    new = copy_model(unconverted_model)
    try:
        for head in heads:
            path = head.removesuffix(".")
            own = select_substate_without_prefix(converted_state, f"{head}couplings.")
            kinds: tuple[type[BijectionModule], ...] = IdentityModule, AffineModule, FlowModule
            couplings = kinds[min(len(own["_extra_state"]), 2)].from_state(own)
            layer = new.get_submodule(path)
            library = find_library_or_torch(layer)
            _check_size_and_take_dtype_and_device(couplings, layer)
            couplings.requires_grad_(True in library.requires_grad_of_replaced_parameters(layer))
            new = install_bijection_in_place(new, path, couplings)
        new.load_state_dict(converted_state)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InvalidInputError(
            "the state does not fit the conversion of this model "
            f"({root_cause_type_and_message(error)}): pass state_dict() of the converted model"
        ) from None
    return new


def _check_size_and_take_dtype_and_device(couplings: BijectionModule, layer: nn.Module) -> None:
    """Convert couplings to the dtype and the device of the layer that they will replace.

    Raises `ValueError` if the layer is of a type that `convert` does not replace, or has another
    number of coordinates than the couplings.
    """
    if type(layer) not in find_library_or_torch(layer).readers:
        raise ValueError(f"convert replaces no {type(layer).__name__}")
    floats = [t for t in list_state_dict_tensors_with_repeats(layer) if t.is_floating_point()]
    dimension = couplings.dimension
    # the weights of the layer, which are not used, may be NaN or missing
    if dimension and all(not t.is_meta and bool(t.isfinite().all()) for t in floats):
        dimension = read_map_of_weights(layer).dimension
    if dimension != couplings.dimension:
        raise ValueError(f"the layer has {dimension} coordinates, the state {couplings.dimension}")
    if floats and not floats[0].is_meta:
        couplings.to(floats[0].device, floats[0].dtype)
