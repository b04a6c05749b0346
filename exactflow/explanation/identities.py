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
*For all n*: `Identity.prove` expands both sides into sums of reduced words, and compares them block
by block. A false identity raises `FalseIdentityError`, which shows the words that survive.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from importlib.resources import files as resources
from typing import TypeAlias

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.exact.numbers import to_fraction
from exactflow.explanation.identity import ShownIdentity, Tree, identities

Word: TypeAlias = tuple[str, ...]
"""Letters, X or X^-1, of which no neighbours cancel."""

Sum: TypeAlias = dict[Word, Fraction]
"""A sum of words: their coefficients, none of which is zero."""

Words: TypeAlias = Sum | list[list[Sum]]
"""A sum of words, or the rows of a block matrix of such."""


class FalseIdentityError(ExactFlowError):
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
            left, right = (_blocks(side) for side in sides)
            if left.keys() != right.keys():
                shapes = [max(left), max(right)]
                raise InvalidInputError(f"expected sides of one shape, got last blocks {shapes}")
            blocks += len(right)
            words += sum(map(len, right.values()))
            for place, block in left.items():
                difference = _added([block, _scaled(right[place], Fraction(-1))], numbers)
                surviving += [f"block {place}: {_shown(difference)}"] if difference else []
        if surviving:
            raise FalseIdentityError(
                f"expected {self.statement}; the difference of the sides has the surviving words "
                f"{'; '.join(surviving)}"
            )
        return Proof(self.name, blocks, words)

    def _numbers(self) -> dict[Word, Fraction]:
        """Return the number that each pair of neighbouring letters is."""
        numbers: dict[Word, Fraction] = {}
        for relation in _equations(self.relations) if self.relations else ():
            product, number = (_words(side, {}) for side in (relation.left, relation.right))
            terms = [] if isinstance(product, list) else [*product.items()]
            pair, factor = terms[0] if len(terms) == 1 else ((), None)
            if len(pair) != 2 or factor != 1 or isinstance(number, list) or set(number) - {()}:
                raise InvalidInputError(
                    f"expected two symbols and their number, as in 's e = 0', got '{relation}'"
                )
            numbers[pair] = number.get((), Fraction(0))
        return numbers


def _equations(text: str) -> tuple[ShownIdentity, ...]:
    found = identities(text)
    if any(equation.relation != "=" for equation in found):
        raise InvalidInputError(f"expected equations, got {text!r}")
    return found


def _words(tree: Tree, values: Mapping[str, Words]) -> Words:
    """Expand a tree; names without a value are symbols."""
    kind, *parts = tree
    if kind == "name":
        return values.get(parts[0], {(parts[0],): Fraction(1)})
    if kind == "number":
        return _scaled(_ONE, to_fraction(parts[0]))
    found: list = [_words(part, values) for part in parts]
    is_matrix = [isinstance(part, list) for part in found]
    if any(is_matrix) and not (kind == "product" and all(is_matrix)):
        raise InvalidInputError(f"expected block matrices in products of such only, got a {kind}")
    match kind:
        case "bracket":
            return found[0]
        case "neg":
            return _scaled(found[0], Fraction(-1))
        case "inverse":
            return _inverse(found[0])
        case "sum":
            return _added(found)
        case "product" if any(is_matrix):
            return reduce(_matrix_product, found)
        case "product":
            return reduce(_product, found)
        case "U":
            return [[_ONE, found[0]], [{}, _ONE]]
        case "L":
            return [[_ONE, {}], [found[0], _ONE]]
        case "blocks" if len(found) == 4:
            return [found[:2], found[2:]]
        case "diag":
            return [[x if i == j else {} for j in range(len(found))] for i, x in enumerate(found)]
    raise InvalidInputError(f"expected sums, products, U, L, diag and blocks of four, got {kind}")


_ONE: Sum = {(): Fraction(1)}


def _blocks(words: Words) -> dict[tuple[int, int], Sum]:
    """Return the blocks by their places."""
    rows = words if isinstance(words, list) else [[words]]
    return {(i, j): block for i, row in enumerate(rows) for j, block in enumerate(row)}


def _scaled(words: Sum, factor: Fraction) -> Sum:
    return {word: factor * c for word, c in words.items() if factor}


def _added(sums: Iterable[Sum], numbers: Mapping[Word, Fraction] | None = None) -> Sum:
    """Add sums, and replace neighbours by the numbers that they are."""
    total: defaultdict[Word, Fraction] = defaultdict(Fraction)
    for words in sums:
        for word, c in words.items():
            reduced, factor = _reduced(word, numbers) if numbers else (word, Fraction(1))
            total[reduced] += c * factor
    return {word: c for word, c in total.items() if c}


def _product(left: Sum, right: Sum) -> Sum:
    """Multiply two sums, word by word."""
    total: defaultdict[Word, Fraction] = defaultdict(Fraction)
    for first, a in left.items():
        for second, b in right.items():
            k = 0
            while k < min(len(first), len(second)) and first[-1 - k] == _inverted(second[k]):
                k += 1
            total[first[: len(first) - k] + second[k:]] += a * b
    return {word: c for word, c in total.items() if c}


def _matrix_product(left: list[list[Sum]], right: list[list[Sum]]) -> list[list[Sum]]:
    """Multiply two block matrices."""
    if len(left[0]) != len(right):
        raise InvalidInputError(f"expected {len(left[0])} rows of blocks, got {len(right)}")
    return [
        [_added(map(_product, row, column)) for column in zip(*right, strict=True)] for row in left
    ]


def _reduced(word: Word, numbers: Mapping[Word, Fraction]) -> tuple[Word, Fraction]:
    """Replace neighbours by their numbers until nothing changes."""
    read, factor = list[str](), Fraction(1)
    for letter in word:
        pair = (*read[-1:], letter)
        if pair in numbers:
            factor *= numbers[pair]
            read.pop()
        elif read and read[-1] == _inverted(letter):
            read.pop()
        else:
            read.append(letter)
    return tuple(read), factor


def _inverted(letter: str) -> str:
    return letter.removesuffix("^-1") if letter.endswith("^-1") else f"{letter}^-1"


def _inverse(words: Sum) -> Sum:
    """Return the inverse of a single word; a sum of words has none in the free group ring."""
    if len(words) != 1:
        raise InvalidInputError(
            f"expected a single word, got {_shown(words)}: the inverse of a sum is not a sum of "
            "words; name it by a symbol of its own and solve for another symbol"
        )
    ((word, c),) = words.items()
    return {tuple(map(_inverted, reversed(word))): 1 / c}


def _shown(words: Sum) -> str:
    """Return the words with their coefficients, the shortest first."""
    if not words:
        return "0"
    terms = []
    for word, c in sorted(words.items(), key=lambda term: (len(term[0]), term[0])):
        size = [str(abs(c))] * (abs(c) != 1 or not word)
        terms += ["-" if c < 0 else "+", " ".join([*size, *word])]
    return " ".join(terms).removeprefix("+ ").replace("- ", "-", int(terms[0] == "-"))


_KMR = "Koehler, Mehta, Risteski, ICML 2021 (a bounded number of layers)"
_ROWS = tomllib.loads(
    resources("exactflow.explanation").joinpath("identities.toml").read_text("utf-8")
)

IDENTITIES: dict[str, Identity] = {
    name: Identity(name, **row | {"source": row["source"].replace("KMR", _KMR)})
    for name, row in _ROWS.items()
}
