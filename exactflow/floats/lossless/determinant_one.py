"""Shears for a matrix over its step: |det|^(1/d), so that no scale is left.

Main results
------------
A signed permutation is six shears of integers (`factor`), which lose nothing at all.

Layers with scales are a diagonal matrix after shears: if R_k holds the products of the scales so
far, S_k R_(k-1) = R_k S'_k with the shift R_k,moved^-1 T R_k-1,kept. Where `balance` finds six
layers all scales of a half multiply to one number, and what is left is the step. Where it falls
back on eleven (condition numbers from 10^11 on) the scales are those of the singular values, and
here W = U Sigma V^T is shears of U, of Sigma and of V^T, by Theorem 10 for the rotations and
`diagonal_shears` for Sigma: a matrix of any condition has them, in closed form.

*Diagonal matrices of determinant 1.* diag(e, 1/e) = U(a) L(b) U(c) L(d) with bc = 1/e - 1,
a = -ce, d = -be; so four shears move logarithms from one half to the other along any pairing of
coordinates. One pairing empties the first half. Along two more, which are shifted by one place,
what is left in the second half moves on from place to place, up to the last, where the sum is 0.

How it is checked
-----------------
*Numeric*: nothing here is relied on; `exactflow.floats.lossless.integer_rounding` certifies the
distance between the layers and the matrix.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property

import numpy as np

from exactflow.errors import MethodError
from exactflow.exact.typing import HALVES
from exactflow.floats.balancing import BalanceMethod
from exactflow.floats.balancing.determinant import determinant_sign, nearest_root
from exactflow.floats.balancing.methods import find_balanced
from exactflow.floats.balancing.target import Target
from exactflow.floats.balancing.tuning import EPS
from exactflow.flows.float_layers import FloatCoupling
from exactflow.linear.factor import factor

UNIFORM = 1e-6
NEAR_ONE = Fraction(1, 2**48)
NOTHING = 2.0**-48


def find_shears(
    target: Target, method: BalanceMethod, seed: int
) -> tuple[list[FloatCoupling], Fraction]:
    """Return layers without scales, and a step; the target is near the step times their matrix.

    Raises `MethodError` where no layers are found. That happens where the halves differ by more
    than one, or where the least singular value is nothing beside the largest.
    """
    if (signed := _signed_permutation(target.unit)) is not None:
        flow = factor(signed, partition=target.halves)
        layers = [FloatCoupling.of(layer).dense() for layer in flow]
        layers = layers or [FloatCoupling("second", np.zeros(target.halves[::-1]))]
        size = Fraction(float(np.abs(target.unit).max())) * Fraction(2) ** target.exponent
        return layers, target.root or size
    if target.condition >= EPS**-2:
        raise MethodError(
            "expected a matrix that is invertible in float64, got one that is only exactly: its "
            "entries or singular values differ by more than 10^31; factor makes exact layers of it"
        )
    target = _ScaledTarget(target.entries, target.layout)
    layers, left = move_scales_last(_balanced(target, method, seed))
    mean = float(np.exp(np.log(left).mean()))
    if np.abs(left / mean - 1).max() > UNIFORM:
        layers = _by_singular_values(target.over_root)
    return layers, Fraction(1) if abs(target.step - 1) < NEAR_ONE else target.step


class _ScaledTarget(Target):
    """A target whose scale is the float nearest to the root of its determinant, so that shears,
    whose determinant is one, miss no more than rounding.
    """

    @cached_property
    def step(self) -> Fraction:
        """The root |det|^(1/d) where it is rational, and not costly to find, or the number of 53
        bits nearest to it.
        """
        return self.root or nearest_root(self.entries)

    @cached_property
    def scale(self) -> float:
        """The root of the determinant of `unit`, rounded."""
        return float(self.step / Fraction(2) ** self.exponent)


def _balanced(target: Target, method: BalanceMethod, seed: int) -> Sequence[FloatCoupling]:
    """Return layers of the target, as `balance` finds them.

    A rotation has layers in closed form, which cost nothing. With "auto" a search is tried as well,
    and the layers whose rounding errs less are taken.
    """
    found = find_balanced(target, None, method, seed).layers
    p, q = target.halves
    if method != "auto" or target.rotation is None or abs(p - q) > 1:
        return found
    try:
        other = find_balanced(target, None, "search", seed).layers
    except MethodError:
        return found
    return min(found, other, key=_largest_rounding)


def _largest_rounding(layers: Sequence[FloatCoupling]) -> float:
    """Largest error of a coordinate by rounding, estimated in floats; `bound` is rigorous."""
    p, q = layers[0].partition
    total, after = np.zeros(p + q), np.eye(p + q)
    for layer in reversed(layers):
        moved = slice(p) if layer.moves == "first" else slice(p, None)
        used = (np.abs(layer.shift) > NOTHING).any(axis=1)
        total += np.abs(after[:, moved][:, used]).sum(axis=1) / 2
        after = after @ layer.forward(np.eye(p + q))
    return float(total.max())


def _signed_permutation(M: np.ndarray) -> np.ndarray | None:
    """Return the matrix that M is a multiple of, where that is a signed permutation."""
    used = M != 0
    sizes = np.abs(M[used])
    if (used.sum(axis=0) != 1).any() or (used.sum(axis=1) != 1).any() or np.ptp(sizes):
        return None
    return np.sign(M).astype(int)


def move_scales_last(layers: Iterable[FloatCoupling]) -> tuple[list[FloatCoupling], np.ndarray]:
    """Return shears, and the diagonal that stands after them."""
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


def _by_singular_values(target: Target) -> list[FloatCoupling]:
    """Return shears whose product is near a target of determinant one, nearly."""
    halves = target.halves
    U, s, Vt = np.linalg.svd(target.entries)
    order = np.argsort(s)  # the small ones in the half that is not the larger
    order = np.roll(order, halves[0]) if halves[0] > halves[1] else order
    U, s, Vt = U[:, order], s[order], Vt[order]
    for Q in (U.T, Vt):
        Q[0] *= determinant_sign(Q)
    logs = np.log(np.maximum(s, np.finfo(float).eps ** 2 * s.max()))
    rotations = [find_balanced(Target.on(halves, Q), None, "closed", 0).layers for Q in (Vt, U)]
    logs[np.argmin(s)] -= logs.sum()  # the least one has the largest error, and matters least
    middle = diagonal_shears(logs, halves)
    return [*move_scales_last(rotations[0])[0], *middle, *move_scales_last(rotations[1])[0]]


def diagonal_shears(logs: np.ndarray, halves: tuple[int, int]) -> Iterator[FloatCoupling]:
    """Yield shears with product diag(exp(logs)), logs of sum 0, halves at most one apart."""
    p, _ = halves
    small, large = (0, 1) if halves[0] <= halves[1] else (1, 0)
    parts = [logs[:p], logs[p:]]
    few, many = parts[small], parts[large].copy()
    n = len(few)
    pairs = np.argsort(few), np.argsort(-many)[:n]
    yield from _transferred(few[pairs[0]], pairs, small, halves)
    many[pairs[1]] += few[pairs[0]]
    chain = _chain(many)
    carried = -np.cumsum(many[chain])[: min(n, len(chain) - 1)]
    places = np.arange(len(carried))
    yield from _transferred(carried, (places, chain[:-1][places]), small, halves)
    yield from _transferred(-carried, (places, chain[1:][places]), small, halves)


def _transferred(
    logs: np.ndarray, pairs: tuple[np.ndarray, np.ndarray], small: int, halves: tuple[int, int]
) -> Iterator[FloatCoupling]:
    """Yield four shears that multiply places of half `small` by exp(logs) and divide those of the
    other half.
    """
    e = np.exp(logs)
    c = np.sqrt(np.abs(1 / e - 1))
    b = np.sign(1 / e - 1) * c
    for half, values in ((1 - small, -b * e), (small, c), (1 - small, b), (small, -c * e)):
        shift = np.zeros((halves[half], halves[1 - half]))
        shift[pairs if half == small else pairs[::-1]] = values
        yield FloatCoupling(HALVES[half], shift)


def _chain(values: np.ndarray) -> np.ndarray:
    """Return an order of values with sum 0 whose partial sums stay as small as the values."""
    rising = list(np.argsort(values))
    chain, total = [], 0.0
    while rising:
        chain.append(rising.pop(0 if total > 0 else -1))
        total += values[chain[-1]]
    return np.array(chain)
