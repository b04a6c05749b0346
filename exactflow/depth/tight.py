"""Five layers where eigenvalues leave no freedom: linear equations for V.

Main results
------------
Let r = rank C, and Du, aN the fixed parts of D' = D - C V and a' = a + V c
(`exactflow.depth.chain`). Let s != 1 have g blocks in aN and g - r in Du. By the inequalities there
a' has at least g blocks at s, and so has D'. But the kernel of D' - s lies in
K = {k : (D - s) k in im C}, whose dimension is r + (g - r) = g. So (D' - s) k = 0 for all of K:

    C V k = (D - s) k for k in K,

which is linear in V. If it is Du that has r blocks more, then likewise

    p V c = -p (a - s) for the rows p with p (a - s) = 0 on ker c.

Moreover tr D' = tr a'; and where the least multiplicities of the eigenvalues of the fixed parts add
up to n, there are no others, so that both traces are known. All these equations have a solution
V, or a multiplier proves that the pattern ULULU is impossible.

How it is checked
-----------------
*Exact*, on the stored bases of the fixed parts, by multiplying the equations out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.chain import FixedParts, forced_trace
from exactflow.depth.obstructions import Obstruction
from exactflow.exact import linalg
from exactflow.exact.draws import Draws
from exactflow.exact.linalg import trace
from exactflow.exact.normalforms import elementary_divisors
from exactflow.exact.typing import Element

__all__ = ["TightObstruction", "tight_shifts"]


class _Blocks(NamedTuple):
    """What the equations are made of."""

    C: DomainMatrix
    D: DomainMatrix
    a: DomainMatrix
    c: DomainMatrix
    parts: FixedParts


Equations = tuple[DomainMatrix, DomainMatrix]


@dataclass(frozen=True, eq=False, repr=False)
class TightObstruction(Obstruction):
    """A multiplier that turns the equations for V into 0 = s, with s not 0."""

    parts: FixedParts
    multiplier: DomainMatrix

    def check(self) -> bool:
        """Check the fixed parts, and multiply the equations out."""
        blocks = self._blocks()
        C, D, a, c, parts = blocks
        if len(self.pattern) != 5 or not parts.check(D, C, a, c):
            return False
        K, b = _equations(blocks)
        return (
            self.multiplier.shape[1] == K.shape[0]
            and (self.multiplier * K).is_zero_matrix
            and not (self.multiplier * b).is_zero_matrix
        )

    def _blocks(self) -> _Blocks:
        (_, _, C, D), (a, _, c, _) = self.blocks, self.inverse_blocks
        return _Blocks(C, D, a, c, self.parts)

    @property
    def eigenvalues(self) -> tuple[Element, ...]:
        """The eigenvalues that leave no freedom."""
        return tuple(s for s, _ in _tight(self._blocks()))

    def reason(self) -> str:
        """Name the eigenvalues."""
        shown = [str(self.matrix.domain.to_sympy(s)) for s in self.eigenvalues]
        at = f"the blocks at {', '.join(shown)} leave" if shown else "the fixed blocks leave"
        return f"{self.named('D - C V and a + V c')}: {at} linear equations for V, with no solution"


def tight_shifts(
    pattern: str,
    matrix: DomainMatrix,
    blocks: Sequence[DomainMatrix],
    parts: FixedParts,
) -> Iterator[DomainMatrix | None] | TightObstruction:
    """Return V drawn among the solutions of the equations, without end, or why there are none.

    Parameters
    ----------
    blocks : C, D, a and c, for the pattern.
    """
    C, D, a, c = blocks
    K, b = _equations(_Blocks(C, D, a, c, parts))
    solution, multiplier = linalg.solve(K, b)
    if multiplier is not None:
        return TightObstruction(pattern, matrix, parts, multiplier)
    return _drawn(solution, linalg.kernel(K))


def _drawn(solution: DomainMatrix, kernel: DomainMatrix) -> Iterator[DomainMatrix | None]:
    field, seed = solution.domain, 0
    n = int(solution.shape[0] ** 0.5)
    while True:
        v = solution + kernel * Draws(field, 1 + seed // 4, seed).matrix(kernel.shape[1], 1)
        entries = v.to_list_flat()
        rows = [entries[i * n : (i + 1) * n] for i in range(n)]
        yield linalg.from_entries(rows, (n, n), field)
        seed += 1


def _tight(blocks: _Blocks) -> list[tuple[Element, bool]]:
    """Return the eigenvalues with r blocks more in one part, and whether it is aN."""
    of_Du, of_aN = (elementary_divisors(M) for M in (blocks.parts.Du, blocks.parts.Na))
    found, r = [], linalg.rank(blocks.C)
    for f in {**of_Du, **of_aN}:
        excess = len(of_aN.get(f, ())) - len(of_Du.get(f, ()))
        if len(f) == 2 and sum(f, blocks.C.domain.zero) and abs(excess) == r:
            found.append((-f[1], excess > 0))
    return found


def _equations(blocks: _Blocks) -> Equations:
    """Return (K, b) such that K V = b for the entries of V, row by row."""
    C, D, a, c, parts = blocks
    n, field = C.shape[0], C.domain
    one, systems = linalg.identity(n, field), []
    for s, of_aN in _tight(blocks):
        if of_aN:
            k = linalg.kernel(linalg.left_kernel(C) * (D - one * s))
            systems.append((C, k, (D - one * s) * k))
        else:
            p = linalg.left_kernel((a - one * s) * linalg.kernel(c))
            systems.append((p, c, -(p * (a - one * s))))
    rows = [row for left, right, _ in systems for row in _products(left, right)]
    values = [x for _, _, goal in systems for x in goal.to_list_flat()]
    of_D, of_a = (M.transpose().to_list_flat() for M in (C, c))
    total = forced_trace(parts, n, linalg.rank(C))
    if total is None:
        rows.append([x + y for x, y in zip(of_D, of_a, strict=True)])
        values.append(trace(D) - trace(a))
    else:
        rows.extend([of_D, of_a])
        values.extend([trace(D) - total, total - trace(a)])
    return linalg.from_entries(rows, (len(rows), n * n), field), linalg.column(values, field)


def _products(left: DomainMatrix, right: DomainMatrix) -> list[list[Element]]:
    """Return, for each entry of left V right in row order, its coefficients."""
    columns = right.transpose().to_list()
    return [[x * y for x in row for y in column] for row in left.to_list() for column in columns]
