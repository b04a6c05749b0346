"""Exceptional values: roots of polynomials that a proof assumes to be nonzero.

Over a field of rational functions, a rank is the rank at almost all values of the symbols. A proof
holds at all values at which no numerator or denominator that it assumes to be nonzero vanishes.
`collect_exceptional_factors` collects the irreducible factors of these numerators and denominators.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sympy import Expr, default_sort_key
from sympy.polys.domains.domain import Domain

from exactflow.exact.assumptions import current_assumptions
from exactflow.exact.typing import Element

_FACTORS: ContextVar[set[Expr] | None] = ContextVar("_FACTORS", default=None)


@contextmanager
def collect_exceptional_factors() -> Iterator[set[Expr]]:
    """Context manager: collect the irreducible factors of all elements recorded as nonzero."""
    factors = set[Expr]()
    token = _FACTORS.set(factors)
    try:
        yield factors
    finally:
        _FACTORS.reset(token)


def is_collecting_factors_over(field: Domain) -> bool:
    """Whether exceptional factors are being collected, and the elements of `field` are rational
    functions.
    """
    return _FACTORS.get() is not None and field.is_FractionField


def record_nonzero(x: Element, field: Domain) -> None:
    """Collect the factors of an element that a proof assumes to be nonzero."""
    if (found := _FACTORS.get()) is not None and field.is_FractionField:
        found |= factor_all([x.numer, x.denom])


def record_nonzero_with_fewest_factors(elements: Iterable[Element], field: Domain) -> None:
    """Of several elements that are not all 0, record one as nonzero: the nonzero element with the
    fewest factors that can vanish under the current assumptions.
    """
    if is_collecting_factors_over(field):
        record_nonzero(
            min(filter(None, elements), key=lambda x: count_possibly_vanishing_factors(x, field)),
            field,
        )


def record_denominators_as_nonzero(elements: Iterable[Element], field: Domain) -> None:
    """Record the irreducible factors of the denominators of elements as nonzero."""
    if (found := _FACTORS.get()) is not None and field.is_FractionField:
        found |= factor_all(x.denom for x in elements)


def count_possibly_vanishing_factors(x: Element, field: Domain) -> int:
    """Return the number of irreducible factors of the numerator and the denominator of an element
    that can vanish under the current assumptions.
    """
    factors = factor_all([x.numer, x.denom]) if field.is_FractionField else ()
    return sum(map(current_assumptions().may_vanish, factors))


def factor_all(polynomials: Iterable[Any]) -> set[Expr]:
    """Return all irreducible factors of several polynomials, which are elements of a polynomial
    ring.
    """
    return {
        factor.as_expr()
        for polynomial in set(polynomials)
        for factor, _ in polynomial.factor_list()[1]
    }


def sort_factors(factors: Iterable[Expr]) -> tuple[Expr, ...]:
    """Return factors in SymPy's canonical order."""
    return tuple(sorted(factors, key=default_sort_key))
