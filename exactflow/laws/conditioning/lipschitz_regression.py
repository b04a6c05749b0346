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
of neighbouring jumps i .. k with the same c add up to int_x^y (V - c)^2 phi. Here x is the point
before q_i with V(x) = c, or q_(i-1) if there is none; y is the point after q_k with V(y) = c, or
q_(k+1) if there is none.

- *Upper bound*: the sum of the costs at any increasing numbers c_j.
- *Lower bound*: let the c_j be constant on blocks of neighbouring jumps. In a block, let R_j be the
  sum of the derivatives of the costs of its jumps from j to the last. Then

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


class PointWithIntegrals(NamedTuple):
    """A point z, and the integrals from -oo to z of phi times 1, x, x^2, S(x), S(x)^2 and x S(x),
    for the density phi of N(0, 1) and a map S to atoms.
    """

    z: arb
    mass: arb
    first: arb
    second: arb
    step: arb
    square: arb
    cross: arb


class Block(NamedTuple):
    """Neighbouring jumps of a map to atoms, from number `first` to number `last`. The regression
    has the same value `c` at all of them.
    """

    first: int
    last: int
    c: arb


@dataclass(frozen=True)
class NormalToAtomsMap:
    """The increasing map S of N(0, 1) to atoms: `values` are the atoms, and `cuts` are the points
    where S jumps, with their integrals.
    """

    values: list[arb]
    cuts: list[PointWithIntegrals]

    @staticmethod
    def from_ascending_atoms(atoms: Sequence[arb], weights: Sequence[int]) -> "NormalToAtomsMap":
        """Return the map to `atoms`, which ascend and have masses proportional to `weights`."""
        steps = NormalToAtomsMap(list(atoms), [])
        below, total = 0, sum(weights)
        for piece, weight in enumerate(weights[:-1]):
            below += weight
            mass = arb(below) / total
            z = normal_quantile(mass, arb(total - below) / total)
            steps.cuts.append(steps._point_with_integrals(piece, z, mass))
        return steps

    def clamp_to_piece(self, z: arb, piece_index: int) -> PointWithIntegrals:
        """Return the point nearest to z in the interval with the index `piece_index`. The jumps cut
        the line into these intervals.
        """
        if piece_index > 0:
            low = self.cuts[piece_index - 1]
            if z <= low.z:
                return low
            z = z if z > low.z else z.max(low.z)
        if piece_index < len(self.cuts):
            high = self.cuts[piece_index]
            if z >= high.z:
                return high
            z = z if z < high.z else z.min(high.z)
        return self._point_with_integrals(piece_index, z, normal_cdf(z))

    def _point_with_integrals(self, piece_index: int, z: arb, cdf_at_z: arb) -> PointWithIntegrals:
        """Return the point z, which lies in the interval with the index `piece_index`, with the
        integrals up to z. `cdf_at_z` is the mass of N(0, 1) below z.
        """
        start = self.cuts[piece_index - 1] if piece_index else PointWithIntegrals(*[arb(0)] * 7)
        s, density = self.values[piece_index], normal_density(z)
        more, first = s * (cdf_at_z - start.mass), -density - start.first
        return PointWithIntegrals(
            z,
            cdf_at_z,
            -density,
            cdf_at_z - z * density,
            start.step + more,
            start.square + s * more,
            start.cross + s * first,
        )


@dataclass(frozen=True)
class LipschitzRegression:
    """The regression problem of the module docstring: `steps` is the map S, `slope` is L > 0."""

    steps: NormalToAtomsMap
    slope: arb

    def upper_bound_squared_distance(self) -> arb:
        """Return an enclosure of an upper bound of D(L)^2, the squared distance of the map S from
        the increasing maps with slopes at most L = `slope`.
        """
        return sum(map(self.block_cost_at_its_value, self.approximate_best_blocks()), arb(0))

    def lower_bound_squared_distance(self) -> arb:
        """Return an enclosure of a lower bound of D(L)^2; an upper bound takes less time."""
        above, lost = arb(0), arb(0)
        for block in self.approximate_best_blocks():
            above += self.block_cost_at_its_value(block)
            for j in range(block.first, block.last + 1):
                rest = self._halved_cost_derivatives(j, block.last, block.c)[0]
                lost += abs(rest).upper() if j == block.first else arb(0).max(-rest).upper()
        ends = [self._bracket_best_offset_at_jump(j) for j in range(len(self.steps.cuts))]
        width = max(b.upper() for _, b in ends) - min(a.lower() for a, _ in ends) if ends else 0
        return above - 2 * width * lost

    def approximate_best_blocks(self) -> list[Block]:
        """Return nearly optimal values of the regression at the jumps, as blocks of neighbouring
        jumps with equal values.
        """
        brackets = map(self._bracket_best_offset_at_jump, range(len(self.steps.cuts)))
        found = [
            self._approximate_best_block(j, j, low, high) for j, (low, high) in enumerate(brackets)
        ]
        while True:
            runs: list[list[Block]] = []
            for block in found:
                if runs and block.c < runs[-1][-1].c:
                    runs[-1].append(block)
                else:
                    runs.append([block])
            if len(runs) == len(found):
                return found
            # the values in a run decrease: their best common value is between the ends
            found = [
                run[0]
                if len(run) == 1
                else self._approximate_best_block(run[0].first, run[-1].last, run[-1].c, run[0].c)
                for run in runs
            ]

    def block_cost_at_its_value(self, block: Block) -> arb:
        """Enclose the sum of cost_j(c) over the jumps j of a block, for the value c of the block.
        The module docstring defines cost_j.
        """
        L, c = self.slope, block.c
        x, y = self._ends_of_nonzero_cost(*block)

        def squared_residual_integral_up_to(p: PointWithIntegrals) -> arb:
            middle = L * p.first - p.step
            return L * L * p.second - 2 * L * p.cross + p.square - 2 * c * middle + c * c * p.mass

        return squared_residual_integral_up_to(y) - squared_residual_integral_up_to(x)

    def _halved_cost_derivatives(self, first_jump: int, last_jump: int, c: arb) -> tuple[arb, arb]:
        """Return half the first and half the second derivative, with respect to c, of the cost of
        the block (`first_jump`, `last_jump`, c). A jump is given by its index.
        """
        x, y = self._ends_of_nonzero_cost(first_jump, last_jump, c)
        mass = y.mass - x.mass
        return c * mass + y.step - x.step - self.slope * (y.first - x.first), mass

    def _ends_of_nonzero_cost(
        self, first_jump: int, last_jump: int, c: arb
    ) -> tuple[PointWithIntegrals, PointWithIntegrals]:
        """Return the points x and y of the module docstring, for the jumps from `first_jump` to
        `last_jump`. The integrand of the cost is zero outside of the interval from x to y.
        """
        first, last = first_jump, last_jump + 1
        a, b = self.steps.values[first] + c, self.steps.values[last] + c
        return (
            self.steps.clamp_to_piece(a / self.slope, first),
            self.steps.clamp_to_piece(b / self.slope, last),
        )

    def _bracket_best_offset_at_jump(self, jump: int) -> tuple[arb, arb]:
        """Return a lower and an upper bound of the value c with the least cost at one jump."""
        height = self.slope * self.steps.cuts[jump].z
        return height - self.steps.values[jump + 1], height - self.steps.values[jump]

    def _approximate_best_block(
        self, first_jump: int, last_jump: int, low: arb, high: arb
    ) -> Block:
        """Return the block (`first_jump`, `last_jump`, c) with about the value c between `low` and
        `high` for which its cost is least.
        """
        low, high = low.mid(), high.mid()
        width, c = high - low, ((low + high) / 2).mid()
        while True:
            slope, bend = self._halved_cost_derivatives(first_jump, last_jump, c)
            if slope.contains(0):
                return Block(first_jump, last_jump, c)
            low, high = (low, c) if slope.mid() > 0 else (c, high)
            newton = (c - slope.mid() / bend.mid()).mid() if bend.mid() > 0 else low
            if newton == c:
                return Block(first_jump, last_jump, c)
            is_inside = low < newton < high
            moved = newton if is_inside else ((low + high) / 2).mid()
            # the search ends, since the next Newton step would change c by about the square of
            # this change
            if abs(moved - c) <= width * arb(2) ** (-ctx.prec // (4 if is_inside else 2)):
                return Block(first_jump, last_jump, moved)
            c = moved
