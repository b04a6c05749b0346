"""Why fewer couplings with positive scales do not do, as the theorem about a certificate needs it.

Main results
------------
`scaled_reason` turns an obstruction of `checker` into what `scaled.v` computes with: the
multipliers of linear equations, with the sign that makes all weights >= 0; or polynomials p_k in
positive x and y, such that the sum of the p_k (e_k(D diag(x)) - e_k(diag(y) a)) has no coefficient
< 0, the e_k being the elementary symmetric functions of the eigenvalues.

How it is checked
-----------------
*Exact*: coqc computes the sums again, the e_k from the traces of powers.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.checker import Blocks, Matrix, characteristic
from exactflow.exact import linalg
from exactflow.exact.coerce import as_rectangle
from exactflow.files.rocq.writing import rational, row, rows

__all__ = ["scaled_reason"]


def scaled_reason(obstruction: dict[str, Any], blocks: Blocks, det: Fraction) -> str | None:
    """Return the obstruction as `scaled.v` writes it, None if it has no such form.

    Parameters
    ----------
    obstruction : one for positive scales and at least two letters, as `checker` reads it.
    blocks : what it is about.
    det : the determinant of the matrix.
    """
    letters, n = len(obstruction["pattern"]), len(blocks.D)
    if obstruction["kind"] == "opposed":
        one_term = [[Fraction(1), *[0] * 2 * n]]
        return _signs([one_term if k == obstruction["k"] else [] for k in range(1, n + 1)], blocks)
    multiplier = obstruction["multiplier"]
    if letters > 3 and len(multiplier) == n:
        det_D = (-1) ** n * characteristic(blocks.D, 0)[n]
        if multiplier[-1] and not det_D:
            return None
        factor = det / det_D if det_D else 0
        last = [[x * factor, *exponents] for x, *exponents in multiplier[-1]]
        return _signs([*multiplier[:-1], last], blocks)
    return _weights(multiplier, letters, blocks)


def _weights(multiplier: list[Matrix], letters: int, blocks: Blocks) -> str:
    """Return the multipliers, with the sign that makes all weights >= 0."""
    A, B, C, D, _, c = map(as_rectangle, blocks)
    W = list(map(as_rectangle, multiplier))
    last: list[DomainMatrix] = []
    right: list[DomainMatrix] = []
    if letters == 2:
        if (Di := linalg.inverse_or_none(D)) is None:
            Di = W[1] = D - D
        last, weights, right = [Di], W, [W[0] * D, W[1] * (A - B * Di * C)]
    elif letters == 3:
        weights, right = [W[0] * C + A * W[1], c * W[0] + W[2]], [W[1], W[2] * D]
    else:
        weights = [W[0] * C, c * W[0]]
    diagonals = [x for M in weights for x in M.diagonal()]
    if min(diagonals) < 0 or sum(map(linalg.trace, right)) > 0:
        W = [-M for M in W]
    return "Weights [:: " + ";\n    ".join(rows(M.to_list()) for M in W + last) + "]"


def _signs(multiplier: Sequence[Matrix], blocks: Blocks) -> str:
    """Return the polynomials, with the sign that makes all coefficients of the sum >= 0."""
    D, a = (characteristic(M, 0)[1:] for M in (blocks.D, blocks.a))
    at_1 = sum(
        (-1) ** k * (x - y) * sum(x for x, *_ in p)
        for k, (p, x, y) in enumerate(zip(multiplier, D, a, strict=True), 1)
    )
    sign = 1 if at_1 > 0 else -1
    polynomials = (
        "; ".join(
            f"({rational(Fraction(sign * x))}, {row(map(int, exponents), str)}%N)"
            for x, *exponents in p
        )
        for p in reversed(multiplier)
    )
    return "Signs [:: " + ";\n    ".join(f"[:: {p}]" if p else "[::]" for p in polynomials) + "]"
