"""Four additive layers in balls: U(X) L(Y) U(Z) L(W), where spectra are known to agree.

Main results
------------
Let D and a, blocks of a matrix M of determinant 1 and of its inverse, have one characteristic
polynomial f, and let a vector be cyclic for both. With their controller bases H and K (see
`exactflow.exact.krylov`), Y = q(D) H K^-1 satisfies Y a = D Y for any polynomial q. If W solves

    D W = C - Y    and    W a = -c - Y,

then M L(-W) has the lower left block Y, its inverse -Y, so that M L(-W) = U(X) L(Y) U(Z) with
Z = Y^-1 (D - I), X = (A - B W - I) Y^-1 (`exactflow.depth.scaled.proportions`), if Y is invertible.

- D invertible: W = D^-1 (C - Y), and the second equation follows.
- D of rank n - 1, l D = 0, D r = 0: l Y and l C both span the rows that a maps to 0, so that q can
  be scaled until l Y = l C. Then D W = C - Y has a solution, up to r s, s a row, and
  T = c + Y + W a is r t. As det (Y - T) = det Y, which is Jacobi's identity for complementary
  minors, t B r = 0, so that s a = -t can be solved, too.

How it is checked
-----------------
*Certified*: inverses of balls, bordered by l and r where the matrix is singular. ArithmeticError
where a ball holds a singular matrix, and where the rank is less.
"""

from collections.abc import Sequence
from typing import NamedTuple

from flint import arb, arb_mat

from exactflow.exact.krylov import controller_columns

__all__ = ["EnclosedBlocks", "diagonal"]


class EnclosedBlocks(NamedTuple):
    """Blocks of M and of M^-1 in balls, and bases of the rows l and the columns r."""

    A: arb_mat
    B: arb_mat
    C: arb_mat
    D: arb_mat
    a: arb_mat
    c: arb_mat
    rows: arb_mat
    columns: arb_mat

    def shears(self, goal: arb_mat) -> tuple[arb_mat, arb_mat, arb_mat, arb_mat]:
        """Return X, Y, Z, W, where q makes W small and Y near the goal, about as well as can be."""
        one = arb_mat(self.D.nrows(), self.D.nrows(), 1)
        D_inverse = bordered_inverse(self.D, self.rows, self.columns)
        Y = self._chosen(self._intertwiner(), D_inverse, goal)
        is_singular = self.rows.nrows() > 0
        if is_singular:
            Y *= _quotient(self.rows * self.C, self.rows * Y)
        W = D_inverse * (self.C - Y)
        if is_singular:
            W += self._correction(self.c + Y + W * self.a)
        Y_inverse = Y.inv()
        return (self.A - self.B * W - one) * Y_inverse, Y, Y_inverse * (self.D - one), W

    def _intertwiner(self) -> arb_mat:
        """Return an invertible Y with Y a = D Y."""
        f, n = self.D.charpoly().coeffs()[::-1], self.D.nrows()
        u = arb_mat([[arb(i + 1)] for i in range(n)])
        H, K = (
            arb_mat([column.entries() for column in controller_columns(M, f, u)]).transpose()
            for M in (self.D, self.a)
        )
        return H * K.inv()

    def _chosen(self, Y: arb_mat, D_inverse: arb_mat, goal: arb_mat) -> arb_mat:
        """Return q(D) Y such that |D^-1 (C - q(D) Y)|^2 + |goal - q(D) Y|^2 is about least."""
        powers = [Y]
        for _ in range(Y.nrows() - 1):
            powers.append(self.D * powers[-1])
        basis = arb_mat([_flat(D_inverse * M, M) for M in powers])
        wanted = arb_mat([_flat(D_inverse * self.C, goal)]).transpose()
        q = (basis * basis.transpose()).mid().solve((basis * wanted).mid()).mid().entries()
        total = arb_mat(Y.nrows(), Y.nrows())
        for coefficient, M in zip(q, powers, strict=True):
            total += M * coefficient
        return total

    def _correction(self, T: arb_mat) -> arb_mat:
        """Return r s with r s a = -T."""
        r = self.columns
        t = r.transpose() * T * (1 / (r.transpose() * r)[0, 0])
        return -(r * (t * bordered_inverse(self.a, self.rows * self.C, self.B * r)))


def bordered_inverse(M: arb_mat, rows: arb_mat, columns: arb_mat) -> arb_mat:
    """Return the inverse of M, or, where the given rows and columns span its kernels, a matrix N
    such that N v solves M x = v, and u N solves x M = u, whenever there are solutions.
    """
    if not rows.nrows():
        return M.inv()
    n, m = columns.nrows(), rows.nrows()
    bordered = [*zip(M.tolist(), rows.transpose().tolist(), strict=True)]
    bordered += [(row, [arb(0)] * m) for row in columns.transpose().tolist()]
    inverse = arb_mat([[*left, *right] for left, right in bordered]).inv()
    return arb_mat([row[:n] for row in inverse.tolist()[:n]])


def _quotient(u: arb_mat, v: arb_mat) -> arb:
    """Return s with u = s v, of two proportional rows."""
    pairs = zip(u.entries(), v.entries(), strict=True)
    x, y = max(pairs, key=lambda pair: float(abs(pair[1].mid())))
    return x / y


def _flat(*matrices: arb_mat) -> list[arb]:
    return [x for M in matrices for x in M.mid().entries()]


def diagonal(entries: Sequence[arb]) -> arb_mat:
    """Return the diagonal matrix."""
    n = len(entries)
    return arb_mat([[x if i == j else arb(0) for j in range(n)] for i, x in enumerate(entries)])
