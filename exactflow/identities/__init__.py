"""The identities behind the constructions, each proved for all n by expanding it.

Main results
------------
`IDENTITIES` is the table. In each identity the symbols stand for n x n matrices (e, s, w: columns
and rows), those whose inverse occurs for invertible ones; everything else is defined by them. The
hypotheses under which the symbols exist (a commutator, a transvection) are the theorems that the
modules of `exactflow.factorization` and `exactflow.balancing` construct.

How it is checked
-----------------
*For all n*: `Identity.prove` expands both sides in the free group ring.
"""

from fractions import Fraction
from functools import reduce
from operator import matmul

from exactflow.identities.symbolic import Identity, WordMatrix, lower, symbols, upper

__all__ = ["IDENTITIES"]

_KMR = "Koehler, Mehta, Risteski, ICML 2021 (a bounded number of layers)"


def _product(*factors: WordMatrix) -> WordMatrix:
    return reduce(matmul, factors)


def _six_layers() -> tuple[WordMatrix, WordMatrix]:
    A, D1, C1, W0, P, G = symbols("A D1 C1 W0 P G")
    N = P.inverse() * G.inverse() * P * G
    B = A * C1.inverse() * D1 - C1.inverse() * N.inverse()
    Y = G * C1
    Z = Y.inverse() * (P - 1)
    V = C1.inverse() * (D1 - P)
    W = P.inverse() * (C1 - Y)
    X = (B - A * V - Z) * P.inverse()
    layers = lower(-W0), upper(X), lower(Y), upper(Z), lower(W), upper(V)
    return _product(*layers), WordMatrix.of([[A, B], [C1 - W0 * A, D1 - W0 * B]])


def _commutator_route() -> tuple[WordMatrix, WordMatrix]:
    A, C, D, P, G = symbols("A C D P G")
    K = G.inverse() * P.inverse() * G * P
    B = A * C.inverse() * D - C.inverse() * K
    Y = G * C
    W = P.inverse() * (C - Y)
    X = (A - Y.inverse() * (C - W)) * C.inverse()
    Z, V = Y.inverse() * (P - 1), C.inverse() * (D - P)
    layers = upper(X), lower(Y), upper(Z), lower(W), upper(V)
    return _product(*layers), WordMatrix.of([[A, B], [C, D]])


def _transvection_route() -> tuple[WordMatrix, WordMatrix]:
    A, B, C, Q, e, s, w = symbols("A B C Q e s w")
    C1 = Q.inverse()
    S = Q.inverse() * A.inverse() * Q * (1 + e * s)
    D = S + C * A.inverse() * B
    W = Fraction(1, 2) * e * w * C1
    layers = (
        lower(-(C1 - C) * A.inverse()),
        upper((A - 1) * Q),
        lower(C1 - W),
        upper(-2 * Q * e * s),
        lower(W),
        upper(Q * (S - 1) + Q * e * s + A.inverse() * B),
    )
    return _product(*layers), WordMatrix.of([[A, B], [C, D]])


def _hyperplane_route() -> tuple[WordMatrix, WordMatrix]:
    B1, C1, V, S, Y, P, W0 = symbols("B1 C1 V S Y P W0")
    T, T_inverse = 1 + Y * (S - 1) * P, 1 + Y * (S.inverse() - 1) * P
    A, D1, X = S.inverse() + B1 * T_inverse * C1, T - C1 * V, (S - 1) * P
    B = B1 - A * V
    last = upper((B1 - X) * T_inverse), lower(Y), upper(X), lower(T_inverse * (C1 - Y)), upper(-V)
    return _product(lower(-W0), *last), WordMatrix.of([[A, B], [C1 - W0 * A, D1 - W0 * B]])


def _rotation() -> tuple[WordMatrix, WordMatrix]:
    A, V, P, y, h, J, j, s, W0 = symbols("A V P y h J j s W0")
    last, inverse = 1 + y * (P - 1) * h, 1 + y * (P.inverse() - 1) * h
    C1 = last * J * P.inverse()
    B, D1 = A * V + (A * P - 1) * j + s, last + C1 * V
    Z, W = (P - 1) * h, inverse * (C1 - y)
    X = (B - A * V - Z) * inverse
    layers = lower(-W0), upper(X), lower(y), upper(Z), lower(W), upper(V)
    return _product(*layers), WordMatrix.of([[A, B], [C1 - W0 * A, D1 - W0 * B]])


def _two_involutions() -> tuple[WordMatrix, WordMatrix]:
    K, S = symbols("K S")
    H, Theta = K * S, S * K * S * K
    return WordMatrix.of([[H * Theta * K, K * Theta * H]]), WordMatrix.of([[K * H, H * K]])


def _eleven_layers() -> tuple[WordMatrix, WordMatrix]:
    R, X, Y, T, Z, a, b, e, f = symbols("R X Y T Z a b e f")
    sigma = WordMatrix.of([[a * b, 0], [0, e * f]])
    left = lower(R), upper(X), sigma, upper(Y), lower(T), upper(Z)
    right = (
        WordMatrix.of([[1, 0], [R, e]]),
        WordMatrix.of([[a, X * e + a * b * Y * f.inverse()], [0, 1]]),
        WordMatrix.of([[1, 0], [f * T * b.inverse(), f]]),
        WordMatrix.of([[b, b * Z], [0, 1]]),
    )
    return _product(*left), _product(*right)


def _four_layers() -> tuple[WordMatrix, WordMatrix]:
    X, Y, Z, W = symbols("X Y Z W")
    product = _product(upper(X), lower(Y), upper(Z), lower(W))
    inverse = _product(lower(-W), upper(-Z), lower(-Y), upper(-X))
    found = WordMatrix.of([[product.rows[1][1], inverse.rows[0][0]]])
    return found, WordMatrix.of([[1 + Y * Z, 1 + Z * Y]])


def _singular_four_layers() -> tuple[WordMatrix, WordMatrix]:
    X, Y, Z, W = symbols("X Y Z W")
    D = 1 + Y * Z
    product = _product(upper(X), lower(Y), upper(Z), lower(W))
    A = 1 + X * Y + (X * D + Z) * W
    return product, WordMatrix.of([[A, X * D + Z], [Y + D * W, D]])


def _three_layers() -> tuple[WordMatrix, WordMatrix]:
    X, Y, Z = symbols("X Y Z")
    A = 1 + X * Y
    product = _product(upper(X), lower(Y), upper(Z))
    return product, WordMatrix.of([[A, X + A * Z], [Y, 1 + Y * Z]])


def _last_three_layers() -> tuple[WordMatrix, WordMatrix]:
    D, E, F = symbols("D E F")
    inverse = _product(lower(-F), upper(-E), lower(-D))
    return inverse, WordMatrix.of([[1 + E * D, -E], [-F - D - F * E * D, 1 + F * E]])


def _diagonal() -> tuple[WordMatrix, WordMatrix]:
    (X,) = symbols("X")
    layers = upper(X - 1), lower(1), upper(X.inverse() - 1), lower(-X)
    return _product(*layers), WordMatrix.of([[X, 0], [0, X.inverse()]])


def _swap() -> tuple[WordMatrix, WordMatrix]:
    return _product(upper(1), lower(-1), upper(1)), WordMatrix.of([[0, 1], [-1, 0]])


def _signed_swap() -> tuple[WordMatrix, WordMatrix]:
    def letter(i: int, j: int, sign: int) -> WordMatrix:
        entries = [[int(row == column) for column in range(4)] for row in range(4)]
        entries[i][j] = sign
        return WordMatrix.of(entries)

    swapped = [[0, 0, 1, 0], [0, 1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1]]
    return _product(letter(0, 2, 1), letter(2, 0, -1), letter(0, 2, 1)), WordMatrix.of(swapped)


def _merged_couplings() -> tuple[WordMatrix, WordMatrix]:
    S, T, R, X = symbols("S T R X")
    first, second = WordMatrix.of([[S, T], [0, 1]]), WordMatrix.of([[R, X], [0, 1]])
    return second @ first, WordMatrix.of([[R * S, R * T + X], [0, 1]])


def _zero_padding() -> tuple[WordMatrix, WordMatrix]:
    (A,) = symbols("A")
    layers = lower(-1), upper(1 - A.inverse()), lower(A)
    return _product(*layers, WordMatrix.of([[1], [0]])), WordMatrix.of([[A], [0]])


def _determinant_first() -> tuple[WordMatrix, WordMatrix]:
    S, X = symbols("S X")
    return WordMatrix.of([[S, 0], [0, 1]]) @ upper(X), WordMatrix.of([[S, S * X], [0, 1]])


def _determinant_second() -> tuple[WordMatrix, WordMatrix]:
    S, Y = symbols("S Y")
    return WordMatrix.of([[1, 0], [0, S]]) @ lower(Y), WordMatrix.of([[1, 0], [S * Y, S]])


def _inverse_flow() -> tuple[WordMatrix, WordMatrix]:
    S, T, R, X = symbols("S T R X")
    flow = WordMatrix.of([[1, 0], [T, S]]) @ WordMatrix.of([[R, X], [0, 1]])
    inverse = WordMatrix.of([[R.inverse(), -R.inverse() * X], [0, 1]]) @ WordMatrix.of(
        [[1, 0], [-S.inverse() * T, S.inverse()]]
    )
    return flow @ inverse, WordMatrix.of([[1, 0], [0, 1]])


def _log_determinant() -> tuple[WordMatrix, WordMatrix]:
    S, T, R, X = symbols("S T R X")
    flow = WordMatrix.of([[1, 0], [T, S]]) @ WordMatrix.of([[R, X], [0, 1]])
    scales = WordMatrix.of([[R, 0], [0, S]])
    shears = lower(S.inverse() * T * R) @ upper(R.inverse() * X)
    return flow, scales @ shears


_TRANSVECTION = ((("s", "e"), 0), (("w", "e"), 1))
_SPLIT = ((("h", "y"), 1), (("j", "J"), 1), (("s", "J"), 0))
_INVOLUTIONS = ((("K", "K"), 1), (("S", "S"), 1))

IDENTITIES: dict[str, Identity] = {
    identity.name: identity
    for identity in (
        Identity(
            "six layers",
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = M, given N = P^-1 G^-1 P G",
            f"{_KMR}; Urschel 2024",
            _six_layers,
        ),
        Identity(
            "commutator route",
            "U(X) L(Y) U(Z) L(W) U(V) = M, given K = G^-1 P^-1 G P",
            f"{_KMR}; Urschel 2024",
            _commutator_route,
        ),
        Identity(
            "transvection route",
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = M, given C' A C'^-1 S = I + e s^T",
            _KMR,
            _transvection_route,
            _TRANSVECTION,
        ),
        Identity(
            "hyperplane route",
            "L(-W0) U(W) L(Y) U(X) L(Z) U(-V) = M for halves (n, q), q >= n, given P Y = I and "
            "T = D + C V = I + Y (S - I) P, S = a - V c",
            f"{_KMR}; Theorem 14 of `exactflow.factorization.hyperplane`",
            _hyperplane_route,
            ((("P", "Y"), 1),),
        ),
        Identity(
            "rotation",
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = M for halves (n, q), q >= n, given h Y = j J = I, "
            "s J = 0",
            f"{_KMR}; Theorem 10 of `exactflow.balancing.rotation`",
            _rotation,
            _SPLIT,
        ),
        Identity(
            "two involutions",
            "H Theta K = K H and K Theta H = H K for H = K S, Theta = H^-2, K^2 = S^2 = I",
            "expansion",
            _two_involutions,
            _INVOLUTIONS,
        ),
        Identity(
            "eleven layers",
            "L(R) U(X) diag(a b, e f) U(Y) L(T) U(Z) is four affine couplings",
            f"{_KMR}; Theorem 11 of `exactflow.balancing.closed`",
            _eleven_layers,
        ),
        Identity(
            "four layers",
            "U(X) L(Y) U(Z) L(W) has lower right block I + YZ, its inverse upper left block I + ZY",
            "Flanders 1951 for the pairs YZ, ZY",
            _four_layers,
        ),
        Identity(
            "blocks of four layers",
            "U(X) L(Y) U(Z) L(W) = [[I + X Y + B W, X D + Z], [Y + D W, D]] with D = I + Y Z",
            "expansion",
            _singular_four_layers,
        ),
        Identity(
            "blocks of three layers",
            "U(X) L(Y) U(Z) = [[A, X + A Z], [Y, I + Y Z]] with A = I + X Y",
            "expansion",
            _three_layers,
        ),
        Identity(
            "last three layers",
            "(L(D) U(E) L(F))^-1 has the upper left block I + E D",
            "expansion",
            _last_three_layers,
        ),
        Identity(
            "diagonal",
            "U(X - I) L(I) U(X^-1 - I) L(-X) = diag(X, X^-1)",
            "Whitehead's lemma",
            _diagonal,
        ),
        Identity("swap", "U(I) L(-I) U(I) = [[0, I], [-I, 0]]", "Whitehead's lemma", _swap),
        Identity(
            "signed swap",
            "U(E) L(-E^T) U(E), E = diag(I, 0), exchanges the first blocks of both halves, one of "
            "them negated, for blocks of every size",
            "Whitehead's lemma",
            _signed_swap,
        ),
        Identity(
            "merged couplings",
            "x1 -> S x1 + T, then x1 -> R x1 + X, is one coupling, x1 -> R S x1 + (R T + X), "
            "whatever functions of x2 these are",
            "Theorem 17 of `exactflow.masks`",
            _merged_couplings,
        ),
        Identity(
            "zero padding",
            "L(-I) U(I - A^-1) L(A) (x, 0) = (A x, 0)",
            "Koehler, Mehta, Risteski, ICML 2021, on padding",
            _zero_padding,
        ),
        Identity(
            "determinant, first half",
            "diag(S, I) U(X) = [[S, S X], [0, I]]",
            "expansion",
            _determinant_first,
        ),
        Identity(
            "determinant, second half",
            "diag(I, S) L(Y) = [[I, 0], [S Y, S]]",
            "expansion",
            _determinant_second,
        ),
        Identity(
            "inverse of a flow",
            "[[I, 0], [T, S]] [[R, X], [0, I]] times the inverse layers in reverse order is I; "
            "more layers by induction",
            "Dinh, Sohl-Dickstein, Bengio 2017",
            _inverse_flow,
        ),
        Identity(
            "log-determinant of a flow",
            "[[I, 0], [T, S]] [[R, X], [0, I]] = diag(R, S) L(S^-1 T R) U(R^-1 X), so that, shears "
            "having determinant 1, det = det R det S; more layers by induction",
            "Dinh, Sohl-Dickstein, Bengio 2017",
            _log_determinant,
        ),
    )
}
