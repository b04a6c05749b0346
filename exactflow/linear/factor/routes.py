"""The table of routes: each construction with its name, where it applies, what its layers cost.

`factor` walks the table and takes the first route that applies; names, refusals and the choices of
the command line are read off it. Constructions on arrays are imported where they apply, so that all
others do without NumPy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import FieldTooSmallError, MethodError
from exactflow.exact.linalg import Blocks
from exactflow.exact.progress import report_stage
from exactflow.exact.typing import Half
from exactflow.explanation.steps import adopt_steps, collect_steps
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.factor import assembly
from exactflow.linear.factor.commutator import commutator_shifts, six_shears
from exactflow.linear.factor.hyperplane import hyperplane_word
from exactflow.linear.factor.partition import partition_word
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.short import short_layers
from exactflow.linear.factor.transvection import transvection_shifts

LARGEST_UNEVEN = 128
MOST_TERMS = 20_000
"""Symbols are refused beyond so many monomials: at the limit a matrix takes some 20 seconds."""

_HALVES: dict[tuple[int, ...] | None, str] = {
    (0,): "halves of one size",
    (1,): "halves that differ by one",
    (0, 1): "halves that differ by at most one",
    None: "halves of any sizes",
}

Layers = list[LinearCoupling]
Construct = Callable[[Blocks], assembly.ShearWord | None]


@dataclass(frozen=True)
class Route:
    """One construction: what a caller and the flow's `method` call it, the matrices to which it
    applies, after "expected", and how many layers it costs, with what numbers.

    `layers` returns the layers of a problem in order of application, neighbours perhaps not merged;
    None where the route does not apply. `apart` says by how much the sizes of the halves may
    differ; None for halves of any sizes.
    """

    name: str
    where: str
    cost: str
    layers: Callable[[Problem], Layers | None]
    apart: tuple[int, ...] | None = (0,)

    def takes(self, partition: tuple[int, int]) -> bool:
        """Whether the route applies to halves of these sizes."""
        return self.apart is None or abs(partition[0] - partition[1]) in self.apart

    def refusal(self, partition: tuple[int, int]) -> str:
        """Error text for a matrix to which the route does not apply."""
        expected, got = self.where, "another matrix"
        if not self.takes(partition):
            expected, got = _HALVES[self.apart], f"halves {partition}"
        return f"expected {expected} for method={self.name!r}, got {got}: use method='auto'"

    def __str__(self) -> str:
        return f"{self.name!r}: {self.where}, {_HALVES[self.apart]}; {self.cost}."


def _permutation(problem: Problem) -> Layers | None:
    if problem.monomial is None:
        return None
    from exactflow.linear.factor.permutation import permutation_layers

    problem.tell(exchanged=problem.partition[0] > problem.partition[1])
    return permutation_layers(*problem.monomial, problem.partition)


def _short(problem: Problem) -> Layers | None:
    problem.tell()
    return short_layers(problem.blocks(), problem.scales)


def _by_words(*ways: tuple[Construct, Half]) -> Callable[[Problem], Layers | None]:
    """Return the route that takes the determinant out of a half and tries constructions for
    determinant 1: on halves of one size in both orders, else on the smaller half first.
    """

    def layers(problem: Problem) -> Layers | None:
        p, q = problem.partition
        orders = (False, True) if p == q else (p > q,)
        for construct, half in ways:
            for exchanged in orders:
                with collect_steps() as steps:
                    problem.tell(exchanged, half)
                    word = construct(problem.blocks(exchanged, half))
                if word is not None:
                    adopt_steps(steps)
                    found = assembly.with_determinant(word, problem.det, half)
                    return assembly.mirrored(found) if exchanged else found
        return None

    return layers


def _letters(
    construct: Callable[[Blocks], list[DomainMatrix] | None], leftmost: Half
) -> tuple[Construct, Half]:
    """Return a construction of alternating shifts as one of a word."""

    def word(blocks: Blocks) -> assembly.ShearWord | None:
        shifts = construct(blocks)
        return None if shifts is None else assembly.alternating(shifts, leftmost)

    return word, leftmost


ROUTES = (
    Route(
        "permutation",
        "a signed permutation matrix",
        "six layers of integers of absolute value at most 2, in linear time",
        _permutation,
        apart=(0, 1),
    ),
    Route(
        "short",
        "a matrix that is visibly a product of at most two layers",
        "two layers, with the entries of the matrix",
        _short,
        apart=None,
    ),
    Route(
        "transvection",
        "a matrix one of whose diagonal blocks is invertible and, with its Schur complement, has a "
        "cyclic vector among those tried, over a field where 2 is not 0",
        "six layers, the shortest numbers",
        _by_words(_letters(transvection_shifts, "second")),
    ),
    Route(
        "commutator",
        "an invertible matrix",
        "five layers if an off-diagonal block is invertible, else six",
        _by_words(_letters(commutator_shifts, "first"), (six_shears, "second")),
    ),
    Route(
        "hyperplane",
        "an invertible matrix",
        "five layers if an off-diagonal block has the rank of the smaller half, else six",
        _by_words((hyperplane_word, "first")),
        apart=(1,),
    ),
    Route(
        "partition",
        "an invertible matrix",
        "over any field; five layers generically where the halves are equal",
        _by_words((partition_word, "first")),
        apart=None,
    ),
)

METHODS = ("auto", *(route.name for route in ROUTES))


def layers_of(problem: Problem, method: str) -> tuple[Layers, str]:
    """Return layers that compose to the problem's matrix, and the name of the route.

    With method="auto", a route that finds the field too small gives way to the next one. Raises
    `MethodError` with the reason where a route does not apply.
    """
    if method == "auto":
        _check_size(problem)
    routes = [route for route in ROUTES if method in ("auto", route.name)]
    for route in routes:
        _check_symbols(problem, route)
        if not route.takes(problem.partition):
            continue
        report_stage(f"the route {route.name}", 0)
        try:
            with collect_steps() as steps:
                layers = route.layers(problem)
        except FieldTooSmallError:
            if route is routes[-1]:
                raise
            continue
        if layers is not None:
            adopt_steps(steps)
            return layers, route.name
    raise MethodError(routes[-1].refusal(problem.partition))


def _check_size(problem: Problem) -> None:
    """Refuse a large permutation for which there is no sparse route."""
    d = sum(problem.partition)
    if d > LARGEST_UNEVEN and not ROUTES[0].takes(problem.partition) and problem.monomial:
        raise MethodError(
            f"expected halves that differ by at most one for a permutation of more than "
            f"{LARGEST_UNEVEN} coordinates, got {problem.partition}: others take dense matrices of "
            "long fractions; leave out the partition, or give a mask with halves of nearly one size"
        )


def _check_symbols(problem: Problem, route: Route) -> None:
    """Refuse a matrix of many symbols, but for the routes that do no arithmetic with them."""
    field, d = problem.target.domain, sum(problem.partition)
    if not field.is_FractionField or route.name in ("permutation", "short"):
        return
    count = len(field.symbols)
    terms = comb(count + 2 * d, count)
    if terms > MOST_TERMS:
        raise MethodError(
            f"expected fewer symbols in a {d} x {d} matrix, got {count}: the entries of its layers "
            f"are quotients of polynomials of up to {terms:,} terms; give numbers to some symbols, "
            "or ask for blocks of every size: exactflow.explain(BlockMatrix(..))"
        )
