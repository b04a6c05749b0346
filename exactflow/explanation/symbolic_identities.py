"""The identities behind the constructions, each proved for all n by expanding both sides.

Main results
------------
The constructions are identities between 2 x 2 block matrices whose blocks are sums of words in
symbols and inverses of symbols. If such an identity holds in the free group ring over QQ, it holds
for matrices of every size n over every field (of characteristic not 2 if 1/2 occurs). In this ring
a sum of words has one normal form.

`IDENTITIES` is the table of the identities, read from ``identities.toml``. In each identity the
symbols stand for n x n matrices. Symbols in relations may also stand for columns and rows; symbols
whose inverse occurs stand for invertible matrices. All other names are defined by the symbols, once
and before their use. The constructions in the modules of `exactflow.linear.factor` and
`exactflow.floats.balancing` show that matrices with the required properties (as a given commutator)
exist.

A *word* is a product of symbols and of inverses of symbols. `FreeRing` is the ring of sums of words
with rational coefficients, modulo *relations*: products of two symbols that are numbers, as
s e = 0. The evaluator of `exactflow.explanation.identity_text` computes in `FreeRing` as in a
field.

*Proof that equal sums are equal matrices.* Replace the symbols by matrices that fulfil the
relations, and the inverted symbols by invertible matrices. This extends to a homomorphism on all
sums of words of one shape. The reduction of a word replaces X X^-1 and X^-1 X by 1, and the two
symbols of a relation by their number; neither changes the matrix of the word. So sums with the same
reduced words are equal matrices, for every size, over every field in which the divisors are not
zero.

*Every sum has one normal form.* Relations that overlap must agree: a b = x and b c = y imply
x c = a y, and are refused unless this holds. The inverse of a symbol in a relation is refused
unless the relations determine it as a multiple of another symbol, as K^-1 = K if K K = 1. By
Newman's lemma the normal form is unique, and accepted relations never imply 0 = 1.

How it is checked
-----------------
*For all n*: `Identity.prove` evaluates both sides in the free ring and compares them block by
block. A false identity raises `FalseIdentityError`, which shows the words that survive.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files as resources
from itertools import chain, product
from typing import Any, TypeAlias

from sympy import QQ

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.numbers import format_rational
from exactflow.exact.typing import QQElement
from exactflow.explanation.identity_text import (
    ParsedIdentity,
    Tree,
    evaluate_tree,
    names_in_tree,
    parse_comma_separated_identities,
    rename_in_formula,
)

Letter: TypeAlias = tuple[str, int]
"""A symbol, and 1 for the symbol itself or -1 for the inverse of the symbol."""

Word: TypeAlias = tuple[Letter, ...]


@dataclass(frozen=True)
class SumOfWords:
    """A sum of reduced words, each with a coefficient that is not zero."""

    terms: Mapping[Word, QQElement]
    ring: "FreeRing"

    def __add__(self, other: "SumOfWords") -> "SumOfWords":
        return self.ring.sum_terms(chain(self.terms.items(), other.terms.items()))

    def __neg__(self) -> "SumOfWords":
        return SumOfWords({word: -x for word, x in self.terms.items()}, self.ring)

    def __sub__(self, other: "SumOfWords") -> "SumOfWords":
        return self + -other

    def __mul__(self, other: "SumOfWords") -> "SumOfWords":
        pairs = product(self.terms.items(), other.terms.items())
        return self.ring.sum_terms(((*u, *v), x * y) for (u, x), (v, y) in pairs)

    def __truediv__(self, other: "SumOfWords") -> "SumOfWords":
        return self * self.ring.inverse_of_one_word_recording_divisors(other)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        """Return the sum in the language of identities.

        >>> ring = FreeRing()
        >>> X, Y = map(ring.symbol, "XY")
        >>> print(X * Y - Y * X - ring.convert(2) / X)
        -2 X^-1 + X Y - Y X
        """
        shown = []
        for word, x in sorted(self.terms.items()):
            number = [format_rational(abs(x))] if abs(x) != 1 or not word else []
            letters = [name + "^-1" * (sign < 0) for name, sign in word]
            shown += ["-" if x < 0 else "+", *number, *letters]
        text = " ".join(shown)
        return text.removeprefix("+ ").replace("- ", "-", text.startswith("-")) or "0"


class FreeRing:
    """The ring of sums of words, modulo relations.

    `numbers` maps the two symbols of a relation to the number that equals their product. `divisors`
    are the symbols and integers that were inverted in the ring. All results hold under the
    hypothesis that the divisors are invertible.
    """

    def __init__(self, numbers: Mapping[tuple[str, str], QQElement] | None = None) -> None:
        self.numbers, self.divisors = dict(numbers or {}), set[str]()
        self.zero, self.one = SumOfWords({}, self), SumOfWords({(): QQ.one}, self)
        for ((a, b), x), ((c, d), y) in product(self.numbers.items(), repeat=2):
            if b == c and (x or y) and (a != d or x != y):
                left, right = format_rational(x), format_rational(y)
                raise InvalidInputError(
                    f"expected relations between different nonzero symbols, got {a} {b} = {left} "
                    f"and {b} {d} = {right}, which imply {left} {d} = {right} {a}: write one name "
                    "for equal symbols, and omit symbols that are zero"
                )

    def symbol(self, name: str) -> SumOfWords:
        """Return the symbol `name` as a sum of one word."""
        return SumOfWords({((name, 1),): QQ.one}, self)

    def convert(self, integer_or_converted: Any) -> Any:
        """Return an integer as an element of the ring, and any other value unchanged."""
        value = integer_or_converted
        return self.sum_terms([((), QQ(value))]) if isinstance(value, int) else value

    def sum_terms(self, terms: Iterable[tuple[Word, QQElement]]) -> SumOfWords:
        """Return the sum of the given words times their coefficients, with reduced words."""
        total: dict[Word, QQElement] = {}
        for word, x in terms:
            reduced, number = self._reduce_word(word)
            total[reduced] = total.get(reduced, QQ.zero) + x * number
        return SumOfWords({word: x for word, x in total.items() if x}, self)

    def _reduce_word(self, word: Word) -> tuple[Word, QQElement]:
        """Return a reduced word and a number, whose product equals the given word.

        Neighbouring letters that are inverse to each other cancel. Neighbours whose product is a
        number by a relation are removed; the second result is the product of all these numbers.
        """
        read: list[Letter] = []
        number = QQ.one
        for name, sign in word:
            before, sign_before = read[-1] if read else ("", 0)
            if (before, sign_before) == (name, -sign):
                read.pop()
            elif sign == sign_before == 1 and (before, name) in self.numbers:
                read.pop()
                number *= self.numbers[before, name]
            else:
                read.append((name, sign))
        return tuple(read), number

    def inverse_of_one_word_recording_divisors(self, words: SumOfWords) -> SumOfWords:
        """Return the inverse of a sum that consists of one word. Add its symbols and the numerator
        of its coefficient to `divisors`.

        `InvalidInputError` is raised for a sum of several words, or of none.
        """
        if not words:
            raise InvalidInputError("expected a factor that can be inverted, got 0")
        if len(words.terms) != 1:
            raise InvalidInputError(
                f"expected a single word, got {words}: the inverse of a sum is not a sum of words; "
                "use a new symbol S for the sum, and replace one term by S minus the other terms"
            )
        ((word, x),) = words.terms.items()
        letters = []
        for name, sign in reversed(word):
            letter, denominator = self._invert_letter_recording_divisors(name, sign)
            letters.append(letter)
            x *= denominator
        if abs(x.numerator) != 1:
            self.divisors.add(format_rational(abs(x.numerator)))
        return self.sum_terms([(tuple(letters), 1 / x)])

    def _invert_letter_recording_divisors(self, name: str, sign: int) -> tuple[Letter, QQElement]:
        """Return a letter and a number. The inverse of the given letter is their quotient.

        If no relation has the letter, its name is added to `divisors`.
        """
        if not any(name in pair for pair in self.numbers):
            self.divisors.add(name)
            return (name, -sign), QQ.one
        for (a, b), x in self.numbers.items():
            if a == name and x and self.numbers.get((b, a)) == x:
                return (b, 1), x
        remedy = ""
        for (a, b), x in self.numbers.items():
            if x and name in (a, b):
                remedy = f'add the relation "{b} {a} = {format_rational(x)}"'
            elif name in (a, b) and not remedy:
                zero = b if a == name else a
                remedy = f"if {name} has an inverse, then {zero} is 0: omit {zero}"
        raise InvalidInputError(f"the relations do not determine the inverse of {name}: {remedy}")


class FalseIdentityError(VerificationError):
    """An identity is false, since some words do not cancel in the difference of its two sides."""


@dataclass(frozen=True)
class Proof:
    """The result of a successful `Identity.prove`.

    `name` is the name of the identity. `blocks` and `words` are the numbers of compared blocks, and
    of words in the right sides. `hypotheses` are the relations, and a clause that names the symbols
    and integers which must be invertible.
    """

    name: str
    blocks: int
    words: int
    hypotheses: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f", where {' and '.join(self.hypotheses)}" if self.hypotheses else ""
        compared = f"{self.blocks} blocks, {self.words} words compared"
        return f"{self.name}: proved for all n{where} ({compared})"


@dataclass(frozen=True)
class Identity:
    """An identity between block matrices, to be proved for all n.

    Parameters
    ----------
    name : the name of the identity.
    statement : the identity in words and formulas.
    source : the publication or the construction that has the identity.
    text : equations with commas between them, in the language of
        `exactflow.explanation.identity_text`, with the functions U, L, diag and blocks. An equation
        whose left side is a name defines this name, once and before its use; every other equation
        is a claim. Names that are not defined are symbols. With brackets, an equation about a name
        is a claim, as "(D) = 1 + Z Y".
    relations : products of two symbols that are assumed to be numbers, in the same language, as
        "s e = 0" for a row s and a column e.

    Examples
    --------
    >>> print(Identity("sum", "shears add up", "", "Z = X + Y, U(X) U(Y) = U(Z)").prove())
    sum: proved for all n (4 blocks, 4 words compared)
    >>> print(Identity("swap", "", "", "U(X) L(-X^-1) U(X) = blocks(0, X, -X^-1, 0)").prove())
    swap: proved for all n, where X is invertible (4 blocks, 2 words compared)
    """

    name: str
    statement: str
    source: str
    text: str
    relations: str = ""

    def prove(self) -> Proof:
        """Prove each claim: expand its two sides, and compare their normal forms.

        `FalseIdentityError` is raised if the normal forms differ. `InvalidInputError` is raised for
        sides of different shapes, for a text without claims or outside of the language, and for a
        name that is defined twice, by itself, or after its use.
        """
        values, ring = self.define_names_in_ring()
        surviving, compared, words = [], 0, 0
        for claim in _parse_ring_equations(self.text):
            if _defined_name_or_empty(claim):
                continue
            left, right = map(_blocks_by_place, claim.evaluate_sides(values, ring))
            compared += len(right)
            words += sum(len(block.terms) for block in right.values())
            rest = {place: left[place] - block for place, block in right.items()}
            surviving += [f"block {place}: {block}" for place, block in rest.items() if block]
        if not compared:
            joined = re.search(r"\b[A-Z]([A-Z]+)\b", self.text)
            raise InvalidInputError(
                f"expected a text with a claim, got definitions only: {self.text!r}; "
                + (f"{joined[0]} is one name: write products with spaces; " if joined else "")
                + "write brackets around a name to claim an equation about it, as in "
                "'(D) = 1 + Z Y'"
            )
        if surviving:
            raise FalseIdentityError(
                f"this identity is false: {self.statement or self.text}; in the difference of its "
                f"sides, these products do not cancel: {'; '.join(surviving)}"
            )
        hypotheses = [" ".join(self.relations.split())] if self.relations else []
        if ring.divisors:
            *others, last = sorted(ring.divisors)
            are = f"{', '.join(others)} and {last} are" if others else f"{last} is"
            hypotheses.insert(0, f"{are} invertible")
        return Proof(self.name, compared, words, tuple(hypotheses))

    def define_names_in_ring(self) -> tuple[dict[str, Any], FreeRing]:
        """Return a dict from each name in the text to its value, and the ring of the values."""
        ring = self._build_ring()
        values = {name: [[ring.symbol(name)]] for pair in ring.numbers for name in pair}
        for equation in _parse_ring_equations(self.text):
            name = _defined_name_or_empty(equation)
            for side in (equation.right,) if name else (equation.left, equation.right):
                for used in names_in_tree(side):
                    values.setdefault(used, [[ring.symbol(used)]])
            if name in values:
                raise InvalidInputError(
                    f"expected '{equation}' to define a new name, got {name}, which is defined or "
                    f"used before: define it once, before its use, or claim '({name}) = ..'"
                )
            if name:
                values[name] = evaluate_tree(equation.right, values, ring)
        return values, ring

    def rename(self, names: Mapping[str, str]) -> "Identity":
        """Return a copy of the identity with new names; `names` maps old names to new names."""
        text, relations = (rename_in_formula(part, names) for part in (self.text, self.relations))
        return replace(self, text=text, relations=relations)

    def _build_ring(self) -> FreeRing:
        """Parse and check the relations, and return the free ring modulo the relations."""
        numbers: dict[tuple[str, str], QQElement] = {}
        ring = FreeRing()
        for relation in _parse_ring_equations(self.relations) if self.relations else ():
            match relation.left, [*names_in_tree(relation.right)]:
                case ("product", ("name", a), ("name", b)), [] if (a, b) not in numbers:
                    number = evaluate_tree(relation.right, {}, ring)
                case _:
                    number = None
            if not isinstance(number, SumOfWords):
                raise InvalidInputError(
                    "expected each relation to equate a product of two symbols with a number, as "
                    f"'s e = 0', and no product to occur twice, got '{relation}'"
                )
            numbers[a, b] = number.terms.get((), QQ.zero)
        found = FreeRing(numbers)
        found.divisors |= ring.divisors
        return found


def _parse_ring_equations(text: str) -> tuple[ParsedIdentity, ...]:
    found = parse_comma_separated_identities(text)
    for equation in found:
        others = {*chain(*map(_operations_of_no_free_ring, (equation.left, equation.right)))}
        if others:
            problem = f", with {' and '.join(sorted(others))}: write a new name in its place"
        elif equation.relation != "=":
            problem = f", with {equation.relation}"
        else:
            continue
        raise InvalidInputError(
            "expected an equation between matrices made by sums, products, inverses, U(..), "
            f"L(..), diag(..) and blocks(..), got '{equation}'{problem}"
        )
    return found


def _operations_of_no_free_ring(tree: Tree) -> Iterator[str]:
    """Yield the operations in a tree that are no sums, products, inverses, shears or blocks, such
    as a determinant, a rank or a transpose.
    """
    kind, *parts = tree
    if kind in ("name", "number", "identity"):
        return
    ours = "sum", "product", "bracket", "neg", "inverse", "U", "L", "diag", "blocks"
    if kind.rstrip("'") not in ours:
        yield "a transpose" if kind == "transpose" else f"{kind}(..)"
    for part in parts:
        yield from _operations_of_no_free_ring(part)


def _defined_name_or_empty(equation: ParsedIdentity) -> str:
    """Return the name that an equation defines, or "" if the equation is a claim."""
    kind, name, *_ = equation.left
    return name if kind == "name" else ""


def _blocks_by_place(side: Any) -> dict[tuple[int, int], SumOfWords]:
    """Return a dict from places (i, j) to the blocks of one side of an equation."""
    rows = side if isinstance(side, list) else [[side]]
    return {(i, j): words for i, row in enumerate(rows) for j, words in enumerate(row)}


_KMR = "Koehler, Mehta, Risteski, ICML 2021 (a bounded number of layers)"
_ROWS = tomllib.loads(
    resources("exactflow.explanation").joinpath("identities.toml").read_text("utf-8")
)

IDENTITIES: dict[str, Identity] = {
    name: Identity(name, **row | {"source": row["source"].replace("KMR", _KMR)})
    for name, row in _ROWS.items()
}
