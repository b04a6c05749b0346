"""What signatures say about Gaussians on unequal halves, over QQ.

Main results
------------
Let the halves be (p, q), p < q, and S the Schur complement of Sigma11; where the first half is the
larger one they are exchanged. A layer that moves the second half makes Sigma22 = S + Y Sigma11 Y^T
for any Y that one likes: it adds to S a positive semidefinite matrix of rank p or less. One that
moves the first half adds such a matrix to Sigma22^-1, and that is the next S^-1. The last layer
only decorrelates.

- *Additive layers* (Theorem 12, to our knowledge new), det Sigma = 1. k >= 3 of them, of which the
  first moves the second half, whiten Sigma iff S has at most p ceil((k - 1) / 2) eigenvalues below
  1 and at most p floor((k - 1) / 2) above; if the first one moves the first half, iff Sigma22 has
  at most as many above and below. So 2 ceil(q / p) always do, and diag(t, 2, .., 2) needs them.
- *Positive scales*. 1 + ceil((q - 1) / p) layers always do: a factor for the second half makes one
  eigenvalue 1, and divides the others as one likes. For p = 1 two do iff Sigma22 or (Sigma^-1)22 is
  D + l l^T, D > 0 diagonal: Spearman's one-factor model.

Necessity is Weyl's inequalities: rank p carries p eigenvalues past 1 at most. Sufficiency for k = 3
is in closed form for q = p + 1 (`exactflow.gaussian.three_layers`); beyond it rests on a theorem of
Klyachko, see proofs/gaussian_depth.py. More layers bring eigenvalues to 1 before.

How it is checked
-----------------
*Exact*: a characteristic polynomial with real roots only has as many positive ones as its
coefficients have changes of sign (Descartes).
"""

from itertools import combinations, count, pairwise, permutations
from operator import index

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg

__all__ = ["additive_layers", "is_one_factor", "sides_of_one"]


def sides_of_one(M: DomainMatrix) -> tuple[int, int]:
    """Return how many eigenvalues of a symmetric matrix over QQ lie below and above 1."""
    shifted = M - linalg.identity(M.shape[0], M.domain)
    signs = [c > 0 for c in shifted.charpoly() if c]
    above = sum(sign != following for sign, following in pairwise(signs))
    return linalg.rank(shifted) - above, above


def additive_layers(p: int, schur: tuple[int, int], covariance: tuple[int, int]) -> int:
    """Return the least number of additive layers, of three or more, on unequal halves.

    Parameters
    ----------
    p : the size of the smaller half.
    schur, covariance : how many eigenvalues of S and of Sigma22 lie below and above 1.
    """
    return next(
        layers
        for layers in count(3)
        if _fit(p, schur, layers // 2, (layers - 1) // 2)
        or _fit(p, covariance, (layers - 1) // 2, layers // 2)
    )


def _fit(p: int, sides: tuple[int, int], below: int, above: int) -> bool:
    """Return whether steps of rank p, so many, bring all eigenvalues to 1."""
    return index(sides[0]) <= index(p) * below and index(sides[1]) <= index(p) * above


def is_one_factor(M: DomainMatrix) -> bool:
    """Return whether a positive definite matrix is D + l l^T, D > 0 diagonal.

    Three nonzero l_i give l_i^2 = m_ij m_ik / m_jk, which must agree and be less than m_ii.
    """
    rows, n = M.to_list(), M.shape[0]
    support = [i for i in range(n) if any(rows[i][j] for j in range(n) if j != i)]
    if not all(rows[i][j] for i, j in combinations(support, 2)):
        return False
    squares = [
        {rows[i][j] * rows[i][k] / rows[j][k] for i, j, k in permutations(support, 3) if i == first}
        for first in support
    ]
    return len(support) <= 2 or all(
        len(values) == 1 and 0 < min(values) < rows[i][i]
        for i, values in zip(support, squares, strict=True)
    )
