"""Decide three layers with positive scales: each equation relates two positive numbers.

Main results
------------
With at least two layers, M is a product of layers with positive scales iff M P^-1 is one of
additive layers in the same pattern, for some positive diagonal P = diag(H^-1, G). Let
M = [[A, B], [C, D]] and M^-1 = [[a, b], [c, d]].

*Theorem.* Additive layers U L U have the product M iff c = -C, A k = k wherever C k = 0, and
l D = l wherever l C = 0. With positive scales they do iff for some positive diagonal H and G

    C H + G c = 0,    H A k = k wherever C k = 0,    l D = l G wherever l C = 0.

The proof is in the script affine_depth.

So C and -c must be positively diagonally equivalent, and if C is invertible this suffices. Each
equation p x = q y relates two of the positive numbers H_j, G_i, 1. The numbers are the vertices and
the equations the edges of a graph. There is a solution iff p and q have the same sign on each edge
and the products of ratios around all cycles are 1.

How it is checked
-----------------
*Exact*, over an ordered field. The witness against a pattern is an edge or a cycle, as multipliers
that make the equations absurd; the layers are verified.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import sign
from exactflow.linear.depth.pattern import PatternInstance, Reason

Diagonals = tuple[list, list]


class _Proportion(NamedTuple):
    """The equation p x_i = q x_j between two of the numbers: entries of H and G, and 1.

    The matrix column * row is the multiplier that gives this equation.
    """

    i: int
    p: Element
    j: int
    q: Element
    column: DomainMatrix
    row: DomainMatrix

    def reversed(self) -> "_Proportion":
        """Return the same equation with i and j exchanged."""
        return self._replace(i=self.j, p=-self.q, j=self.i, q=-self.p)

    def multiplier(self) -> DomainMatrix:
        """Return the multipliers of the three matrix equations that give this equation.

        They are the diagonal blocks of the result.
        """
        return self.column * self.row


def decide_diagonals_of_three_layers(instance: PatternInstance) -> Diagonals | Reason | None:
    """Return the positive diagonals H^-1 and G of a product U L U with positive scales.

    Return a reason if none exist, or None if a sign is not known.
    """
    (q, p), field = instance.blocks_for_pattern.C.shape, instance.matrix.domain
    edges: dict[int, list[_Proportion]] = {i: [] for i in range(p + q + 1)}
    for edge in _yield_proportions(instance):
        if not (edge.p or edge.q):
            continue
        signs = {sign(edge.p, field), sign(edge.q, field)}
        if None in signs:
            return None
        if len(signs) > 1:
            return _reason_from_multiplier(edge.multiplier(), p, q)
        edges[edge.i].append(edge)
        edges[edge.j].append(edge.reversed())
    values = _solve_proportions_or_refute(edges, linalg.zeros(p + p + q, q + p + q, field))
    if isinstance(values, DomainMatrix):
        return _reason_from_multiplier(values, p, q)
    return [field.one / values[i] for i in range(p)], [values[i] for i in range(p, p + q)]


def _yield_proportions(instance: PatternInstance) -> Iterator[_Proportion]:
    """Yield the equations; each relates two of the numbers: entries of H and G, and 1."""
    A, _, C, D = instance.blocks_for_pattern
    (q, p), c, field = C.shape, instance.inverse_blocks_for_pattern.C, A.domain
    of_A, of_D = ([linalg.unit_vector(n, i, field) for i in range(n)] for n in (p, q))

    def stack_with_zeros(*vectors: DomainMatrix | int) -> DomainMatrix:
        """Stack columns; an integer stands for a block of that many zeros."""
        parts = (linalg.zeros(x, 1, field) if isinstance(x, int) else x for x in vectors)
        return linalg.zeros(0, 1, field).vstack(*parts)

    for i, j in product(range(q), range(p)):
        column, row = stack_with_zeros(of_A[j], p, q), stack_with_zeros(of_D[i], p, q).transpose()
        yield _Proportion(j, C[i, j].element, p + i, -c[i, j].element, column, row)
    k, lk = linalg.kernel(C), linalg.left_kernel(C)
    Ak, lD = A * k, lk * D
    for m, (i, unit) in product(range(k.shape[1]), enumerate(of_A)):
        column, row = stack_with_zeros(p, k[:, m], q), stack_with_zeros(q, unit, q).transpose()
        yield _Proportion(i, Ak[i, m].element, p + q, k[i, m].element, column, row)
    for m, (i, unit) in product(range(lk.shape[0]), enumerate(of_D)):
        column, row = (
            stack_with_zeros(p, p, unit),
            stack_with_zeros(q, p, lk[m, :].transpose()).transpose(),
        )
        yield _Proportion(p + i, lk[m, i].element, p + q, lD[m, i].element, column, row)


def _solve_proportions_or_refute(
    edges: dict[int, list[_Proportion]], zero_multiplier: DomainMatrix
) -> dict[int, Element] | DomainMatrix:
    """Return numbers that fulfil all equations, or a multiplier that refutes them.

    The multiplier gives s x = 0, where x is one of the positive numbers and s != 0. The last number
    is 1, and so is the root of each other component of the graph. The multiplier proof[i] gives
    x_i = value[i] x_root.
    """
    one = zero_multiplier.domain.one
    value: dict[int, Element] = {}
    proof: dict[int, DomainMatrix] = {}
    for root in reversed(edges):
        if root in value:
            continue
        value[root], proof[root], reached = one, zero_multiplier, [root]
        for i in reached:  # the loop appends to the list it runs over
            for edge in edges[i]:
                j, p, q = edge.j, edge.p, edge.q
                if j not in value:
                    value[j] = value[i] * p / q
                    proof[j] = (proof[i] * p - edge.multiplier()) * (one / q)
                    reached.append(j)
                elif value[j] * q != value[i] * p:
                    return edge.multiplier() - proof[i] * p + proof[j] * q
    return value


def _reason_from_multiplier(multiplier: DomainMatrix, p: int, q: int) -> Reason:
    """Return the reason whose witness is the three diagonal blocks of a multiplier."""
    of_C, of_A, of_D = multiplier[:p, :q], multiplier[p:-q, q:-q], multiplier[-q:, -q:]
    return Reason("linear", (of_C, of_A, of_D))
