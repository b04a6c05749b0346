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
from itertools import product
from typing import NamedTuple

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth.equations import sign
from exactflow.depth.obstruction import Reason
from exactflow.depth.word import Word
from exactflow.exact import linalg
from exactflow.exact.typing import Element

__all__ = ["positive_diagonals"]

Diagonals = tuple[list, list]


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


def positive_diagonals(word: Word) -> Diagonals | Reason | None:
    """Return F^-1 and G for U L U, or why there are none; None if a sign is not known."""
    n, field = word.blocks.A.shape[0], word.matrix.domain
    edges: dict[int, list[_Proportion]] = {i: [] for i in range(2 * n + 1)}
    for edge in _proportions(word):
        if not (edge.p or edge.q):
            continue
        signs = {sign(edge.p, field), sign(edge.q, field)}
        if None in signs:
            return None
        if len(signs) > 1:
            return _reason(word, [(field.one, edge)])
        edges[edge.i].append(edge)
        edges[edge.j].append(edge.reversed())
    value, wrong = _spread(edges, field)
    if wrong:
        return _reason(word, wrong)
    return [field.one / value[i] for i in range(n)], [value[i] for i in range(n, 2 * n)]


def _proportions(word: Word) -> Iterator[_Proportion]:
    """Yield the equations."""
    A, _, C, D = word.blocks
    c, n = word.inverse.C, A.shape[0]
    units = [linalg.unit_vector(n, i, A.domain) for i in range(n)]
    for i, j in product(range(n), repeat=2):
        yield _Proportion(
            j, C[i, j].element, n + i, -c[i, j].element, 0, units[j], units[i].transpose()
        )
    k, lk = linalg.kernel(C), linalg.left_kernel(C)
    Ak, lD = A * k, lk * D
    for m, (i, unit) in product(range(k.shape[1]), enumerate(units)):
        p, q = Ak[i, m].element, k[i, m].element
        yield _Proportion(i, p, 2 * n, q, 1, k[:, m], unit.transpose())
        p, q = lk[m, i].element, lD[m, i].element
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


def _reason(word: Word, combination: Combination) -> Reason:
    n, field = word.blocks.A.shape[0], word.matrix.domain
    sums = [linalg.zeros(n, n, field) for _ in range(3)]
    for s, edge in combination:
        sums[edge.place] += edge.column * edge.row * s
    return Reason("linear", tuple(sums))
