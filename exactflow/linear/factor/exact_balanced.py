"""Six layers that equal M and are balanced: rationals with the size of the float optimum.

Main results
------------
Let det M = 1, M^-1 = [[a, b], [c, d]]. For short W0, V put C' = C + W0 A, H = c - d W0,

    P = D + W0 B - C' V,        N = a - b W0 + V H.

If an invertible Y has P Y = Y N then, with Z = Y^-1 (P - I),

    M = L(-W0) U(X) L(Y) U(Z) L(W) U(V),   W = P^-1 (C' - Y),   X = (B - A V - Z) P^-1.

`balance` finds such W0, V, Y in floats. Round W0 and V to V0, and repair V = V0 + e t^T: both
characteristic polynomials are affine in t and det P = det N holds by itself (Jacobi's complementary
minors), so that P and N have equal ones under n - 1 linear equations for t. Then Y maps
the controller basis of N from u to that of P from v, with v near Y u. Sources: Koehler, Mehta,
Risteski (ICML 2021) for depth and conditioning; six layers: Urschel (2024).

How it is checked
-----------------
*Exact* on every call of `factor`. That the layers are near the float optimum is *numeric*.
"""

from fractions import Fraction
from math import ceil, log2

import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact import krylov, linalg
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element
from exactflow.explanation.steps import adopt, note, recording, renamed
from exactflow.floats.balancing import balance
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.factor.assembly import alternating, scaled, shears, shears_of_pair

__all__ = ["LARGEST_DIMENSION", "balanced_layers", "balanced_shifts"]

LARGEST_DIMENSION = 20
BITS = (8, 10, 12, 16, 24)
NEAR = 2
SEEDS = 3
FLOAT_EXPONENT = 1000


def balanced_layers(blocks: Blocks, det: Element) -> list[LinearCoupling] | None:
    """Return six layers, in order of application, that compose to the blocks of a rational matrix
    with det > 0, or None where none were found.

    The determinant is spread over the scales of the two layers that are applied last: all entries
    are one short rational near det^(1/d), but for one that makes the product exact.

    Raises `MethodError` beyond `LARGEST_DIMENSION`, `InvalidInputError` over another field than QQ,
    and what `balance` raises.
    """
    n, field = blocks.A.shape[0], blocks.A.domain
    if 2 * n > LARGEST_DIMENSION:
        raise MethodError(
            f"expected at most {LARGEST_DIMENSION} coordinates for method='balanced', got {2 * n}: "
            "the bits of its entries grow like d^3.5 (at d = 20 about 40 thousand for entries of 8 "
            "bits, 110 thousand for float32); exactflow.balance certifies float layers of any size"
        )
    if not field.is_QQ:
        raise InvalidInputError(
            f"expected rational entries for method='balanced', got entries in {field}: use "
            "method='auto'"
        )
    scale = _spread(det, 2 * n)
    unscaled = linalg.scale_rows([field.one / s for s in scale], linalg.join(blocks))
    inner = linalg.split(unscaled, n)
    note(
        "determinant",
        "The determinant is spread over the scales of the last two layers.",
        "S blocks(A', B', C', D') = blocks(A, B, C, D), det(blocks(A', B', C', D')) = 1",
        {"S": linalg.diagonal(scale, field)}
        | {f"{name}'": block for name, block in inner._asdict().items()},
    )
    with renamed(A="A'", B="B'", C="C'", D="D'", C1="C''"):
        shifts = balanced_shifts(inner)
    if shifts is None:
        return None
    layers = scaled(shears(alternating(shifts, "second")), "first", scale[:n])
    return scaled(layers, "second", scale[n:])


def _spread(det: Element, d: int) -> list:
    """Return d positive rationals with product det, equal and short but for the last."""
    exponent = round((log2(int(det.numerator)) - log2(int(det.denominator))) / d)
    if abs(exponent) > FLOAT_EXPONENT:
        return [QQ(1)] * (d - 1) + [det]
    rest = Fraction(int(det.numerator), int(det.denominator)) / Fraction(2) ** (exponent * d)
    root = _rationals(np.array([[float(rest) ** (1 / d)]]), 8)[0, 0].element
    short = root * QQ(2) ** exponent
    return [short] * (d - 1) + [det / short ** (d - 1)]


def balanced_shifts(blocks: Blocks) -> list[DomainMatrix] | None:
    """Return [W0', X, Y, Z, W, V] with M = L(W0') U(X) L(Y) U(Z) L(W) U(V), or None.

    `blocks` are the n x n blocks of a rational matrix of determinant 1. The entries are at most
    twice as large as those of a float solution, which is that of the matrix with its halves
    exchanged: there the last applied layer moves the first half. The answer is None where the
    roundings tried lead to no such layers. Raises what `balance` raises.
    """
    inverse = linalg.split(linalg.join(blocks).inv(), blocks.A.shape[0])
    exchanged = linalg.join(linalg.swap_halves(blocks))
    for seed in range(SEEDS):
        floats = balance(exchanged, layers=6, method="search", seed=seed)
        if floats.layers[-1].moves != "first":
            continue
        limit = QQ(ceil(NEAR * max(1.0, floats.magnitude)))
        near = [layer.shift for layer in reversed(floats.layers)]
        for bits in BITS:
            try:
                with recording() as steps:
                    shifts = _rounded_shifts(blocks, inverse, near, bits)
            except DMNonInvertibleMatrixError:
                continue
            if max(max(map(abs, T.to_list_flat())) for T in shifts) <= limit:
                adopt(steps)
                return shifts
    return None


def _rounded_shifts(
    blocks: Blocks, inverse: Blocks, near: list[np.ndarray], bits: int
) -> list[DomainMatrix]:
    """Return exact shifts near those of floats; raise SymPy's `DMNonInvertibleMatrixError` where a
    matrix on the way is singular or has no cyclic vector.
    """
    A, B, C, D = blocks
    a, b, c, d = inverse
    u = linalg.column([QQ(-1) ** i for i in range(A.shape[0])], QQ)
    W0 = -_rationals(near[0], bits)
    rest = Blocks(A, B, C + W0 * A, D + W0 * B)
    V = _repaired(_rationals(near[5], bits), rest, a - b * W0, c - d * W0, u)
    P, N = rest.D - rest.C * V, a - b * W0 + V * (c - d * W0)
    v = _rationals(near[2] @ np.array(u.to_Matrix().tolist(), dtype=float), bits)
    f = P.charpoly_berk()
    Y = krylov.controller_basis(P, f, v) * krylov.controller_basis(N, f, u).inv()
    Z = Y.inv() * (P - linalg.identity(A.shape[0], QQ))
    shifts = shears_of_pair(rest, V, Y, Z, P.inv())
    note(
        "balanced route",
        "`W0` and `V` are float layers, found by search, rounded to short fractions; one column of "
        "`V` is repaired, so that `P` and `N` have one characteristic polynomial.",
        "C1 = C + W0 A, P = D + W0 B - C1 V, P Y = Y N",
        {"W0": W0, "V": V, "C1": rest.C, "P": P, "N": N, "Y": Y},
    )
    note(
        "balanced route",
        "Six shears, with entries at most twice as large as those of the float layers.",
        "Y Z = P - 1, P W = C1 - Y, X P = B - A V - Z, "
        "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D)",
        {"X": shifts[0], "Z": Z, "W": shifts[3]},
        "Koehler, Mehta, Risteski, ICML 2021; six: Urschel 2024",
    )
    return [-W0, *shifts]


def _repaired(
    V0: DomainMatrix, blocks: Blocks, a: DomainMatrix, c: DomainMatrix, e: DomainMatrix
) -> DomainMatrix:
    """Return V = V0 + e t^T such that D - C V and a + V c have one charpoly.

    The coefficients of det(x - P0 + C e t^T), P0 = D - C V0, are those of P0 plus
    t^T controller_basis(P0, C e), those of det(x - N0 - e t^T c), N0 = a + V0 c, are those of N0
    minus t^T c controller_basis(N0, e). That they agree are n equations for t, the last of which
    follows from the others.
    """
    P0, N0 = blocks.D - blocks.C * V0, a + V0 * c
    f, g = P0.charpoly_berk(), N0.charpoly_berk()
    n = len(f) - 1
    if n == 1:
        return V0
    system = krylov.controller_basis(P0, f, blocks.C * e) + c * krylov.controller_basis(N0, g, e)
    equations = system.transpose()[: n - 1, :]
    right = linalg.column([y - x for x, y in zip(f[1:n], g[1:n], strict=True)], QQ)
    free = linalg.kernel(equations)[:, :1].to_list_flat()
    place = max(range(n), key=lambda i: abs(free[i]))  # where t is to be zero
    kept = [i for i in range(n) if i != place]
    t = (equations.extract(list(range(n - 1)), kept).inv() * right).to_list_flat()
    t.insert(place, QQ(0))
    return V0 + e * linalg.column(t, QQ).transpose()


def _rationals(M: np.ndarray, bits: int) -> DomainMatrix:
    """Return the nearest matrix of multiples of 2^-bits."""
    unit = QQ(2) ** bits
    rows = [[QQ(int(x)) / unit for x in row] for row in np.rint(np.ldexp(M, bits)).tolist()]
    return linalg.from_entries(rows, M.shape, QQ)
