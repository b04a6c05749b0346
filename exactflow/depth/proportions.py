"""Three layers with positive scales: equations between positive numbers, two in each.

Main results
------------
With at least two layers, M is a product of layers with positive scales iff M P^-1 is one of
additive layers in the same pattern, for some positive diagonal P = diag(F^-1, G). Let
M^-1 = [[a, b], [c, d]].

*Theorem.* Additive layers U L U have the product M iff c = -C, A k = k wherever C k = 0, and
l D = l wherever l C = 0. With positive scales they do iff for some positive diagonal F and G

    C F + G c = 0,    F A k = k wherever C k = 0,    l D = l G wherever l C = 0.

*Proof.* U(X) L(Y) U(Z) has C = Y, c = -Y, A = I + X Y, D = I + Y Z. Conversely the conditions on
kernels say that X C = A - I and C Z = D - I have solutions. They are unique up to rows l and
columns k, which enter X + A Z as l and A k = k, so that X + A Z = B can be had iff
C (B - X - A Z) C = 0. It is: M^-1 M = I with c = -C says C A = d C and d D = I + C B, so that
C X C + C A Z C = (d C - C) + d (D - I) C = C B C.
The second statement is the first one for M P^-1.

So C and -c must be positively diagonally equivalent, and if C is invertible that is all. Each
equation relates two of the 2 n + 1 positive numbers F_j, G_i, 1 by p x = q y: they are the edges of
a graph, and there is a solution iff p and q have one sign on each edge, and all cycles agree.

How it is checked
-----------------
*Exact*: over an ordered field. Against a pattern there is an edge, a cycle, or a path between two
numbers that are known, as multipliers that make the equations absurd; the layers are verified.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstructions import Obstruction, halves
from exactflow.exact import linalg
from exactflow.exact.linalg import trace
from exactflow.exact.typing import Element

__all__ = ["ProportionObstruction", "positive_diagonals"]

Diagonals = tuple[list, list]


@dataclass(frozen=True, eq=False, repr=False)
class ProportionObstruction(Obstruction):
    """Multipliers that make the equations of U L U with positive scales absurd.

    The equations are C F + G c = 0, F A - X C = I, G + C Z = D, for positive diagonal F and G.
    Multiplied by P, Q, R and traced they read tr(w F) + tr(v G) = s, where no weight on the left
    is negative and s <= 0, and not all of them vanish; or the same with all signs changed.
    """

    P: DomainMatrix
    Q: DomainMatrix
    R: DomainMatrix

    def check(self) -> bool:
        """Multiply the equations out, and look at the signs."""
        A, _, C, D = self.blocks
        P, Q, R, c = self.P, self.Q, self.R, self.inverse_blocks.C
        brackets = C * Q, R * C
        if len(self.pattern) != 3 or not all(bracket.is_zero_matrix for bracket in brackets):
            return False
        weights = [*(P * C + A * Q).diagonal(), *(c * P + R).diagonal()]
        signs = {_sign(x, C.domain) for x in (*weights, -trace(Q) - trace(R * D))}
        return signs - {0} in ({1}, {-1})

    def reason(self) -> str:
        """Name the entries, or the equations."""
        equation = self.named("C F + G c = 0")
        if self.Q.is_zero_matrix and self.R.is_zero_matrix:
            places = [(i, j) for (j, i), x in self.P.to_sparse().iter_items() if x]
            listed = ", ".join(map(str, sorted(places)))
            return f"{equation} at {listed} for no positive diagonals F, G"
        others = self.named("F A - X C = I, G + C Z = D")
        return f"{equation}, {others} for no positive diagonals F, G"


def _sign(x: Element, field: Domain) -> int | None:
    """Return the sign, None if it is not known."""
    if not x:
        return 0
    positive = linalg.is_positive(x, field)
    return None if positive is None else 1 if positive else -1


class _Proportion(NamedTuple):
    """p x_i = q x_j: the equation number `place`, multiplied by a column and a row and traced.

    The numbers x are those of F, those of G, and 1. It reads p x_i - q x_j = 0.
    """

    i: int
    p: Element
    j: int
    q: Element
    place: int
    column: DomainMatrix
    row: DomainMatrix

    def reversed(self) -> "_Proportion":
        """Return the same equation from x_j to x_i."""
        return self._replace(i=self.j, p=-self.q, j=self.i, q=-self.p)


def positive_diagonals(
    pattern: str, matrix: DomainMatrix
) -> Diagonals | ProportionObstruction | None:
    """Return F^-1 and G for the pattern U L U, or why there are none; None if a sign is not known.

    For L U L the halves are exchanged.
    """
    n, field = matrix.shape[0] // 2, matrix.domain
    edges: dict[int, list[_Proportion]] = {i: [] for i in range(2 * n + 1)}
    for edge in _proportions(pattern, matrix):
        signs = {_sign(edge.p, field), _sign(edge.q, field)}
        if None in signs:
            return None
        if len(signs) > 1:
            return _obstruction(pattern, matrix, [(field.one, edge)])
        edges[edge.i].append(edge)
        edges[edge.j].append(edge.reversed())
    value, wrong = _spread(edges, field)
    if wrong:
        return _obstruction(pattern, matrix, wrong)
    return [field.one / value[i] for i in range(n)], [value[i] for i in range(n, 2 * n)]


def _proportions(pattern: str, matrix: DomainMatrix) -> Iterator[_Proportion]:
    """Yield the equations but 0 = 0."""
    A, _, C, D = halves(matrix, pattern)
    c = halves(matrix.inv(), pattern).C
    n = A.shape[0]
    units = [linalg.unit_vector(n, i, A.domain) for i in range(n)]
    for i in range(n):
        for j in range(n):
            p, q = C[i, j].element, -c[i, j].element
            if p or q:
                yield _Proportion(j, p, n + i, q, 0, units[j], units[i].transpose())
    k, lk = linalg.kernel(C), linalg.left_kernel(C)
    Ak, lD = A * k, lk * D
    for m in range(k.shape[1]):
        for i, unit in enumerate(units):
            p, q = Ak[i, m].element, k[i, m].element
            if p or q:
                yield _Proportion(i, p, 2 * n, q, 1, k[:, m], unit.transpose())
            p, q = lk[m, i].element, lD[m, i].element
            if p or q:
                yield _Proportion(n + i, p, 2 * n, q, 2, unit, lk[m, :])


Combination = list[tuple[Element, _Proportion]]


def _spread(edges: dict[int, list[_Proportion]], field: Domain) -> tuple[dict, Combination]:
    """Return numbers that fulfil all equations, 1 in the last place and once in each other
    component, and nothing; or a combination of equations that says s x = 0 for one x, s not 0.
    """
    value: dict[int, Element] = {}
    parent: dict[int, _Proportion] = {}
    for root in reversed(edges):
        if root in value:
            continue
        value[root], queue = field.one, deque([root])
        while queue:
            for edge in edges[i := queue.popleft()]:
                reached = value[i] * edge.p / edge.q
                if edge.j not in value:
                    value[edge.j], parent[edge.j] = reached, edge
                    queue.append(edge.j)
                elif value[edge.j] != reached:
                    others = _derivation(edge.j, parent, edge.q)
                    return value, [(field.one, edge), *_derivation(i, parent, -edge.p), *others]
    return value, []


def _derivation(i: int, parent: dict[int, _Proportion], s: Element) -> Combination:
    """Return equations that add up to s (x_i - value x_root)."""
    combination = []
    while i in parent:
        edge = parent[i]
        combination.append((-s / edge.q, edge))
        i, s = edge.i, s * edge.p / edge.q
    return combination


def _obstruction(
    pattern: str, matrix: DomainMatrix, combination: Combination
) -> ProportionObstruction:
    n = matrix.shape[0] // 2
    sums = [linalg.zeros(n, n, matrix.domain) for _ in range(3)]
    for s, edge in combination:
        sums[edge.place] += edge.column * edge.row * s
    return ProportionObstruction(pattern, matrix, *sums)
