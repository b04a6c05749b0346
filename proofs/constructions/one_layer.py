"""What one layer cannot do: certified from below.

Main results
------------
*One layer.* A coupling keeps one half of the coordinates, whatever its conditioner: that half stays
N(0, I). So W2(f#N(0, I), P)^2 is at least the sum, over the coordinates of a half, of W2(P_i, N(0,
1))^2, and of the two halves the better one counts. On the line the monotone coupling is optimal: of
atoms x_1 <= .. <= x_N with weights w_j, at labels l_j = Phi^-1(w_1 + .. + w_j),

    W2(atoms, N(0, 1))^2 = 1 + sum w_j x_j^2 - 2 sum x_j (phi(l_(j-1)) - phi(l_j)),

and W2(P_i, N(0, 1)) is less by at most W2(P_i, atoms).

No better bound holds: the infimum over all couplings that keep a half is W2(that half of P, N(0,
I)), so that one coupling does if and only if a half of P is N(0, I) already. For let (z1, x1) be
optimally coupled and x2 have its law given x1. The law of (z1, x2) is a limit, in W2, of laws of
(z1, t(z1)), with t running through the law of x2 on every small cell of z1, and its distance from P
is that of z1 from x1.

How it is checked
-----------------
*Certified*: every number in ball arithmetic, rounded down.
"""

from itertools import pairwise

import sympy
from flint import arb, ctx
from sympy import QQ

from exactflow.exact.balls import ball, lower, normal_density, normal_quantile, upper
from exactflow.exact.typing import Element, MatrixLike
from exactflow.laws.universal.measures import (
    TargetMeasure,
    as_measure_zero_padded_to_plane,
    resolve_halves,
)
from exactflow.laws.universal.quantization import TUNING, Quantization

__all__ = ["one_layer_bound"]


def one_layer_bound(
    target: "TargetMeasure | MatrixLike", *, partition: tuple[int, int] | None = None
) -> sympy.Rational:
    """Return a number that W2 between f#N(0, I) and the target is at least, for every single
    coupling f: whichever half it keeps, and whatever its scales and shifts are.

    It is zero where the coordinates of a half are nearly N(0, 1) each.

    Parameters
    ----------
    target : as in `approximate`.
    partition : (p, q), the sizes of the halves; equal, or the second one larger, where left out.

    Raises
    ------
    InvalidInputError
        A target that is no measure, a partition of another dimension.

    Examples
    --------
    >>> from exactflow.laws.universal import checkerboard
    >>> 0.2 < one_layer_bound(checkerboard()) < 0.3
    True
    """
    measure = as_measure_zero_padded_to_plane(target)
    p, q = resolve_halves(measure, partition)
    with ctx.workprec(TUNING.precision):
        squares = [_from_normal(measure, i) ** 2 for i in range(p + q)]
        kept = [sum(half, QQ.zero) for half in (squares[:p], squares[p:])]
        return QQ.to_sympy(lower(ball(min(kept)).sqrt()))


def _from_normal(measure: TargetMeasure, i: int) -> Element:
    """Return a lower bound of W2 between the law of coordinate i and N(0, 1).

    From one cell on the tolerance is halved until it makes little of the bound.
    """
    tolerance = QQ(2) ** TUNING.least_exponent
    while True:
        cells = measure.quantize_coordinate(i, tolerance, TUNING.precision)
        bound = _discrete_from_normal(cells) - cells.error
        if 32 * cells.error < bound or 32 * cells.error < 1:
            return max(lower(bound), QQ.zero)
        tolerance = min(tolerance, upper(cells.error)) / 2


def _discrete_from_normal(cells: Quantization) -> arb:
    """Return an enclosure of W2 between atoms on the line and N(0, 1)."""
    unit, below, labels = arb(2) ** -cells.bits, QQ.zero, []
    order = sorted(range(len(cells.weights)), key=lambda j: cells.centers[j, 0])
    weights = [cells.weights[j] for j in order]
    places = [arb(cells.centers[j, 0]) * unit for j in order]
    for weight in weights[:-1]:
        below += weight
        labels.append(normal_quantile(ball(below), ball(1 - below)))
    densities = [arb(0), *map(normal_density, labels), arb(0)]
    square = arb(1)
    for weight, x, (before, after) in zip(weights, places, pairwise(densities), strict=True):
        square += ball(weight) * x * x - 2 * x * (before - after)
    return arb(max(square.lower(), arb(0))).sqrt()
