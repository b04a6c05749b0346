"""The identities behind the constructions, each proved for all n by expanding it.

Main results
------------
The constructions are identities between 2 x 2 block matrices whose blocks are words in symbols and
their inverses. Such an identity holds for matrices of every size n over every field (of
characteristic not 2 where a half occurs) as soon as it holds in the free group ring over QQ, where
a sum of words has one normal form.

`IDENTITIES` is the table. In each identity the symbols stand for n x n matrices (e, s, w: columns
and rows), those whose inverse occurs for invertible ones; everything else is defined by them. The
hypotheses under which the symbols exist (a commutator, a transvection) are the theorems that the
modules of `exactflow.factorization` and `exactflow.balancing` construct.

How it is checked
-----------------
*For all n*: `Identity.prove` expands both sides, in noncommutative symbols of SymPy, and compares
them block by block. A false identity raises `RefutedError`, which shows the words that survive.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import TypeAlias

from sympy import Add, Expr, Matrix, Mul, Rational, Symbol, expand

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.explanation.identity import Tree, identities

__all__ = ["IDENTITIES", "Identity", "Proof", "RefutedError"]

Words: TypeAlias = Expr | Matrix
"""A sum of words in noncommutative symbols, or a block matrix of such."""


class RefutedError(ExactFlowError):
    """An identity is false: some words survive in the difference of its sides."""


@dataclass(frozen=True)
class Proof:
    """The result of a successful `Identity.prove`."""

    name: str
    blocks: int
    words: int

    def __str__(self) -> str:
        return f"{self.name}: proved for all n ({self.blocks} blocks, {self.words} words compared)"


@dataclass(frozen=True)
class Identity:
    """An identity between block matrices, to be proved for all n.

    Parameters
    ----------
    name, statement, source : what it is called, says, and comes from.
    text : equations with commas between them, in the language of `exactflow.explanation.identity`,
        with the functions U, L, diag and blocks. One whose left side is a name defines it for those
        after it; the others are claimed. All other names are symbols.
    relations : products of two symbols that are assumed to be numbers, in the same language, as
        "s e = 0" for a row s and a column e.

    Examples
    --------
    >>> print(Identity("sum", "shears add up", "", "Z = X + Y, U(X) U(Y) = U(Z)").prove())
    sum: proved for all n (4 blocks, 4 words compared)
    """

    name: str
    statement: str
    source: str
    text: str
    relations: str = ""

    def prove(self) -> Proof:
        """Expand both sides of what is claimed and compare normal forms.

        Raises `RefutedError` if they differ, and `InvalidInputError` for sides of two shapes, and
        where the text is none in that language.
        """
        values: dict[str, Words] = {}
        surviving, blocks, words = [], 0, 0
        for equation in identities(self.text):
            if equation.left[0] == "name":
                values[equation.left[1]] = _words(equation.right, values)
                continue
            sides = (_words(side, values) for side in (equation.left, equation.right))
            left, right = (Matrix([[s]] if isinstance(s, Expr) else s).expand() for s in sides)
            if left.shape != right.shape:
                shapes = [left.shape, right.shape]
                raise InvalidInputError(f"expected sides of one shape in blocks, got {shapes}")
            blocks += len(right)
            words += sum(len(Add.make_args(block)) for block in right if block)
            difference = (left - right).expand().applyfunc(self._modulo)
            surviving += [
                f"block {place}: {_shown(block)}" for place, block in difference.todok().items()
            ]
        if surviving:
            raise RefutedError(
                f"expected {self.statement}; the difference of the sides has the surviving words "
                f"{'; '.join(surviving)}"
            )
        return Proof(self.name, blocks, words)

    def _modulo(self, words: Expr) -> Expr:
        """Apply the relations to an expanded sum until nothing changes."""
        reduced = words
        for relation in identities(self.relations) if self.relations else ():
            product, number = (_words(side, {}) for side in (relation.left, relation.right))
            reduced = expand(reduced.subs(product, number))
        return words if reduced == words else self._modulo(reduced)


def _words(tree: Tree, values: Mapping[str, Words]) -> Words:
    """Return what an expression says; names without a value are symbols."""
    kind, *parts = tree
    if kind == "name":
        return values.get(parts[0], Symbol(parts[0], commutative=False))
    if kind == "number":
        return Rational(parts[0])
    found: list = [_words(part, values) for part in parts]
    is_matrix = [isinstance(part, Matrix) for part in found]
    if any(is_matrix) and not (kind == "product" and all(is_matrix)):
        raise InvalidInputError(f"expected block matrices in products of such only, got a {kind}")
    match kind:
        case "bracket":
            return found[0]
        case "neg":
            return -found[0]
        case "inverse":
            return _inverse(expand(found[0]))
        case "sum":
            return Add(*found)
        case "product":
            return reduce(mul, found)
        case "U":
            return Matrix([[1, found[0]], [0, 1]])
        case "L":
            return Matrix([[1, 0], [found[0], 1]])
        case "blocks" if len(found) == 4:
            return Matrix([found[:2], found[2:]])
        case "diag":
            return Matrix.diag(*found)
    raise InvalidInputError(f"expected sums, products, U, L, diag and blocks of four, got {kind}")


def _inverse(word: Expr) -> Expr:
    """Return the inverse of a single word; a sum of words has none in the free group ring."""
    if word.is_Add or not word:
        raise InvalidInputError(
            f"expected a single word, got {_shown(word)}: the inverse of a sum is not a sum of "
            "words; name it by a symbol of its own and solve for another symbol"
        )
    return Mul(*(1 / factor for factor in reversed(Mul.make_args(word))))


def _shown(words: Expr) -> str:
    return str(words).replace("**", "^").replace("*", " ")


_KMR = "Koehler, Mehta, Risteski, ICML 2021 (a bounded number of layers)"

IDENTITIES: dict[str, Identity] = {
    identity.name: identity
    for identity in (
        Identity(
            "six layers",
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = M, given N = P^-1 G^-1 P G",
            f"{_KMR}; Urschel 2024",
            "N = P^-1 G^-1 P G, B = A C1^-1 D1 - C1^-1 N^-1, Y = G C1, Z = Y^-1 (P - 1), "
            "V = C1^-1 (D1 - P), W = P^-1 (C1 - Y), X = (B - A V - Z) P^-1, "
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C1 - W0 A, D1 - W0 B)",
        ),
        Identity(
            "commutator route",
            "U(X) L(Y) U(Z) L(W) U(V) = M, given K = G^-1 P^-1 G P",
            f"{_KMR}; Urschel 2024",
            "K = G^-1 P^-1 G P, B = A C^-1 D - C^-1 K, Y = G C, W = P^-1 (C - Y), "
            "X = (A - Y^-1 (C - W)) C^-1, Z = Y^-1 (P - 1), V = C^-1 (D - P), "
            "U(X) L(Y) U(Z) L(W) U(V) = blocks(A, B, C, D)",
        ),
        Identity(
            "transvection route",
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = M, given C' A C'^-1 S = I + e s^T",
            _KMR,
            "C1 = Q^-1, S = Q^-1 A^-1 Q (1 + e s), D = S + C A^-1 B, W0 = (C1 - C) A^-1, "
            "W = 1/2 e w C1, V = Q (S - 1) + Q e s + A^-1 B, "
            "L(-W0) U((A - 1) Q) L(C1 - W) U(-2 Q e s) L(W) U(V) = blocks(A, B, C, D)",
            "s e = 0, w e = 1",
        ),
        Identity(
            "hyperplane route",
            "L(-W0) U(W) L(Y) U(X) L(Z) U(-V) = M for halves (n, q), q >= n, given P Y = I and "
            "T = D + C V = I + Y (S - I) P, S = a - V c",
            f"{_KMR}; Theorem 14 of `exactflow.factorization.hyperplane`",
            "T = 1 + Y (S - 1) P, T' = 1 + Y (S^-1 - 1) P, A = S^-1 + B1 T' C1, X = (S - 1) P, "
            "B = B1 - A V, W = (B1 - X) T', Z = T' (C1 - Y), "
            "L(-W0) U(W) L(Y) U(X) L(Z) U(-V) = blocks(A, B, C1 - W0 A, T - C1 V - W0 B)",
            "P Y = 1",
        ),
        Identity(
            "rotation",
            "L(-W0) U(X) L(Y) U(Z) L(W) U(V) = M for halves (n, q), q >= n, given h Y = j J = I, "
            "s J = 0",
            f"{_KMR}; Theorem 10 of `exactflow.balancing.rotation`",
            "D = 1 + y (P - 1) h, D' = 1 + y (P^-1 - 1) h, C1 = D J P^-1, Z = (P - 1) h, "
            "B = A V + (A P - 1) j + s, W = D' (C1 - y), X = (B - A V - Z) D', "
            "L(-W0) U(X) L(y) U(Z) L(W) U(V) = blocks(A, B, C1 - W0 A, D + C1 V - W0 B)",
            "h y = 1, j J = 1, s J = 0",
        ),
        Identity(
            "two involutions",
            "H Theta K = K H and K Theta H = H K for H = K S, Theta = H^-2, K^2 = S^2 = I",
            "expansion",
            "H = K S, Theta = S K S K, diag(H Theta K, K Theta H) = diag(K H, H K)",
            "K K = 1, S S = 1",
        ),
        Identity(
            "eleven layers",
            "L(R) U(X) diag(a b, e f) U(Y) L(T) U(Z) is four affine couplings",
            f"{_KMR}; Theorem 11 of `exactflow.balancing.closed`",
            "L(R) U(X) diag(a b, e f) U(Y) L(T) U(Z) = blocks(1, 0, R, e) "
            "blocks(a, X e + a b Y f^-1, 0, 1) blocks(1, 0, f T b^-1, f) blocks(b, b Z, 0, 1)",
        ),
        Identity(
            "four layers",
            "U(X) L(Y) U(Z) L(W) has lower right block I + YZ, its inverse upper left block I + ZY",
            "Flanders 1951 for the pairs YZ, ZY",
            "diag(0, 1) U(X) L(Y) U(Z) L(W) diag(0, 1) = diag(0, 1 + Y Z), "
            "diag(1, 0) L(-W) U(-Z) L(-Y) U(-X) diag(1, 0) = diag(1 + Z Y, 0)",
        ),
        Identity(
            "blocks of four layers",
            "U(X) L(Y) U(Z) L(W) = [[I + X Y + B W, X D + Z], [Y + D W, D]] with D = I + Y Z",
            "expansion",
            "D = 1 + Y Z, B = X D + Z, U(X) L(Y) U(Z) L(W) = blocks(1 + X Y + B W, B, Y + D W, D)",
        ),
        Identity(
            "blocks of three layers",
            "U(X) L(Y) U(Z) = [[A, X + A Z], [Y, I + Y Z]] with A = I + X Y",
            "expansion",
            "A = 1 + X Y, U(X) L(Y) U(Z) = blocks(A, X + A Z, Y, 1 + Y Z)",
        ),
        Identity(
            "last three layers",
            "(L(D) U(E) L(F))^-1 has the upper left block I + E D",
            "expansion",
            "L(-F) U(-E) L(-D) = blocks(1 + E D, -E, -F - D - F E D, 1 + F E)",
        ),
        Identity(
            "diagonal",
            "U(X - I) L(I) U(X^-1 - I) L(-X) = diag(X, X^-1)",
            "Whitehead's lemma",
            "U(X - 1) L(1) U(X^-1 - 1) L(-X) = diag(X, X^-1)",
        ),
        Identity(
            "swap",
            "U(I) L(-I) U(I) = [[0, I], [-I, 0]]",
            "Whitehead's lemma",
            "U(1) L(-1) U(1) = blocks(0, 1, -1, 0)",
        ),
        Identity(
            "signed swap",
            "U(e h) L(-g f) U(e h) exchanges the vectors e and g of the two halves, one of them "
            "negated, and nothing else, for rows with f e = h g = I",
            "Whitehead's lemma",
            "U(e h) L(-g f) U(e h) = blocks(1 - e f, e h, -g f, 1 - g h)",
            "f e = 1, h g = 1",
        ),
        Identity(
            "merged couplings",
            "x1 -> S x1 + T, then x1 -> R x1 + X, is one coupling, x1 -> R S x1 + (R T + X), "
            "whatever functions of x2 these are",
            "Theorem 17 of `exactflow.masks`",
            "blocks(R, X, 0, 1) blocks(S, T, 0, 1) = blocks(R S, R T + X, 0, 1)",
        ),
        Identity(
            "zero padding",
            "L(-I) U(I - A^-1) L(A) (x, 0) = (A x, 0)",
            "Koehler, Mehta, Risteski, ICML 2021, on padding",
            "L(-1) U(1 - A^-1) L(A) diag(1, 0) = diag(A, 0)",
        ),
        Identity(
            "determinant",
            "diag(S, I) U(X) = [[S, S X], [0, I]] and diag(I, S) L(Y) = [[I, 0], [S Y, S]]",
            "expansion",
            "diag(S, 1) U(X) = blocks(S, S X, 0, 1), diag(1, S) L(Y) = blocks(1, 0, S Y, S)",
        ),
        Identity(
            "inverse of a flow",
            "[[I, 0], [T, S]] [[R, X], [0, I]] times the inverse layers in reverse order is I; "
            "more layers by induction",
            "Dinh, Sohl-Dickstein, Bengio 2017",
            "blocks(1, 0, T, S) blocks(R, X, 0, 1) "
            "blocks(R^-1, -R^-1 X, 0, 1) blocks(1, 0, -S^-1 T, S^-1) = diag(1, 1)",
        ),
        Identity(
            "log-determinant of a flow",
            "[[I, 0], [T, S]] [[R, X], [0, I]] = diag(R, S) L(S^-1 T R) U(R^-1 X), so that, shears "
            "having determinant 1, det = det R det S; more layers by induction",
            "Dinh, Sohl-Dickstein, Bengio 2017",
            "blocks(1, 0, T, S) blocks(R, X, 0, 1) = diag(R, S) L(S^-1 T R) U(R^-1 X)",
        ),
    )
}
