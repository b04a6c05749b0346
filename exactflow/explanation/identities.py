"""The identities behind the constructions, each proved for all n by expanding it.

Main results
------------
The constructions are identities between 2 x 2 block matrices whose blocks are words in symbols and
their inverses. Such an identity holds for matrices of every size n over every field (of
characteristic not 2 where a half occurs) as soon as it holds in the free group ring over QQ, where
a sum of words has one normal form.

`IDENTITIES` is the table, read from ``identities.toml``. In each identity the symbols stand for
n x n matrices (e, s, w: columns and rows), those whose inverse occurs for invertible ones;
everything else is defined by them. The hypotheses under which the symbols exist (a commutator, a
transvection) are the theorems that the modules of `exactflow.linear.factor` and
`exactflow.floats.balancing` construct.

How it is checked
-----------------
*For all n*: `Identity.prove` expands both sides, in noncommutative symbols of SymPy, and compares
them block by block. A false identity raises `FalseIdentityError`, which shows the words that
survive.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial, reduce
from importlib.resources import files as resources
from operator import mul
from typing import Any, TypeAlias

from sympy import Add, Expr, Matrix, Mul, Rational, Symbol

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.numbers import to_fraction
from exactflow.explanation.identity import ShownIdentity, Tree, identities

Words: TypeAlias = Expr | Matrix
"""A sum of words in noncommutative symbols, or a block matrix of such."""


class FalseIdentityError(VerificationError):
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

        Raises `FalseIdentityError` if they differ, and `InvalidInputError` for sides of two shapes,
        and where the text is none in that language.
        """
        values: dict[str, Words] = {}
        numbers = self._numbers()
        surviving, blocks, words = [], 0, 0
        for equation in _equations(self.text):
            if equation.left[0] == "name":
                values[equation.left[1]] = _words(equation.right, values)
                continue
            sides = (_words(side, values) for side in (equation.left, equation.right))
            left, right = (_expanded(Matrix([[s]] if isinstance(s, Expr) else s)) for s in sides)
            if left.shape != right.shape:
                shapes = [left.shape, right.shape]
                raise InvalidInputError(f"expected sides of one shape in blocks, got {shapes}")
            blocks += len(right)
            words += sum(len(Add.make_args(block)) for block in right if block)
            difference = _expanded(left - right).applyfunc(partial(_modulo, numbers=numbers))
            surviving += [
                f"block {place}: {_shown(block)}" for place, block in difference.todok().items()
            ]
        if surviving:
            raise FalseIdentityError(
                f"expected {self.statement}; the difference of the sides has the surviving words "
                f"{'; '.join(surviving)}"
            )
        return Proof(self.name, blocks, words)

    def _numbers(self) -> dict[tuple[Expr, ...], Rational]:
        """Return the number that each pair of neighbouring symbols is."""
        numbers = {}
        for relation in _equations(self.relations) if self.relations else ():
            product, number = (_words(side, {}) for side in (relation.left, relation.right))
            pair = _letters(product) if isinstance(product, Expr) else []
            if len(pair) != 2 or not isinstance(number, Rational):
                raise InvalidInputError(
                    f"expected two symbols and their number, as in 's e = 0', got '{relation}'"
                )
            numbers[pair[0], pair[1]] = number
        return numbers


def _equations(text: str) -> tuple[ShownIdentity, ...]:
    found = identities(text)
    if any(equation.relation != "=" for equation in found):
        raise InvalidInputError(f"expected equations, got {text!r}")
    return found


def _words(tree: Tree, values: Mapping[str, Words]) -> Words:
    """The SymPy expression of a tree; names without a value are symbols."""
    kind, *parts = tree
    if kind == "name":
        return values.get(parts[0], Symbol(parts[0], commutative=False))
    if kind == "number":
        return Rational(to_fraction(parts[0]))
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
            return _inverse(_expanded(found[0]))
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


def _expanded(words: Words) -> Any:
    """Multiply out: words have no logarithms, and no powers but of products."""
    unused = ("basic", "log", "power_base", "power_exp")
    return words.expand(**dict.fromkeys(unused, False))


def _letters(word: Expr) -> list[Expr]:
    """Return the factors of a word, X X for X^2."""
    powers = [factor.as_base_exp() for factor in Mul.make_args(word)]
    return [base ** (1 if n > 0 else -1) for base, n in powers for _ in range(abs(n))]


def _modulo(words: Expr, numbers: Mapping[tuple[Expr, ...], Rational]) -> Expr:
    """Replace neighbours in an expanded sum by their numbers until nothing changes."""
    terms = []
    for word in Add.make_args(words):
        read: list[Expr] = []
        for letter in _letters(word):
            pair = (*read[-1:], letter)
            read = [*read[:-1], numbers[pair]] if pair in numbers else [*read, letter]
        terms.append(Mul(*read))
    reduced = Add(*terms)
    return words if reduced == words else _modulo(reduced, numbers)


def _inverse(word: Expr) -> Expr:
    """Return the inverse of a single word; a sum of words has none in the free group ring."""
    if word.is_Add or not word:
        raise InvalidInputError(
            f"expected a single word, got {_shown(word)}: the inverse of a sum is not a sum of "
            "words; name it by a symbol of its own and solve for another symbol"
        )
    return Mul(*(1 / factor for factor in reversed(Mul.make_args(word))))


def _shown(words: Expr) -> str:
    return str(words).replace("**(-1)", "^-1").replace("**", "^").replace("*", " ")


_KMR = "Koehler, Mehta, Risteski, ICML 2021 (a bounded number of layers)"
_ROWS = tomllib.loads(
    resources("exactflow.explanation").joinpath("identities.toml").read_text("utf-8")
)

IDENTITIES: dict[str, Identity] = {
    name: Identity(name, **row | {"source": row["source"].replace("KMR", _KMR)})
    for name, row in _ROWS.items()
}
