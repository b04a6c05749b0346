"""Decide three layers with positive scales: each equation relates two positive numbers.

Main results
------------
M is a product of at least two layers with positive scales in a pattern iff M P^-1 is a product of
additive layers in the same pattern, for some positive diagonal P = diag(H^-1, G). Let
M = [[A, B], [C, D]] and M^-1 = [[a, b], [c, d]].

*Theorem.* M is a product of additive layers in the pattern U L U iff c = -C, A k = k for all
columns k with C k = 0, and l D = l for all rows l with l C = 0. M is a product of layers with
positive scales in this pattern iff for some positive diagonals H and G

    C H + G c = 0,    H A k = k for all k with C k = 0,    l D = l G for all l with l C = 0.

The proof is in the script affine_depth.

So C = G (-c) H^-1 for some positive diagonals G and H is necessary, and sufficient if C is
invertible. Each entry of these equations has the form p x = q y with known p and q, where x and y
are two of the positive numbers H_j, G_i and 1. The numbers are the vertices and the equations the
edges of a graph. There is a solution iff p and q have the same sign on each edge, and the product
of the ratios p / q around each cycle is 1.

How it is checked
-----------------
*Exact*, over an ordered field. The flow is verified. The witness against a pattern is a multiplier
that comes from an edge or a cycle, and refutes the equations.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.typing import Element
from exactflow.linear.depth.equations import sign
from exactflow.linear.depth.pattern import PatternInstance, Reason


class _EquationOfTwoScales(NamedTuple):
    """The equation p x_i = q x_j, where the numbers x are the diagonal entries of H and G, and 1.

    The matrix `column` * `row` is block diagonal. Its three blocks are the multipliers of the three
    matrix equations that give this equation.
    """

    i: int
    p: Element
    j: int
    q: Element
    column: DomainMatrix
    row: DomainMatrix


def decide_diagonals_of_three_layers(
    instance: PatternInstance,
) -> tuple[list, list] | Reason | None:
    """Decide whether the matrix is a product U L U with positive scales: return the diagonals H^-1
    and G of the module docstring, a reason why there are none, or None if a sign is not known.
    """
    (q, p), field = instance.blocks_for_pattern.C.shape, instance.matrix.domain
    edges: dict[int, list[_EquationOfTwoScales]] = {i: [] for i in range(p + q + 1)}
    for edge in _yield_equations_of_two_scales(instance):
        if not (edge.p or edge.q):
            continue
        signs = {sign(edge.p, field), sign(edge.q, field)}
        if None in signs:
            return None
        if len(signs) > 1:
            return _reason_from_multiplier(edge.column * edge.row, p, q)
        edges[edge.i].append(edge)
        # The same equation, seen from its other number, is -q x_j = -p x_i.
        edges[edge.j].append(edge._replace(i=edge.j, p=-edge.q, j=edge.i, q=-edge.p))
    nothing = linalg.zeros(p + p + q, q + p + q, field)
    values = _solve_equations_of_two_scales_or_refute(edges, nothing)
    if isinstance(values, DomainMatrix):
        return _reason_from_multiplier(values, p, q)
    return [field.one / values[i] for i in range(p)], [values[i] for i in range(p, p + q)]


def _yield_equations_of_two_scales(instance: PatternInstance) -> Iterator[_EquationOfTwoScales]:
    """Yield the equations that relate two of the diagonal entries of H and G, and 1."""
    A, _, C, D = instance.blocks_for_pattern
    (q, p), c, field = C.shape, instance.inverse_blocks_for_pattern.C, A.domain
    of_A, of_D = ([linalg.unit_vector(n, i, field) for i in range(n)] for n in (p, q))

    def stack_with_zeros(*vectors: DomainMatrix | int) -> DomainMatrix:
        """Stack columns; an integer stands for a block of that many zeros."""
        parts = (linalg.zeros(x, 1, field) if isinstance(x, int) else x for x in vectors)
        return linalg.zeros(0, 1, field).vstack(*parts)

    for i, j in product(range(q), range(p)):
        column, row = stack_with_zeros(of_A[j], p, q), stack_with_zeros(of_D[i], p, q).transpose()
        yield _EquationOfTwoScales(j, C[i, j].element, p + i, -c[i, j].element, column, row)
    k, lk = linalg.kernel(C), linalg.left_kernel(C)
    Ak, lD = A * k, lk * D
    for m, (i, unit) in product(range(k.shape[1]), enumerate(of_A)):
        column, row = stack_with_zeros(p, k[:, m], q), stack_with_zeros(q, unit, q).transpose()
        yield _EquationOfTwoScales(i, Ak[i, m].element, p + q, k[i, m].element, column, row)
    for m, (i, unit) in product(range(lk.shape[0]), enumerate(of_D)):
        column = stack_with_zeros(p, p, unit)
        row = stack_with_zeros(q, p, lk[m, :].transpose()).transpose()
        yield _EquationOfTwoScales(p + i, lk[m, i].element, p + q, lD[m, i].element, column, row)


def _solve_equations_of_two_scales_or_refute(
    edges: dict[int, list[_EquationOfTwoScales]], zero_multiplier: DomainMatrix
) -> dict[int, Element] | DomainMatrix:
    """Return numbers x_i that fulfil all equations, or a multiplier that refutes the equations.

    `edges` has the equations at each vertex i. The last number is 1, and so is the first number
    that is reached in each other component of the graph. A refuting multiplier gives s x_i = 0 for
    some i and a number s != 0. In the code, the multiplier proof[i] gives x_i = value[i] x_root.
    """
    one = zero_multiplier.domain.one
    value: dict[int, Element] = {}
    proof: dict[int, DomainMatrix] = {}
    for root in reversed(edges):
        if root in value:
            continue
        value[root], proof[root], reached = one, zero_multiplier, [root]
        # The loop appends to the list over which it runs.
        for i in reached:
            for _, p, j, q, column, row in edges[i]:
                multiplier = column * row
                if j not in value:
                    value[j] = value[i] * p / q
                    proof[j] = (proof[i] * p - multiplier) * (one / q)
                    reached.append(j)
                elif value[j] * q != value[i] * p:
                    return multiplier - proof[i] * p + proof[j] * q
    return value


def _reason_from_multiplier(multiplier: DomainMatrix, p: int, q: int) -> Reason:
    """Return the reason whose witness is the three diagonal blocks of a multiplier.

    p and q are the numbers of columns and rows of C.
    """
    of_C, of_A, of_D = multiplier[:p, :q], multiplier[p:-q, q:-q], multiplier[-q:, -q:]
    return Reason("linear", (of_C, of_A, of_D))
