"""Interpolation: at most four additive couplings map finitely many points to given images.

Main results
------------
`exactflow.linear.finite_maps` has the theorem and its proof: four additive couplings always
suffice, and the least number is decided exactly, with an obstruction for each shorter pattern.

To our knowledge this is new. Near it are integer discrete flows, whose additive couplings round
(Hoogeboom, Peters, van den Berg and Welling, *Integer discrete flows and lossless compression*,
NeurIPS 2019, arXiv:1905.07376). Van den Berg, Gritsenko, Dehghani, Sonderby and Salimans (*IDF++*,
ICLR 2021, arXiv:2006.12459) ask which bijections such flows can be: four couplings are any
bijection between finite sets.

How it is checked
-----------------
*Exact*: the couplings are composed again before they are returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from math import lcm
from typing import Any, ClassVar, TypeAlias

import numpy as np
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_rectangular_matrix
from exactflow.exact.typing import MatrixLike, PartitionLike
from exactflow.explanation import Explanation, Step
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.orientation import CoordinateLayout
from exactflow.flows.partition import LETTERS, opposite, resolve_partition_or_mask
from exactflow.flows.result import MapResult
from exactflow.linear.finite_maps import (
    FirstAndSecondHalves,
    PointObstruction,
    coupling_from_table,
    find_fewest_couplings,
    format_vector,
)

__all__ = ["ShortestInterpolation", "interpolate"]

_MOST_BITS = 2048
"""The largest number of bits of a common denominator by which entries are multiplied; with a longer
denominator, entries remain fractions.
"""

_THEOREM = "Theorem 18: exactflow.linear.finite_maps"

PointsInRows: TypeAlias = MatrixLike
"""A matrix with one point in each row, square or not; `as_rectangular_matrix` converts it."""


@dataclass(frozen=True, eq=False, repr=False)
class ShortestInterpolation(MapResult):
    """The fewest additive couplings that map points to images, with proofs that fewer fail.

    Attributes
    ----------
    points, images : N x d matrices of rational numbers, with one point in each row.
    flow : the couplings.
    obstructions : for each shorter pattern of couplings, a proof that it does not suffice; its
        `check` raises if the proof does not hold.
    bijective_on_integers : whether the flow maps Z^d onto itself. Then `forward` and `backward` map
        arrays of integers in int64, if no entry exceeds `int64_limit` in absolute value.
    """

    points: DomainMatrix
    images: DomainMatrix
    flow: PiecewiseFlow
    obstructions: tuple[PointObstruction, ...]
    bijective_on_integers: bool
    evidence: ClassVar[Evidence] = Evidence.EXACT

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.flow.partition

    @property
    def layers(self) -> tuple:  # type: ignore[override]
        """The couplings, in order of application."""
        return self.flow.layers

    @property
    def pattern(self) -> str:
        """One letter for each coupling, such as ULU, in the order of a product: the last letter is
        applied first. L moves the second half, U the first half.
        """
        return "".join(LETTERS[layer.moves] for layer in reversed(self.layers))

    def forward(self, x: Any) -> Any:
        """Return the image of a vector, or of each column of a matrix, as `PiecewiseFlow` does.

        If `bijective_on_integers` holds, an array of integers is mapped in int64.

        Raises
        ------
        InvalidInputError
            As for a `PiecewiseFlow`, or for an integer beyond `int64_limit`, which might overflow.
        """
        return self._map_integers_in_int64_else_forward(self.flow, x, self.int64_limit)

    def backward(self, y: Any) -> Any:
        """Return the preimage of a vector, or of each column of a matrix; see `forward`."""
        return self._map_integers_in_int64_else_forward(
            self.flow.inverse(), y, self.int64_limit + self._entry_change_bound_of_whole_flow
        )

    @cached_property
    def int64_limit(self) -> int:
        """The largest absolute value of the entries of an array that `forward` maps in int64;
        negative if `forward` maps no array in int64.
        """
        rows = [sum(map(abs, layer.functional_coefficients.values())) for layer in self.layers]
        knots = chain.from_iterable(layer.conditioner.knots for layer in self.layers)
        most = 2**63 - 1
        if max(map(abs, knots), default=0) > most:
            return -1
        return most // int(max(rows, default=1)) - 2 * self._entry_change_bound_of_whole_flow

    @cached_property
    def _entry_change_bound_of_whole_flow(self) -> int:
        """An upper bound of the absolute change of an entry by all couplings together."""
        values = (chain.from_iterable(layer.conditioner.values) for layer in self.layers)
        return sum(int(max(map(abs, shifts))) for shifts in values)

    def _map_integers_in_int64_else_forward(
        self, flow: PiecewiseFlow, x: Any, largest_allowed_integer: int
    ) -> Any:
        if not (self.bijective_on_integers and isinstance(x, np.ndarray) and x.dtype.kind in "iu"):
            return flow.forward(x)
        if x.ndim not in (1, 2) or len(x) != self.dimension:
            raise InvalidInputError(
                f"expected {self.dimension} rows, one for each coordinate, and one column for each "
                f"vector, got shape {x.shape}"
            )
        if np.ma.is_masked(x):
            raise InvalidInputError(
                "expected a number in each entry, got masked entries: fill them with values"
            )
        largest = max(map(abs, (int(x.max()), int(x.min())))) if x.size else 0
        if largest > largest_allowed_integer:
            reason = (
                f"expected integers of absolute value at most {largest_allowed_integer}, got "
                f"{largest}"
            )
            if largest_allowed_integer < 0:
                reason = "the couplings contain integers beyond the range of int64"
            raise InvalidInputError(f"{reason}: pass lists to result.flow, which has no limit")
        entries = [*x.astype(np.int64).reshape(self.dimension, -1)]
        return np.stack(flow._map_entries(entries, int)).reshape(x.shape)

    @property
    def summary(self) -> str:
        """The number of couplings and their pattern: "exactly 2 additive couplings (UL)"."""
        named = f" ({self.pattern})" if self.pattern else ""
        return f"exactly {self.depth} additive coupling{'s' * (self.depth != 1)}{named}"

    def __str__(self) -> str:
        reasons = (str(x) for x in self.obstructions if len(x.pattern) == self.depth - 1)
        least = f"{self.points.shape[0]} points go to their images by {self.summary}"
        return ": ".join([least, *filter(None, ["; ".join(reasons)])])

    def explain(self) -> Explanation:
        """Explain the result in steps, each of which is checked again.

        They show the points after each coupling, and prove that each shorter pattern fails.
        """
        X, Y = self.points.transpose(), self.images.transpose()
        steps = [Step("points", "The points are the columns of `X0`.", "", {}, {"X0": X}, QQ)]
        for k, layer in enumerate(self.layers, 1):
            one, before = PiecewiseFlow([layer], order=self.flow.order), X
            X, kept = one._map_exact(X), opposite(layer.moves)
            why = f"Coupling {k} adds to the {layer.moves} half a function of the {kept} half."
            undone = partial(_maps_columns_to_images, one.inverse(), X, before)
            steps.append(Step("coupling", why, "", {}, {f"X{k}": X}, QQ, witness=undone))
        why, last = "These are the images, the columns of `Y`.", f"X{self.depth}"
        steps.append(Step("images", why, f"{last} = Y", {last: X}, {"Y": Y}, QQ))
        for found in self.obstructions:
            entries = ([[*x, *y] for x, y in pairs] for pairs in (found.points, found.images))
            columns = (as_rectangular_matrix(rows).transpose() for rows in entries)
            shown, reason = dict(zip("XY", columns, strict=True)), str(found)
            why = f"{reason[0].upper()}{reason[1:]}."
            steps.append(Step(found.kind, why, "", {}, shown, QQ, _THEOREM, witness=found.is_valid))
        layout = CoordinateLayout(self.partition, tuple(self.flow.order or range(self.dimension)))
        claim = f"The points go to their images by {self.summary}.{layout.sentences_if_not_default}"
        return Explanation.from_steps_after_checking(claim, steps, self, self.evidence)


def _maps_columns_to_images(
    flow: PiecewiseFlow, columns: DomainMatrix, images: DomainMatrix
) -> bool:
    return bool(flow._map_exact(columns) == images)


def interpolate(
    points: PointsInRows,
    images: PointsInRows,
    *,
    partition: "PartitionLike | None" = None,
    mask: "PartitionLike | None" = None,
    bijective_on_integers: bool = False,
) -> ShortestInterpolation:
    """Return the fewest additive couplings that map points to images, with proofs that fewer fail.

    At most four couplings are needed.

    Parameters
    ----------
    points, images : N rows of d >= 2 rational numbers each, in any form that `exactflow.factor`
        takes for a matrix: distinct points, and distinct images, one for each.
    partition : (p, q), the sizes of the halves; by default (d // 2, d - d // 2).
    mask : a mask of d entries instead, 1 for the first half.
    bijective_on_integers : whether the couplings have to map Z^d onto itself. Points and images are
        integers then, and each shift is a step function: at an integer it has the value of the
        nearest smaller knot.

    Returns
    -------
    ShortestInterpolation
        Its `flow`, a `PiecewiseFlow`, maps each point to its image, and its `obstructions` exclude
        all shorter patterns. Each shift is linear between its knots, and constant beyond them. If
        all kept halves differ in one coordinate, the shift is a function of this coordinate, or
        else of a linear functional with small integer coefficients. If both
        patterns of the least length suffice, `flow` has the smaller shifts.

    Raises
    ------
    InvalidInputError
        Points or images that are no matrices of rational numbers of one shape, fewer than two
        columns, two equal points or images (their rows are named), or an invalid partition.

    Examples
    --------
    >>> found = interpolate([[0, 0], [0, 1], [1, 0], [1, 1]], [[0, 1], [0, 0], [1, 0], [1, 1]])
    >>> found.depth, found.flow.forward([0, 1]).T, all(x.is_valid() for x in found.obstructions)
    (4, Matrix([[0, 0]]), True)
    >>> print(found.obstructions[-2])
    not LUL: around points 1, 0 the shifts of the second half have the alternating sum (-2)
    >>> interpolate([[0, 0.5], [1, 2]], [["1/3", 5], [7, 0]]).summary
    'exactly 2 additive couplings (UL)'
    """
    names = "points", "images"
    X, Y = map(_read_rows_of_rational_points, names, (points, images))
    (count, d), shape = X.shape, Y.shape
    if shape != (count, d) or not count:
        raise InvalidInputError(
            "expected at least one point, and for each point one image of the same dimension, got "
            f"{count} points of {d} entries and {shape[0]} images of {shape[1]} entries"
        )
    if partition is not None and mask is not None:
        raise InvalidInputError("expected partition=.. or mask=.., got both: leave out one of them")
    order, sizes = resolve_partition_or_mask(partition if mask is None else mask, d)
    denominator = 1 if bijective_on_integers else _common_denominator_or_one_if_long(X, Y)
    start, stop = (
        _scaled_halves_of_distinct_rows(
            name, matrix, order, sizes[0], denominator, bijective_on_integers
        )
        for name, matrix in zip(names, (X, Y), strict=True)
    )
    pattern, tables, obstructions = find_fewest_couplings(start, stop, denominator)
    layers = [
        coupling_from_table(sizes, letter, table, denominator, bijective_on_integers)
        for letter, table in zip(reversed(pattern), tables, strict=True)
    ]
    flow = PiecewiseFlow(layers, order=order, partition=sizes)
    if not _maps_columns_to_images(flow, X.transpose(), Y.transpose()):
        raise VerificationError("the flow does not map the points to the images: report this bug")
    return ShortestInterpolation(X, Y, flow, obstructions, bijective_on_integers)


def _read_rows_of_rational_points(name_in_error: str, given: PointsInRows) -> DomainMatrix:
    """Return points or images as a matrix; raise `InvalidInputError` unless all are rational."""
    try:
        matrix = as_rectangular_matrix(given)
    except InvalidInputError as error:
        raise InvalidInputError(f"{name_in_error}: {error}") from None
    if not matrix.domain.is_QQ:
        raise InvalidInputError(
            f"expected rational numbers as {name_in_error}, got numbers in {matrix.domain}"
        )
    return matrix.to_dense()


def _common_denominator_or_one_if_long(*given: DomainMatrix) -> int:
    """Return the least common denominator of all entries, or 1 if this denominator has more than
    `_MOST_BITS` bits.
    """
    common = 1
    for denominator in {int(x.denominator) for matrix in given for x in matrix.to_list_flat()}:
        common = lcm(common, denominator)
        if common.bit_length() > _MOST_BITS:
            return 1
    return common


def _scaled_halves_of_distinct_rows(
    name_in_error: str,
    matrix: DomainMatrix,
    order: Sequence[int],
    first_size: int,
    denominator: int,
    require_integers: bool,
) -> FirstAndSecondHalves:
    """Return the first and the second halves of the rows, with entries multiplied by `denominator`:
    an entry without a fraction as a Python integer, any other as an element of QQ.

    Raises `InvalidInputError` for equal rows and, with `require_integers`, for an entry that is no
    integer.
    """
    scaled = (matrix * QQ(denominator)).transpose().to_list()
    columns = [[int(x.numerator) if x.denominator == 1 else x for x in column] for column in scaled]
    rows: dict[tuple, int] = {}
    for i, row in enumerate(zip(*columns, strict=True)):
        if require_integers and not all(isinstance(x, int) for x in row):
            raise InvalidInputError(
                f"expected integers, got {format_vector(row)} as row {i} of {name_in_error}: "
                "pass bijective_on_integers=False"
            )
        if (k := rows.setdefault(row, i)) != i:
            given = format_vector(matrix.to_list()[i])
            raise InvalidInputError(
                f"expected distinct {name_in_error}, since a flow is a bijection, got {given} in "
                f"rows {k} and {i}: leave out one of the rows"
            )
    seen = [columns[j] for j in order]
    first, second = seen[:first_size], seen[first_size:]
    return [*zip(*first, strict=True)], [*zip(*second, strict=True)]
