"""Why four layers with positive scales are impossible where D is singular: what its kernel allows.

Main results
------------
M is a product of the pattern ULUL with positive scales iff M P^-1 is one of additive layers, for
some positive diagonal P = diag(F^-1, G). These have W with

    (D G^-1) W - W (F^-1 a) = C F + G c

(`exactflow.depth.enclosed_shears`). For l D = 0 and a k = 0 this says l (C F + G c) k = 0, and so
tr Q (C F + G c) = 0 for every Q with a Q = 0 and Q D = 0: a sum of the positive entries of F and G,
with the diagonals of Q C and c Q as weights. It is impossible if these have one sign, and not all
of them vanish. (By Stiemke's theorem of the alternative, 1915, there are positive F and G for all
of these equations if there is no such Q.)

How it is checked
-----------------
*Exact*: signs over an ordered field.
"""

from dataclasses import dataclass

from sympy.polys.matrices import DomainMatrix

from exactflow.depth.obstructions import Obstruction, halves
from exactflow.exact import linalg
from exactflow.exact.programming import combination_below_zero

__all__ = ["KernelObstruction", "kernel_obstruction"]


@dataclass(frozen=True, eq=False, repr=False)
class KernelObstruction(Obstruction):
    """A matrix Q, a Q = 0 and Q D = 0, such that tr Q (C F + G c) is 0 for no positive F, G."""

    Q: DomainMatrix

    def check(self) -> bool:
        """Multiply out, and look at the signs."""
        C, D, a, c = self.blocks.C, self.blocks.D, self.inverse_blocks.A, self.inverse_blocks.C
        if len(self.pattern) != 4 or not (a * self.Q).is_zero_matrix:
            return False
        weights = [*(self.Q * C).diagonal(), *(c * self.Q).diagonal()]
        signs = {linalg.is_positive(x, C.domain) for x in weights if x}
        return (self.Q * D).is_zero_matrix and signs in ({True}, {False})

    def reason(self) -> str:
        """Name the equations."""
        equations = self.named("l (C F + G c) k = 0 for l D = 0, a k = 0")
        return f"{equations}, has no solution with positive diagonals F, G"


def kernel_obstruction(pattern: str, matrix: DomainMatrix) -> KernelObstruction | None:
    """Return why the pattern ULUL or LULU is impossible, over QQ; None where nothing is found."""
    blocks = halves(matrix, pattern)
    rows = linalg.left_kernel(blocks.D)
    if len(pattern) != 4 or not rows.shape[0] or not matrix.domain.is_QQ:
        return None
    inverse = halves(matrix.inv(), pattern)
    columns = linalg.kernel(inverse.A)
    products = [
        columns[:, i] * rows[j, :] for i in range(columns.shape[1]) for j in range(rows.shape[0])
    ]
    vectors = [
        {place: x for place, x in enumerate(weights) if x}
        for Q in products
        for weights in [[*(Q * blocks.C).diagonal(), *(inverse.C * Q).diagonal()]]
    ]
    found = combination_below_zero(vectors, nonnegative=False)
    if not any(found):
        return None
    total = products[0] * found[0]
    for Q, x in zip(products[1:], found[1:], strict=True):
        total += Q * x
    return KernelObstruction(pattern, matrix, total)
