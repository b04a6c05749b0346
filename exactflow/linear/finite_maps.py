"""Finite maps as compositions of additive couplings: the least number, with proofs that fewer fail.

Main results
------------
*Theorem 18* (to our knowledge new). Every injective map of a finite set of points is a composition
of four additive couplings. Three do not suffice in general. The least number is decided exactly.

A *pattern* such as ULU names the half that each coupling moves: L the second half, U the first. It
reads as a product, so that data meets the last letter first. For a point and its image, let k and
k' be the halves that the first coupling keeps, m and m' the halves that it moves.

- One coupling suffices if and only if k' = k, and m' - m is a function of k.
- Two: if and only if m' - m is a function of k, and k' - k is a function of m'.
- Three: if and only if m' - m = t(k) + v(k') has a solution such that k' - k is a function of
  B = m + t(k). The equations form a system on a bipartite graph: its nodes are the values of k and
  the values of k', and each point is an edge. The system is solvable if and only if the alternating
  sums of m' - m around the cycles vanish. Then t is unique up to a constant for each component, and
  these constants keep the values of B of different components apart. So k' - k has to be a function
  of B only within each component.
- Four always suffice. Constants c(k) keep the points B = m + c(k) of different k apart, and
  constants c'(m') keep the points A = k' + c'(m') of different m' apart. So B determines the point,
  and A its image. The four shifts are c(k), A - k as a function of B, m' - B as a function of A,
  and -c'(m').

How it is checked
-----------------
*Exact*: a `PointObstruction` computes with its points alone, by arithmetic of its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import floor
from operator import add, itemgetter, mul, neg, sub
from typing import Any, TypeAlias

from sympy import QQ

from exactflow.errors import VerificationError
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.evidence import Checkable
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.nonlinear.piecewise_coupling import PiecewiseCoupling
from exactflow.flows.partition import LETTERS

RationalVector: TypeAlias = tuple
"""Numbers: elements of QQ in a `PointObstruction`; elsewhere a number n stands for the quotient
n / `denominator`.
"""

Halves: TypeAlias = tuple[RationalVector, RationalVector]
Table: TypeAlias = dict[RationalVector, RationalVector]
"""The shift of a coupling: for each half that it keeps, the vector that it adds to the other."""

FirstAndSecondHalves: TypeAlias = tuple[Sequence[RationalVector], Sequence[RationalVector]]
"""The first halves of all points, and their second halves."""

Forest: TypeAlias = dict[int, tuple[int, int]]
"""For each node except the roots: the parent, and the row of the point that is the edge to the
parent.
"""

SplitPoint: TypeAlias = tuple[RationalVector, RationalVector, RationalVector, RationalVector]
"""A point and its image in halves: k, m, k', m'."""

HalvesOfPointsImagesShifts: TypeAlias = tuple[Sequence[RationalVector], ...]
"""The kept and the moved halves of all points, of all images, and of all differences of image and
point: in the letters of the module docstring k, m, k', m', k' - k and m' - m.
"""

_REASONS = {
    "point": "point {first} has to keep {one}, which becomes {other}",
    "before": "points {first} and {last} agree in the {kept} half, but the {moved} half moves by "
    "{one} and by {other}",
    "after": "the images of points {first} and {last} agree in the {moved} half, but the {kept} "
    "half moves by {one} and by {other}",
    "cycle": "around points {rows} the shifts of the {moved} half have the alternating sum {one}",
    "path": "after the first coupling points {first} and {last} agree in the {moved} half, by the "
    "path {between}, but the {kept} half moves by {one} and by {other}",
}


def _subtract(u: RationalVector, v: RationalVector) -> RationalVector:
    return tuple(map(sub, u, v))


def _add(u: RationalVector, v: RationalVector) -> RationalVector:
    return tuple(map(add, u, v))


def _combine_vectors(
    entry_operation: Callable, us: Sequence[RationalVector], vs: Sequence[RationalVector]
) -> list[RationalVector]:
    """Return, for each pair of vectors u and v, the vector of all entry_operation(u[i], v[i])."""
    entries = map(itemgetter, range(len(us[0])))
    return [*zip(*(map(entry_operation, map(at, us), map(at, vs)) for at in entries), strict=True)]


def _halves_kept_and_moved_by_last_letter(pattern: str, halves: Sequence) -> Sequence:
    """Return the half that the first coupling keeps, and then the half that it moves. The last
    letter of the pattern names this coupling.
    """
    return halves[::-1] if pattern.endswith("U") else halves


@dataclass(frozen=True)
class PointObstruction(Checkable):
    """Proof that no additive couplings with a given pattern map given points to given images.

    Attributes
    ----------
    pattern : one letter for each coupling, such as ULU, in the order of a product: the last letter
        is applied first. L moves the second half, U the first.
    kind : "point": no coupling moves some coordinates in which a point and its image differ.
        "before": two points agree in the half that the first coupling keeps, but the coupling has
        to shift them differently. "after": two images agree in the half that the last coupling
        keeps, but the coupling has to shift them differently. "cycle": along a cycle of points,
        neighbours alternately agree in the half that the first coupling keeps, and have images that
        agree in it; but the alternating sum of the shifts is not zero. "path": along a sequence of
        points, neighbours agree alternately in the same way; hence the first coupling gives the
        first and the last point the same moved half, but the next coupling has to shift these two
        differently.
    rows : the rows of these points in the given matrix, from 0.
    points, images : these points, each as its first and its second half, of rational numbers.
    """

    pattern: str
    kind: str
    rows: tuple[int, ...]
    points: tuple[Halves, ...]
    images: tuple[Halves, ...]

    @property
    def vectors_required_equal(self) -> tuple[RationalVector, RationalVector]:
        """Two unequal vectors that would be equal if couplings of the pattern existed."""
        return self._conditions_met_and_vectors_required_equal()[1:]

    def check(self) -> None:
        """Raise `VerificationError` unless the points exclude the pattern."""
        is_met, one, other = self._conditions_met_and_vectors_required_equal()
        if not (is_met and self.pattern in "LULUL" and one != other):
            raise VerificationError(
                f"the points {_join_and_abbreviate_rows(self.rows)} do not exclude "
                f"{self.pattern or 'the identity'}: they are no obstruction of kind {self.kind!r}"
            )

    def _conditions_met_and_vectors_required_equal(
        self,
    ) -> tuple[bool, RationalVector, RationalVector]:
        """Return whether the points meet the conditions of an obstruction of this `kind`, and the
        two vectors of `vectors_required_equal`.
        """
        count, halves = len(self.pattern), _halves_kept_and_moved_by_last_letter
        pairs = zip(self.points, self.images, strict=True)
        split: list[SplitPoint]
        if self.pattern:
            split = [(*halves(self.pattern, x), *halves(self.pattern, y)) for x, y in pairs]
        else:  # the empty pattern keeps all coordinates
            split = [((*x[0], *x[1]), (), (*y[0], *y[1]), ()) for x, y in pairs]
        (k, m, k2, m2), (x, y, x2, y2) = split[0], split[-1]
        moved_by = _subtract(m2, m), _subtract(y2, y)
        kept_by = _subtract(k2, k), _subtract(x2, x)
        is_even = count == 3 and len(split) % 2 == 0
        is_cycle = is_even and _agree_in_kept_halves_alternately([*split, split[0]])
        is_path = is_even and _agree_in_kept_halves_alternately(split)
        meets = is_path and _add(m, _alternating_sum_of_moved_shifts(split[1:-1])) == y
        return {
            "point": (count < 2, k, k2),
            "before": (count in (1, 2) and k == x, *moved_by),
            "after": (count == 2 and m2 == y2, *kept_by),
            "cycle": (is_cycle, _alternating_sum_of_moved_shifts(split), _subtract(m, m)),
            "path": (meets, *kept_by),
        }[self.kind]

    def __str__(self) -> str:
        kept, moved = _halves_kept_and_moved_by_last_letter(self.pattern, HALVES)
        one, other = map(format_vector, self.vectors_required_equal)
        reason = _REASONS[self.kind].format(
            rows=_join_and_abbreviate_rows(self.rows),
            between=_join_and_abbreviate_rows(self.rows[1:-1]),
            first=self.rows[0],
            last=self.rows[-1],
            kept=kept,
            moved=moved,
            one=one,
            other=other,
        )
        return f"not {self.pattern or 'the identity'}: {reason}"


def format_vector(vector: Sequence) -> str:
    """Return a vector of numbers as text, such as "(1/2, 0)"; long numbers are abbreviated."""
    return f"({', '.join(map(format_short, vector))})"


def _join_and_abbreviate_rows(rows: Sequence[int]) -> str:
    """Return the row numbers, separated by commas; of more than eight rows, only the first four and
    the last two.
    """
    shown = rows if len(rows) <= 8 else (*rows[:4], f".. ({len(rows)} points) ..", *rows[-2:])
    return ", ".join(map(str, shown))


def _alternating_sum_of_moved_shifts(points: Sequence[SplitPoint]) -> RationalVector:
    """Return the sum, with signs +, -, +, .., of the differences by which moved halves change."""
    signed = (
        _subtract(m, m2) if i % 2 else _subtract(m2, m) for i, (_, m, _, m2) in enumerate(points)
    )
    return tuple(map(sum, zip(*signed, strict=True)))


def _agree_in_kept_halves_alternately(points: Sequence[SplitPoint]) -> bool:
    """Whether the kept halves agree alternately: of points 0 and 1, then of the images of points 1
    and 2, then of points 2 and 3, and so on.
    """
    pairs = enumerate(pairwise(points))
    return all(one[i % 2 * 2] == other[i % 2 * 2] for i, (one, other) in pairs)


class _ExcludedPatternError(Exception):
    """Raised if no couplings of a pattern suffice.

    Its arguments are the kind of the obstruction, and the rows of its points.
    """


def find_fewest_couplings(
    points: FirstAndSecondHalves, images: FirstAndSecondHalves, denominator: int
) -> tuple[str, list[Table], tuple[PointObstruction, ...]]:
    """Return the fewest couplings that map the points to the images, and proofs that fewer fail.

    The results are the pattern of the couplings, their shifts as tables, in order of application,
    and an obstruction for each shorter pattern.

    Of two shortest patterns, the one with the smaller shifts is returned. Points are distinct, and
    images are distinct. A number n stands for n / `denominator`.
    """
    excluded: list[PointObstruction] = []
    shifts = tuple(_combine_vectors(sub, *pair) for pair in zip(images, points, strict=True))
    for count in range(5):
        found, reasons = [], []
        for pattern in dict.fromkeys(("ULUL"[4 - count :], "LULU"[4 - count :])):
            columns = (
                _halves_kept_and_moved_by_last_letter(pattern, pair)
                for pair in (points, images, shifts)
            )
            try:
                tables = _shift_tables_or_exclude(count, tuple(chain(*columns)), denominator)
                found.append((pattern, tables))
            except _ExcludedPatternError as error:
                kind, rows = error.args
                shown = (
                    _select_points_as_rationals(pair, rows, denominator)
                    for pair in (points, images)
                )
                reasons.append(PointObstruction(pattern, kind, rows, *shown))
        if found:
            break
        excluded += reasons
    pattern, tables = min(found, key=_largest_absolute_shift_entry)
    return pattern, tables, tuple(excluded)


def _to_rationals(
    vectors: Iterable[RationalVector], denominator: int
) -> tuple[RationalVector, ...]:
    """Return the vectors with each entry divided by `denominator`, as elements of QQ."""
    one = QQ(1, denominator)
    return tuple([tuple([x * one for x in vector]) for vector in vectors])


def _select_points_as_rationals(
    columns: FirstAndSecondHalves, rows: Sequence[int], denominator: int
) -> tuple[Halves, ...]:
    halves = (_to_rationals([column[i] for i in rows], denominator) for column in columns)
    return tuple(zip(*halves, strict=True))


def _largest_absolute_shift_entry(pattern_and_tables: tuple[str, list[Table]]) -> Element:
    shifts = (shift for table in pattern_and_tables[1] for shift in table.values())
    return max(map(abs, chain.from_iterable(shifts)), default=0)


def _tabulate_or_exclude(
    obstruction_kind: str, keys: Iterable, values: Sequence[RationalVector]
) -> dict:
    """Return a table from keys to values; raise `_ExcludedPatternError` if a key has two values."""
    rows: dict[Any, int] = {}
    for i, key in enumerate(keys):
        j = rows.setdefault(key, i)
        if values[i] != values[j]:
            raise _ExcludedPatternError(obstruction_kind, (j, i))
    return {key: values[i] for key, i in rows.items()}


def _shift_tables_or_exclude(
    coupling_count: int, kept_and_moved: HalvesOfPointsImagesShifts, denominator: int
) -> list[Table]:
    """Return the shift of each of the couplings as a table, or raise `_ExcludedPatternError`."""
    k, m, k2, m2, k_shifts, m_shifts = kept_and_moved
    unmoved = (k_shifts, m_shifts)[: max(0, 2 - coupling_count)]
    for i, shifts in enumerate(zip(*unmoved, strict=True)):
        if any(chain(*shifts)):
            raise _ExcludedPatternError("point", (i,))
    if coupling_count < 3:
        functions = ("before", k, m_shifts), ("after", m2, k_shifts)
        return [_tabulate_or_exclude(*function) for function in functions[:coupling_count]]
    if coupling_count == 3:
        first = _first_shift_of_three_or_exclude(kept_and_moved, denominator)
        last = dict.fromkeys(m2, _subtract(k[0], k[0]))
    else:
        first = _constants_separating_groups_by_first_coordinate(k, m, denominator)
        last = _constants_separating_groups_by_first_coordinate(m2, k2, denominator)
    B, A = _add_table_shifts(m, first, k), _add_table_shifts(k2, last, m2)
    second = _tabulate_or_exclude("", B, _combine_vectors(sub, A, k))
    third = _tabulate_or_exclude("", A, _combine_vectors(sub, m2, B))
    fourth = {x: tuple(map(neg, c)) for x, c in last.items()}
    return [first, second, third, fourth][:coupling_count]


def _add_table_shifts(
    vectors: Sequence[RationalVector], table: Table, keys: Sequence
) -> list[RationalVector]:
    return _combine_vectors(add, vectors, [table[key] for key in keys])


def _first_shift_of_three_or_exclude(
    kept_and_moved: HalvesOfPointsImagesShifts, denominator: int
) -> Table:
    """Return the shift t of the first of three couplings, or raise `_ExcludedPatternError`.

    With the letters of the module docstring, m' - m - t(k) is a function of k', and k' - k a
    function of m + t(k).
    """
    k, m, k2, _, k_shifts, m_shifts = kept_and_moved
    nodes = {x: i for i, x in enumerate(dict.fromkeys(k))}
    others = {x: i for i, x in enumerate(dict.fromkeys(k2), len(nodes))}
    ends = [nodes[x] for x in k], [others[x] for x in k2]
    value, roots, forest = _solve_edge_sums_or_exclude(*ends, m_shifts)
    t = {x: value[i] for x, i in nodes.items()}
    components, B = [roots[i] for i in ends[0]], _add_table_shifts(m, t, k)
    try:
        _tabulate_or_exclude("path", zip(components, B, strict=True), k_shifts)
    except _ExcludedPatternError as error:
        i, j = error.args[1]
        rows = i, *_edges_of_path(forest, nodes[k[i]], nodes[k[j]]), j
        raise _ExcludedPatternError("path", rows) from None
    if len({*zip(B, k_shifts, strict=True)}) == len({*B}):
        return t
    constants = _constants_separating_groups_by_first_coordinate(components, B, denominator)
    return {x: _add(t[x], constants[roots[i]]) for x, i in nodes.items()}


def _constants_separating_groups_by_first_coordinate(
    group_of_vector: Sequence, numerators: Sequence[RationalVector], denominator: int
) -> dict[Any, RationalVector]:
    """Return a constant vector for each group. After the constant of its group is added to each
    vector of `numerators`, vectors of different groups have different first coordinates.

    The constants lay the intervals of first coordinates of the groups one after the other, in their
    order. Their entries are multiples of `denominator`, which stand for integers.
    """
    ends: dict[Any, tuple[Element, Element]] = {}
    for group, (x, *_) in zip(group_of_vector, numerators, strict=True):
        low, high = ends.get(group, (x, x))
        ends[group] = min(low, x), max(high, x)
    shifts, end = {}, None
    for group, (low, high) in sorted(ends.items(), key=itemgetter(1)):
        steps = 0 if end is None else max(0, floor(end - low) // denominator + 1)
        shifts[group] = steps * denominator
        end = high + shifts[group]
    middle = max(shifts.values()) // (2 * denominator) * denominator
    zeros = [0] * (len(numerators[0]) - 1)
    return {group: (shift - middle, *zeros) for group, shift in shifts.items()}


def _solve_edge_sums_or_exclude(
    starts: list[int], stops: list[int], sums: Sequence[RationalVector]
) -> tuple[dict[int, RationalVector], dict[int, int], Forest]:
    """Solve ``value[start] + value[stop] = sum`` for each edge (start, stop) of a bipartite graph.

    Returns the value of each node, the root of each node, and a spanning forest. The root is the
    first node of a component, and has the value 0. If there is no solution, raises
    `_ExcludedPatternError` with the edges of a cycle on which the alternating sum is not zero.
    """
    edges = defaultdict(list)
    for i, ends in enumerate(zip(starts, stops, strict=True)):
        for node in ends:
            edges[node].append(i)
    value: dict[int, RationalVector] = {}
    roots, forest = {}, {}
    for root in dict.fromkeys(starts):
        if root in value:
            continue
        value[root], reached = _subtract(sums[0], sums[0]), [root]
        for node in reached:
            roots[node] = root
            for i in edges[node]:
                other, wanted = starts[i] + stops[i] - node, _subtract(sums[i], value[node])
                if other not in value:
                    value[other], forest[other] = wanted, (node, i)
                    reached.append(other)
                elif value[other] != wanted:
                    raise _ExcludedPatternError(
                        "cycle", (i, *_edges_of_path(forest, starts[i], stops[i]))
                    )
    return value, roots, forest


def _edges_of_path(forest: Forest, start: int, stop: int) -> list[int]:
    """Return the edges of the path from one node to another, each as the row of its point."""
    up: list[int] = []
    down: list[int] = []
    for node, path in ((start, up), (stop, down)):
        while node in forest:
            node, i = forest[node]
            path.append(i)
    while up and down and up[-1] == down[-1]:
        up.pop()
        down.pop()
    return up + down[::-1]


def coupling_from_table(
    partition: tuple[int, int], moved_letter: str, table: Table, denominator: int, integers: bool
) -> PiecewiseCoupling:
    """Return a coupling whose shift has the values of the table, and is linear between the keys.

    With `integers`, the shift at an integer is the value at the nearest smaller knot, or at the
    first knot.
    """
    row, products = _separating_row_and_products(list(table))
    points = sorted(zip(products, table.values(), strict=True), key=itemgetter(0))
    if integers:
        pairs = pairwise(points)
        points += [(b - 1, shift) for (a, shift), (b, _) in pairs if b - a > 1]
        points.sort()
    places, shifts = zip(*points, strict=True)
    (knots,) = _to_rationals([places], denominator)
    conditioner = PiecewiseLinear(knots, _to_rationals(shifts, denominator))
    (moves,) = (half for half, letter in LETTERS.items() if letter == moved_letter)
    return PiecewiseCoupling(partition, moves, conditioner, reads=row)


def _separating_row_and_products(keys: Sequence[RationalVector]) -> tuple[list[int], list[Element]]:
    """Return a row whose products with the keys are distinct, and these products. The row is a unit
    vector if one has this property, else 1, b, b^2, .. for some b.

    Distinct products are certain once b - 1 exceeds every quotient of two entries of a difference
    of keys.
    """
    size, base = len(keys[0]), 1
    rows = [[int(i == j) for i in range(size)] for j in range(size)]
    while True:
        for row in rows:
            products = [sum(map(mul, row, key)) for key in keys]
            if len({*products}) == len(keys):
                return row, products
        rows = [[base**j for j in range(size)]]
        base += (base + 1) // 2
