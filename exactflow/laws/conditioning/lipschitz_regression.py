"""Certified bounds of the least L2 distance D(L) between increasing maps with slopes at most L and
the monotone transport of N(0, 1) to a law on the line.

Main results
------------
Let S be the increasing map of N(0, 1) to atoms s_0 < .. < s_m, with jumps at q_1 < .. < q_m, and
L > 0. Let D(L) = min |T - S| in L^2(N(0, 1)), over all increasing T with slopes at most L. This is
the distance of V(z) = L z - S(z) from the increasing functions U = L z - T: an *isotonic
regression*. (The T of the best U increases by itself.) With q_0 = -oo, q_(m+1) = oo and

    cost_j(c) = int_(q_(j-1))^(q_j) (V - c)_+^2 phi + int_(q_j)^(q_(j+1)) (c - V)_+^2 phi,

a convex function of c,

    D(L)^2 = min { cost_1(c_1) + .. + cost_m(c_m) : c_1 <= .. <= c_m }:

T climbs from s_(j-1) to s_j along the line L z - c_j, and climbs that meet have equal c. The costs
of neighbours i .. k with one c add up to int_x^y (V - c)^2 phi. Here V(x) = c before q_i, or x =
q_(i-1); and V(y) = c after q_k, or y = q_(k+1).

- *Upper bound*: the sum of the costs at any increasing numbers c_j.
- *Lower bound*: let the c_j be constant on blocks of neighbours. In a block, R_j is the sum of the
  derivatives of the costs of its members from j on. Then

      D(L)^2 >= sum cost_j(c_j) - (B - A) sum over blocks (|R_first| + sum of (-R_j)_+ over others),

  where A is the least of all L q_j - s_j and B the largest of all L q_j - s_(j-1). At the optimum
  every R_first is zero, and no R_j is negative.

The proof is in the script forced_conditioning.

How it is checked
-----------------
*Certified*: quantiles, costs and derivatives are enclosed in ball arithmetic. The c_j are found by
pooling neighbours that violate the order (Ayer, Brunk, Ewing, Reid and Silverman 1955) and Newton's
method. Their errors widen the gap between the two bounds, but never make a bound wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flint import arb, ctx

from exactflow.exact.balls import normal_cdf, normal_density, normal_quantile


class Point(NamedTuple):
    """A point z, and the integrals of phi times 1, x, x^2, S, S^2 and x S up to z."""

    z: arb
    mass: arb
    first: arb
    second: arb
    step: arb
    square: arb
    cross: arb


class Block(NamedTuple):
    """Neighbouring jumps, from first to last, with the same c."""

    first: int
    last: int
    c: arb


@dataclass(frozen=True)
class StepMap:
    """The increasing map S of N(0, 1) to atoms, with its `values` and, at its jumps, `cuts`."""

    values: list[arb]
    cuts: list[Point]

    @staticmethod
    def of(values: Sequence[arb], weights: Sequence[int]) -> "StepMap":
        """Return the map to ascending atoms whose weights are in the ratio of integers."""
        steps = StepMap(list(values), [])
        below, total = 0, sum(weights)
        for piece, weight in enumerate(weights[:-1]):
            below += weight
            mass = arb(below) / total
            z = normal_quantile(mass, arb(total - below) / total)
            steps.cuts.append(steps._point(piece, z, mass))
        return steps

    def clamp(self, z: arb, piece: int) -> Point:
        """Return the point of a piece, an interval between jumps, that is nearest to z."""
        if piece > 0:
            low = self.cuts[piece - 1]
            if z <= low.z:
                return low
            z = z if z > low.z else z.max(low.z)
        if piece < len(self.cuts):
            high = self.cuts[piece]
            if z >= high.z:
                return high
            z = z if z < high.z else z.min(high.z)
        return self._point(piece, z, normal_cdf(z))

    def _point(self, piece: int, z: arb, mass: arb) -> Point:
        start = self.cuts[piece - 1] if piece else Point(*[arb(0)] * 7)
        s, density = self.values[piece], normal_density(z)
        more, first = s * (mass - start.mass), -density - start.first
        return Point(
            z,
            mass,
            -density,
            mass - z * density,
            start.step + more,
            start.square + s * more,
            start.cross + s * first,
        )


@dataclass(frozen=True)
class LipschitzRegression:
    """The regression problem for a map S and a slope L > 0."""

    steps: StepMap
    slope: arb

    def bound_squared_distance(self, is_trial: bool = False) -> tuple[arb, arb]:
        """Return enclosures of a lower and of an upper bound of D(L)^2.

        In a trial the lower bound is zero, which takes no time.
        """
        above, lost = arb(0), arb(0)
        for block in self.fit_blocks():
            above += self.cost(block)
            for j in () if is_trial else range(block.first, block.last + 1):
                rest = self._half_derivatives(j, block.last, block.c)[0]
                lost += abs(rest).upper() if j == block.first else arb(0).max(-rest).upper()
        if is_trial:
            return arb(0), above
        ends = [self._bracket_minimum(j) for j in range(len(self.steps.cuts))]
        width = max(b.upper() for _, b in ends) - min(a.lower() for a, _ in ends) if ends else 0
        return above - 2 * width * lost, above

    def fit_blocks(self) -> list[Block]:
        """Return the blocks of jumps with equal c_j, for nearly optimal c_j."""
        jumps = range(len(self.steps.cuts))
        found = [Block(j, j, self._minimize_cost(j, j, *self._bracket_minimum(j))) for j in jumps]
        while True:
            runs: list[list[Block]] = []
            for block in found:
                if runs and block.c < runs[-1][-1].c:
                    runs[-1].append(block)
                else:
                    runs.append([block])
            if len(runs) == len(found):
                return found
            found = [run[0] if len(run) == 1 else self._pool_blocks(run) for run in runs]

    def cost(self, block: Block) -> arb:
        """Return the sum of the costs in a block, in closed form."""
        L, c = self.slope, block.c
        x, y = self._block_ends(*block)

        def integrate_to(p: Point) -> arb:
            middle = L * p.first - p.step
            return L * L * p.second - 2 * L * p.cross + p.square - 2 * c * middle + c * c * p.mass

        return integrate_to(y) - integrate_to(x)

    def _half_derivatives(self, first: int, last: int, c: arb) -> tuple[arb, arb]:
        """Return half the first and half the second derivative by c of the costs of the jumps."""
        x, y = self._block_ends(first, last, c)
        mass = y.mass - x.mass
        return c * mass + y.step - x.step - self.slope * (y.first - x.first), mass

    def _block_ends(self, first: int, last: int, c: arb) -> tuple[Point, Point]:
        """Return the ends x and y of the interval on which a block has costs."""
        a, b = self.steps.values[first] + c, self.steps.values[last + 1] + c
        return self.steps.clamp(a / self.slope, first), self.steps.clamp(b / self.slope, last + 1)

    def _bracket_minimum(self, j: int) -> tuple[arb, arb]:
        """Return two bounds of the c at which cost_j is least."""
        height = self.slope * self.steps.cuts[j].z
        return height - self.steps.values[j + 1], height - self.steps.values[j]

    def _pool_blocks(self, run: Sequence[Block]) -> Block:
        """Return one block for neighbouring blocks whose c decrease."""
        first, last = run[0].first, run[-1].last
        return Block(first, last, self._minimize_cost(first, last, run[-1].c, run[0].c))

    def _minimize_cost(self, first: int, last: int, low: arb, high: arb) -> arb:
        """Return nearly the c between `low` and `high` at which the costs of jumps are least."""
        low, high = low.mid(), high.mid()
        width, c = high - low, ((low + high) / 2).mid()
        while True:
            slope, bend = self._half_derivatives(first, last, c)
            if slope.contains(0):
                return c
            low, high = (low, c) if slope.mid() > 0 else (c, high)
            step = (c - slope.mid() / bend.mid()).mid() if bend.mid() > 0 else low
            if step == c:
                return c
            is_inside = low < step < high  # Newton: the next step is about the square of this one
            moved = step if is_inside else ((low + high) / 2).mid()
            if abs(moved - c) <= width * arb(2) ** (-ctx.prec // (4 if is_inside else 2)):
                return moved
            c = moved
