"""The table of routes: constructions of layers, with the matrices to which they apply.

`factor` walks the table and takes the first route that applies; the names of methods, refusals and
the choices of the command line are read off the table. The route for permutations, which computes
with arrays, is imported only where it applies, so that all others work without NumPy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

from exactflow.errors import FieldTooSmallError, MethodError
from exactflow.exact.progress import report_stage
from exactflow.exact.typing import Half
from exactflow.explanation.steps import adopt_steps, collect_steps
from exactflow.linear.factor.assembly import (
    BlocksOfDet1,
    Layers,
    ShearList,
    Shifts,
    alternate_shears,
    find_at_most_two_layers,
    layers_with_determinant_restored,
    with_halves_exchanged,
)
from exactflow.linear.factor.commutator import (
    find_five_shifts_by_commutator,
    six_shears_by_commutator,
)
from exactflow.linear.factor.hyperplane import five_or_six_shears_for_second_half_one_larger
from exactflow.linear.factor.partition import shears_for_first_half_not_larger
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.transvection import six_shifts_by_transvection

LARGEST_UNEVEN = 128
"""The largest number of coordinates of a permutation that method="auto" factors if the sizes of the
halves differ by more than one.
"""
MOST_TERMS = 20_000
"""The largest number of monomials in an entry of a layer; near it a matrix may take minutes."""

_HALVES: dict[tuple[int, ...] | None, str] = {
    (0,): "halves of equal size",
    (1,): "halves whose sizes differ by one",
    (0, 1): "halves whose sizes differ by at most one",
    None: "halves of any sizes",
}

ConstructionAndHalfToDivide: TypeAlias = tuple[Callable[[BlocksOfDet1], ShearList | None], Half]
"""A construction, and the half whose first row is divided by the determinant before the
construction runs.
"""

LayerFinder = Callable[[Problem], Layers | None]


@dataclass(frozen=True)
class Route:
    """A construction of layers, with its name and the matrices to which it applies.

    `name` is its name as `method` of `factor` and of the flow, `where` the matrices to which it
    applies, as they are named in a message, and `cost` the number and kind of its layers.
    `find_layers` returns the layers of a problem in order of application, or None if the route does
    not apply; it need not merge neighbours that move the same half. `differences` are the allowed
    differences between the sizes of the halves; None allows all.
    """

    name: str
    where: str
    cost: str
    find_layers: LayerFinder
    differences: tuple[int, ...] | None = (0,)

    def fits_halves(self, partition: tuple[int, int]) -> bool:
        """Whether the route applies to halves of these sizes."""
        return self.differences is None or abs(partition[0] - partition[1]) in self.differences

    def __str__(self) -> str:
        return f"{self.name!r}: {self.where}, {_HALVES[self.differences]}; {self.cost}."


def _find_permutation_layers_recording_blocks(problem: Problem) -> Layers | None:
    if problem.rational_signed_permutation is None:
        return None
    try:
        import numpy as np

        from exactflow.linear.factor.permutation import at_most_six_layers_of_det_1_permutation
    except ModuleNotFoundError:  # NumPy is missing; the other routes do not need it
        return None

    problem.record_step_of_blocks(exchanged=problem.partition[0] > problem.partition[1])
    perm, signs = problem.layout.flip_and_reorder_signed_permutation(
        *map(np.array, problem.rational_signed_permutation)
    )
    return at_most_six_layers_of_det_1_permutation(perm, signs, problem.partition)


def _find_at_most_two_layers_recording_blocks(problem: Problem) -> Layers | None:
    problem.record_step_of_blocks()
    return find_at_most_two_layers(problem.split_into_blocks(), problem.scales)


def _finder_trying_constructions_in_order(
    *constructions: ConstructionAndHalfToDivide,
) -> LayerFinder:
    """Return a function that returns the layers of the first construction that succeeds.

    If the halves are of equal size, each construction is tried with each order of the halves;
    otherwise it is tried only with the smaller half first.
    """

    def find_layers(problem: Problem) -> Layers | None:
        p, q = problem.partition
        orders = (False, True) if p == q else (p > q,)
        for construct, half in constructions:
            for exchanged in orders:
                with collect_steps() as steps:
                    problem.record_step_of_blocks(exchanged, half)
                    shears = construct(problem.split_into_blocks(exchanged, half))
                if shears is not None:
                    adopt_steps(steps)
                    layers = layers_with_determinant_restored(shears, problem.det, half)
                    return with_halves_exchanged(layers) if exchanged else layers
        return None

    return find_layers


def _construction_from_shifts(
    find_shifts: Callable[[BlocksOfDet1], Shifts | None], leftmost: Half
) -> ConstructionAndHalfToDivide:
    """Return a construction and the half `leftmost`. The construction finds shifts, and returns
    alternating shears with these shifts; the first shear moves `leftmost`.
    """

    def find_shears(blocks: BlocksOfDet1) -> ShearList | None:
        shifts = find_shifts(blocks)
        return None if shifts is None else alternate_shears(shifts, leftmost)

    return find_shears, leftmost


ROUTES = (
    Route(
        "permutation",
        "a signed permutation matrix",
        "six layers of integers of absolute value at most 2, in linear time",
        _find_permutation_layers_recording_blocks,
        differences=(0, 1),
    ),
    Route(
        "short",
        "a matrix that is visibly a product of at most two layers",
        "two layers, with the entries of the matrix",
        _find_at_most_two_layers_recording_blocks,
        differences=None,
    ),
    Route(
        "transvection",
        "a matrix one of whose diagonal blocks is invertible and, with its Schur complement, has a "
        "cyclic vector among those tried, over a field where 2 is not 0",
        "six layers, the shortest numbers",
        _finder_trying_constructions_in_order(
            _construction_from_shifts(six_shifts_by_transvection, "second")
        ),
    ),
    Route(
        "commutator",
        "an invertible matrix",
        "five layers if an off-diagonal block is invertible, else six",
        _finder_trying_constructions_in_order(
            _construction_from_shifts(find_five_shifts_by_commutator, "first"),
            (six_shears_by_commutator, "second"),
        ),
    ),
    Route(
        "hyperplane",
        "an invertible matrix",
        "five layers if an off-diagonal block has the rank of the smaller half, else six",
        _finder_trying_constructions_in_order(
            (five_or_six_shears_for_second_half_one_larger, "first")
        ),
        differences=(1,),
    ),
    Route(
        "partition",
        "an invertible matrix",
        "over any field; five layers generically where the halves are equal",
        _finder_trying_constructions_in_order((shears_for_first_half_not_larger, "first")),
        differences=None,
    ),
)

METHODS = ("auto", *(route.name for route in ROUTES))


def factor_by_route(problem: Problem, method: str) -> tuple[Layers, str]:
    """Return layers that compose to the matrix of the problem, and the name of the route used.

    With method="auto", this is the first route that applies and does not need a larger field.
    Raises `MethodError`, with the reason, if the route of the given name does not apply.
    """
    partition = problem.partition
    if (
        method == "auto"
        and sum(partition) > LARGEST_UNEVEN
        and not ROUTES[0].fits_halves(partition)
        and problem.rational_signed_permutation
    ):
        raise MethodError(
            "expected halves whose sizes differ by at most one for a permutation of more than "
            f"{LARGEST_UNEVEN} coordinates, got the partition {partition}, for which the "
            "computation would take dense matrices of long fractions: leave out the partition, or "
            "give a mask whose halves differ in size by at most one"
        )
    routes = [route for route in ROUTES if method in ("auto", route.name)]
    for route in routes:
        _check_symbol_count(problem, route)
        if not route.fits_halves(partition):
            continue
        report_stage(f"the route {route.name}", 0)
        try:
            with collect_steps() as steps:
                layers = route.find_layers(problem)
        except FieldTooSmallError:
            if route is routes[-1]:
                raise
            continue
        if layers is not None:
            adopt_steps(steps)
            return layers, route.name
    last = routes[-1]
    if last.fits_halves(partition):
        raise MethodError(f"method={last.name!r} applies only to {last.where}: use method='auto'")
    raise MethodError(
        f"expected {_HALVES[last.differences]} for method={last.name!r}, got the partition "
        f"{partition}: use method='auto'"
    )


def _check_symbol_count(problem: Problem, route: Route) -> None:
    """Raise `MethodError` if the matrix has too many symbols for this route. Routes that do no
    arithmetic with the entries take any number of symbols.
    """
    field, d = problem.target.domain, sum(problem.partition)
    if not field.is_FractionField or route.name in ("permutation", "short"):
        return
    count = len(field.symbols)
    terms = comb(count + 2 * d, count)
    if terms > MOST_TERMS:
        raise MethodError(
            f"the entries of the layers of a {d} x {d} matrix with {count} symbols are quotients "
            f"of polynomials of up to {terms:,} terms, and at most {MOST_TERMS:,} are supported: "
            "replace symbols by numbers, or call exactflow.explain(BlockMatrix(..)), which "
            "explains the layers in terms of blocks of any size"
        )
