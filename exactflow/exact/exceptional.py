"""Exceptional values: polynomials in symbols that an argument assumes to be nonzero.

Over a field of rational functions, ranks are those at almost all values of the symbols. An argument
holds at every value where no numerator or denominator that it assumed to be nonzero vanishes.
`collect_exceptional` collects the irreducible factors of these.
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
def collect_exceptional() -> Iterator[set[Expr]]:
    """Collect the irreducible factors of all elements recorded as nonzero within."""
    factors = set[Expr]()
    token = _FACTORS.set(factors)
    try:
        yield factors
    finally:
        _FACTORS.reset(token)


def is_recording(field: Domain) -> bool:
    """Whether factors of elements of a field are collected here."""
    return _FACTORS.get() is not None and field.is_FractionField


def record_nonzero(x: Element, field: Domain) -> None:
    """Record an element that an argument assumes to be nonzero."""
    if is_recording(field):
        _record_factors(factor_all([x.numer, x.denom]))


def record_simplest_nonzero(elements: Iterable[Element], field: Domain) -> None:
    """Record one of several elements of equal sign, which must not all vanish: the one with the
    fewest exceptional factors.
    """
    if is_recording(field):
        record_nonzero(
            min(filter(None, elements), key=lambda x: count_possibly_vanishing_factors(x, field)),
            field,
        )


def record_denominators(elements: Iterable[Element], field: Domain) -> None:
    """Record the denominators of elements as nonzero."""
    if is_recording(field):
        _record_factors(factor_all(x.denom for x in elements))


def count_possibly_vanishing_factors(x: Element, field: Domain) -> int:
    """Return the number of factors of an element that may vanish under the current assumptions."""
    factors = factor_all([x.numer, x.denom]) if field.is_FractionField else ()
    return sum(map(current_assumptions().may_vanish, factors))


def factor_all(polynomials: Iterable[Any]) -> set[Expr]:
    """Return the irreducible factors of polynomials, given as elements of a polynomial ring."""
    return {
        factor.as_expr()
        for polynomial in set(polynomials)
        for factor, _ in polynomial.factor_list()[1]
    }


def sort_factors(factors: Iterable[Expr]) -> tuple[Expr, ...]:
    """Return factors in SymPy's canonical order."""
    return tuple(sorted(factors, key=default_sort_key))


def _record_factors(factors: set[Expr]) -> None:
    found = _FACTORS.get()
    if found is not None:
        found |= factors
