"""Sums of words in symbols that do not commute: the ring in which an identity is proved for all n.

Main results
------------
A *word* is a product of symbols and of inverses of symbols; `FreeRing` holds the sums of words with
rational coefficients, modulo *relations*: products of two symbols that are numbers, as s e = 0. It
takes the place of a field in `exactflow.explanation.identity`, whose evaluator is the only one.

*Proof that equal sums are equal matrices.* Matrices in the place of the symbols, invertible ones
for those that were inverted, fulfilling the relations, extend to a homomorphism on all sums of
words of one shape. Reducing a word replaces X X^-1 and X^-1 X by 1, and two neighbours by their
number, which are equalities of matrices. So sums with the same reduced words are equal, for
matrices of every size, over every field in which the numbers that were divided by are not zero.

*The normal form is the only one.* Relations are refused where two of them overlap and disagree
(a b = x and b c = y give x c = a y), and so is the inverse of a symbol in a relation, unless the
relations say that it is another symbol's multiple: K^-1 = K where K K = 1. So by Newman's lemma
each sum has one normal form, and 0 = 1 follows from no relations that are accepted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, product
from typing import Any, TypeAlias

from sympy import QQ

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_rational
from exactflow.exact.typing import Element

Letter: TypeAlias = tuple[str, int]
"""A symbol and 1, or -1 for its inverse."""

Word: TypeAlias = tuple[Letter, ...]


@dataclass(frozen=True)
class Words:
    """A sum of reduced words, each with a coefficient that is not zero."""

    terms: Mapping[Word, Element]
    ring: "FreeRing"

    def __add__(self, other: "Words") -> "Words":
        return self.ring.sum_of(chain(self.terms.items(), other.terms.items()))

    def __neg__(self) -> "Words":
        return Words({word: -x for word, x in self.terms.items()}, self.ring)

    def __sub__(self, other: "Words") -> "Words":
        return self + -other

    def __mul__(self, other: "Words") -> "Words":
        pairs = product(self.terms.items(), other.terms.items())
        return self.ring.sum_of(((*u, *v), x * y) for (u, x), (v, y) in pairs)

    def __truediv__(self, other: "Words") -> "Words":
        return self * self.ring.inverse(other)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        """Return the sum in the language of identities.

        >>> ring = FreeRing()
        >>> X, Y = map(ring.symbol, "XY")
        >>> print(X * Y - Y * X - ring.convert(2) / X)
        -2 X^-1 + X Y - Y X
        """
        signs = ["-" if x < 0 else "+" for x in self.terms.values()]
        shown = sorted(zip(self.terms.items(), signs, strict=True))
        text = " ".join(f"{sign} {_shown(word, abs(x))}" for (word, x), sign in shown)
        return text.removeprefix("+ ").replace("- ", "-", text.startswith("-")) or "0"


def _shown(word: Word, size: Element) -> str:
    """Return a word with a positive coefficient."""
    number = [format_rational(size)] if size != 1 or not word else []
    return " ".join([*number, *(name + "^-1" * (sign < 0) for name, sign in word)])


class FreeRing:
    """The ring of sums of words, modulo products of two symbols that are numbers.

    `numbers` has the number of each such pair. `divisors` are the symbols and the integers that
    were divided by since the ring was made, in words: hypotheses of what is computed in it.
    """

    def __init__(self, numbers: Mapping[tuple[str, str], Element] | None = None) -> None:
        self.numbers, self.divisors = dict(numbers or {}), set[str]()
        self.zero, self.one = Words({}, self), Words({(): QQ.one}, self)
        for ((a, b), x), ((c, d), y) in product(self.numbers.items(), repeat=2):
            if b == c and (x or y) and (a != d or x != y):
                raise InvalidInputError(
                    f"expected relations that agree, got two for which {a} {b} {d} is both "
                    f"{format_rational(x)} {d} and {format_rational(y)} {a}: write one name for "
                    "equal symbols, and none for a symbol that is zero"
                )

    def symbol(self, name: str) -> Words:
        """Return a symbol."""
        return Words({((name, 1),): QQ.one}, self)

    def convert(self, value: Any) -> Any:
        """Return an integer as an element, and all else as it is."""
        return self.sum_of([((), QQ(value))]) if isinstance(value, int) else value

    def sum_of(self, terms: Iterable[tuple[Word, Element]]) -> Words:
        """Return the sum of words with their coefficients, reduced."""
        total: dict[Word, Element] = {}
        for word, x in terms:
            reduced, number = self._reduced(word)
            total[reduced] = total.get(reduced, QQ.zero) + x * number
        return Words({word: x for word, x in total.items() if x}, self)

    def _reduced(self, word: Word) -> tuple[Word, Element]:
        """Return a word whose neighbours neither cancel nor are a number, and its coefficient."""
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

    def inverse(self, words: Words) -> Words:
        """Return the inverse of one word; a sum of words has none in the free ring."""
        if len(words.terms) != 1:
            raise InvalidInputError(
                f"expected a single word, got {words}: the inverse of a sum is not a sum of words; "
                "name it by a symbol of its own and solve for another symbol"
            )
        ((word, x),) = words.terms.items()
        letters = []
        for name, sign in reversed(word):
            name, sign, factor = self._inverse_of(name, sign)
            letters.append((name, sign))
            x *= factor
        if abs(x.numerator) != 1:
            self.divisors.add(format_rational(abs(x.numerator)))
        return self.sum_of([(tuple(letters), 1 / x)])

    def _inverse_of(self, name: str, sign: int) -> tuple[str, int, Element]:
        """Return a letter and a number to divide it by: together the inverse of a letter."""
        if not any(name in pair for pair in self.numbers):
            self.divisors.add(name)
            return name, -sign, QQ.one
        for (a, b), x in self.numbers.items():
            if a == name and x and self.numbers.get((b, a)) == x:
                return b, 1, x
        raise InvalidInputError(
            f"expected no inverse of {name}, a symbol in relations that do not give it: give it by "
            f"two relations, as '{name} {name}' = 1, {name}' {name} = 1'"
        )
