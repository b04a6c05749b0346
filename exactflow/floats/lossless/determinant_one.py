"""Shears near a matrix divided by its step |det|^(1/d): layers without scales.

Main results
------------
A signed permutation is a product of six shears of integers (`factor`), without any rounding.

A product of layers with scales is a diagonal matrix times shears: if R_k is the product of the
scales up to layer k, then S_k R_(k-1) = R_k S'_k, where the shear S'_k has the shift
R_k,moved^-1 T R_k-1,kept. If `balance` finds six layers, the diagonal matrix is the step times I.
If it returns eleven layers (for condition numbers above about 10^11), the scales contain the
singular values. Then W = U Sigma V^T is a product of shears of U, Sigma and V^T: Theorem 10 gives
the shears of the rotations, and `yield_shears_of_exp_diagonal` gives the shears of Sigma. So a
matrix of any condition number has shears in closed form.

*Diagonal matrices of determinant 1.* diag(e, 1/e) = U(a) L(b) U(c) L(d) with bc = 1/e - 1,
a = -ce, d = -be. So four shears move logarithms from one half to the other along any pairing of
coordinates. One pairing makes the logarithms of the smaller half zero. Two further pairings,
shifted by one place, carry the logarithms of the larger half from place to place; at the last place
their sum arrives, which is 0.

How it is checked
-----------------
*Numeric*: no certificate relies on this module; `exactflow.floats.lossless.integer_rounding`
certifies the distance of the layers from the matrix.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import cached_property

import numpy as np

from exactflow.errors import MethodError
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing import BalanceMethod
from exactflow.floats.balancing.closed_form import has_closed_form
from exactflow.floats.balancing.determinant import (
    absolute_determinant_root_to_53_bits,
    determinant_sign,
)
from exactflow.floats.balancing.methods import find_balanced_on_one_thread
from exactflow.floats.balancing.target import Target
from exactflow.floats.balancing.tuning import EPS
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.partition import moved_and_kept
from exactflow.linear.factor import factor

UNIFORM = 1e-6
"""Scales count as equal if their relative distances from their mean are at most this."""

NEAR_ONE = Fraction(1, 2**48)
"""The step is set to 1 if its distance from 1 is smaller."""

ZERO_ENTRY = 2.0**-48
"""In the estimate of rounding errors, smaller entries of a shift count as zero."""


def find_shears_and_scalar_factor(
    target: Target, method: BalanceMethod, seed: int
) -> tuple[list[FloatCoupling], Fraction]:
    """Return shears and a scalar factor. The factor times the product of the shears is near the
    target.

    Raises `MethodError` if no shears are found, which may happen if the sizes of the halves differ
    by more than one or the matrix is numerically singular.
    """
    M = target.mantissa
    used = M != 0
    has_one_entry_per_line = (used.sum(axis=0) == 1).all() and (used.sum(axis=1) == 1).all()
    if has_one_entry_per_line and not np.ptp(np.abs(M[used])):
        # the target is a multiple of a signed permutation
        flow = factor(np.sign(M).astype(int), partition=target.halves)
        layers = [FloatCoupling.from_rational(layer).with_dense_shift() for layer in flow]
        layers = layers or [FloatCoupling("second", np.zeros(target.halves[::-1]))]
        size = Fraction(float(np.abs(M).max())) * Fraction(2) ** target.mantissa_exponent
        return layers, target.rational_determinant_root_if_cheap or size
    if target.estimated_condition_number >= EPS**-2:
        raise MethodError(
            "the matrix is numerically singular in float64 (its entries or singular values span a "
            "factor above 10^31): use exactflow.factor, which is exact"
        )
    target = _ScaledTarget(target.entries, target.layout)
    found = find_balanced_on_one_thread(target, None, method, seed).layers
    is_rotation = target.normalized_rotation_or_none is not None
    if method == "auto" and is_rotation and has_closed_form(target.halves):
        # the found layers are those in closed form; a search may find some that round better
        with suppress(MethodError):
            searched = find_balanced_on_one_thread(target, None, "search", seed).layers
            found = min(found, searched, key=_estimate_integer_rounding_error)
    layers, diagonal = move_scales_last(found)
    mean = float(np.exp(np.log(diagonal).mean()))
    if np.abs(diagonal / mean - 1).max() > UNIFORM:
        layers = _unit_determinant_shears_from_svd(target.with_unit_determinant)
    step = target.rounded_determinant_root
    return layers, Fraction(1) if abs(step - 1) < NEAR_ONE else step


class _ScaledTarget(Target):
    """A target whose `mantissa_determinant_root` is correctly rounded.

    So the `mantissa` divided by this root has determinant one up to rounding, like every product of
    shears.
    """

    @cached_property
    def rounded_determinant_root(self) -> Fraction:
        """The d-th root of the determinant; the number with 53 bits nearest to the root if the root
        is irrational or costly to find.
        """
        return self.rational_determinant_root_if_cheap or absolute_determinant_root_to_53_bits(
            self.entries
        )

    @cached_property
    def mantissa_determinant_root(self) -> float:
        """The d-th root of the determinant of `mantissa`, rounded to the nearest float."""
        return float(self.rounded_determinant_root / Fraction(2) ** self.mantissa_exponent)


def _estimate_integer_rounding_error(layers: Sequence[FloatCoupling]) -> float:
    """Estimate the largest error of an output coordinate of the layers. Each layer adds a vector to
    the moved half; the error comes from rounding these vectors to integers.
    """
    p, q = layers[0].partition
    total, after = np.zeros(p + q), np.eye(p + q)
    for layer in reversed(layers):
        moved, _ = moved_and_kept(layer.moves, (slice(p), slice(p, None)))
        used = (np.abs(layer.shift) > ZERO_ENTRY).any(axis=1)
        total += np.abs(after[:, moved][:, used]).sum(axis=1) / 2
        after = after @ layer.forward(np.eye(p + q))
    return float(total.max())


def move_scales_last(layers: Iterable[FloatCoupling]) -> tuple[list[FloatCoupling], np.ndarray]:
    """Return shears, and an array of scales, one for each coordinate. The shears, followed by the
    diagonal matrix of the scales, compose to the same matrix as the given layers.
    """
    layers = list(layers)
    p, q = layers[0].partition
    scales = [np.ones(p), np.ones(q)]
    bare = []
    for layer in layers:
        i = HALVES.index(layer.moves)
        scales[i] = scales[i] * layer.scales
        shift = layer.shift * scales[1 - i] / scales[i][:, None]
        bare.append(FloatCoupling(layer.moves, shift))
    return bare, np.concatenate(scales)


def _unit_determinant_shears_from_svd(target: Target) -> list[FloatCoupling]:
    """Return shears whose product is near the target, from the singular value decomposition of the
    target. The determinant of the target must be about one.
    """
    halves = target.halves
    U, s, Vt = np.linalg.svd(target.entries)
    order = np.argsort(s)  # so that the smaller half has the small singular values
    order = np.roll(order, halves[0]) if halves[0] > halves[1] else order
    U, s, Vt = U[:, order], s[order], Vt[order]
    for Q in (U.T, Vt):
        Q[0] *= determinant_sign(Q)
    logs = np.log(np.maximum(s, np.finfo(float).eps ** 2 * s.max()))
    rotations = [
        find_balanced_on_one_thread(Target.from_floats(halves, Q), None, "closed", 0).layers
        for Q in (Vt, U)
    ]
    # the product of the singular values becomes 1: the smallest, the least accurate one, is changed
    logs[np.argmin(s)] -= logs.sum()
    middle = yield_shears_of_exp_diagonal(logs, halves)
    return [*move_scales_last(rotations[0])[0], *middle, *move_scales_last(rotations[1])[0]]


def yield_shears_of_exp_diagonal(
    logs: np.ndarray, halves: tuple[int, int]
) -> Iterator[FloatCoupling]:
    """Yield shears whose product is diag(exp(logs)). The sum of `logs` must be 0, and the sizes of
    the halves must differ by at most one.
    """
    p, _ = halves
    small, large = (0, 1) if halves[0] <= halves[1] else (1, 0)
    parts = [logs[:p], logs[p:]]
    few, many = parts[small], parts[large].copy()
    n = len(few)
    pairs = np.argsort(few), np.argsort(-many)[:n]
    yield from _yield_shears_scaling_pairs_inversely(few[pairs[0]], pairs, small, halves)
    many[pairs[1]] += few[pairs[0]]
    # the sum of `many` is 0 now; in this order no partial sum exceeds the largest absolute value
    rising, order, total = list(np.argsort(many)), [], 0.0
    while rising:
        order.append(rising.pop(0 if total > 0 else -1))
        total += many[order[-1]]
    chain = np.array(order)
    carried = -np.cumsum(many[chain])[: min(n, len(chain) - 1)]
    places = np.arange(len(carried))
    for moved_logs, ends in ((carried, chain[:-1]), (-carried, chain[1:])):
        pairs = places, ends[places]
        yield from _yield_shears_scaling_pairs_inversely(moved_logs, pairs, small, halves)


def _yield_shears_scaling_pairs_inversely(
    logs: np.ndarray,
    multiplied_and_divided: tuple[np.ndarray, np.ndarray],
    multiplied_half: int,
    halves: tuple[int, int],
) -> Iterator[FloatCoupling]:
    """Yield four shears whose product multiplies coordinates of one half by exp(logs), and divides
    as many coordinates of the other half by the same factors.

    `multiplied_and_divided` has the indices of the multiplied coordinates in their half, then the
    indices of the divided coordinates in the other half. `halves` has the sizes of the two halves.
    """
    e = np.exp(logs)
    c = np.sqrt(np.abs(1 / e - 1))
    b = np.sign(1 / e - 1) * c
    for half, values in (
        (1 - multiplied_half, -b * e),
        (multiplied_half, c),
        (1 - multiplied_half, b),
        (multiplied_half, -c * e),
    ):
        shift = np.zeros((halves[half], halves[1 - half]))
        row_and_column_order = 1 if half == multiplied_half else -1
        shift[multiplied_and_divided[::row_and_column_order]] = values
        yield FloatCoupling(HALVES[half], shift)
