"""Finite maps as compositions of additive couplings: the least number, and why fewer fail.

Main results
------------
*Theorem 18* (to our knowledge new). Every injective map of a finite set of points is a composition
of four additive couplings. Three do not suffice in general. The least number is decided exactly.

A coupling of letter L moves the second half, one of letter U the first. For a point and its image,
let k and k' be the halves that the first coupling keeps, m and m' the halves that it moves.

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

Vector: TypeAlias = tuple
"""Elements of QQ; or, except in an obstruction, multiples of a unit fraction, as integers."""

Halves: TypeAlias = tuple[Vector, Vector]
Table: TypeAlias = dict[Vector, Vector]

Columns: TypeAlias = tuple[Sequence[Vector], Sequence[Vector]]
"""The first halves of all points, and their second halves."""

Forest: TypeAlias = dict[int, tuple[int, int]]
"""For each node but the roots, its parent and the point that is the edge to the parent."""

_REASONS = {
    "point": "point {first} has to keep {one}, which becomes {other}",
    "before": "points {first} and {last} have one {kept} half, but the {moved} half moves by {one} "
    "and by {other}",
    "after": "the images of points {first} and {last} have one {moved} half, but the {kept} half "
    "moves by {one} and by {other}",
    "cycle": "around points {rows} the shifts of the {moved} half have the alternating sum {one}",
    "path": "points {first} and {last} get one {moved} half from the first coupling, by the path "
    "{between}, but the {kept} half moves by {one} and by {other}",
}


def _minus(u: Vector, v: Vector) -> Vector:
    return tuple(map(sub, u, v))


def _plus(u: Vector, v: Vector) -> Vector:
    return tuple(map(add, u, v))


def _combine_vectors(
    operation: Callable, us: Sequence[Vector], vs: Sequence[Vector]
) -> list[Vector]:
    """Return u + v, or u - v, of all pairs, coordinate by coordinate."""
    entries = map(itemgetter, range(len(us[0])))
    return [*zip(*(map(operation, map(at, us), map(at, vs)) for at in entries), strict=True)]


def _kept_and_moved(word: str, halves: Sequence) -> Sequence:
    """Return (first, second) as the half that the first coupling keeps, and the half it moves."""
    return halves[::-1] if word.endswith("U") else halves


def _split_points(word: str, points: Iterable[Halves], images: Iterable[Halves]) -> list[tuple]:
    """Return (k, m, k', m') of each point; the empty word keeps all coordinates."""
    pairs = zip(points, images, strict=True)
    if not word:
        return [((*x[0], *x[1]), (), (*y[0], *y[1]), ()) for x, y in pairs]
    return [(*_kept_and_moved(word, x), *_kept_and_moved(word, y)) for x, y in pairs]


@dataclass(frozen=True)
class PointObstruction(Checkable):
    """Proof, by some points of a map, that no additive couplings of a word map them to the images.

    Attributes
    ----------
    word : the letters as a product, so that data meets the coupling of the last letter first: L
        moves the second half, U the first.
    kind : "point": coordinates that no coupling moves differ from the image. "before" and "after":
        two points agree in the half that a coupling keeps, but need two shifts. "cycle": each point
        agrees with the next one in the half that the first coupling keeps, by turns of the point
        and of the image, and the alternating sum of the shifts is not zero. "path": the points from
        the first to the last agree in the same way; hence the first coupling gives these two the
        same moved half, but the next coupling has to shift them differently.
    rows : the rows of these points in the given matrix, from 0.
    points, images : these points, each as its first and its second half, of rational numbers.
    """

    word: str
    kind: str
    rows: tuple[int, ...]
    points: tuple[Halves, ...]
    images: tuple[Halves, ...]

    @property
    def compared_values(self) -> Halves:
        """The two values that would have to be equal."""
        return self._evaluate()[1:]

    def check(self) -> None:
        """Check that the points exclude the word."""
        is_met, one, other = self._evaluate()
        if not (is_met and self.word in "LULUL" and one != other):
            raise VerificationError(
                f"the points {_join_rows(self.rows)} do not exclude {self.word or 'the identity'}: "
                f"they do not fulfil the conditions of an obstruction of kind {self.kind!r}"
            )

    def _evaluate(self) -> tuple[bool, Vector, Vector]:
        """Return whether the points fulfil the conditions of `kind`, and the two values that would
        have to be equal.
        """
        split, count = _split_points(self.word, self.points, self.images), len(self.word)
        (k, m, k2, m2), (x, y, x2, y2) = split[0], split[-1]
        moved_by, kept_by = (_minus(m2, m), _minus(y2, y)), (_minus(k2, k), _minus(x2, x))
        is_even = count == 3 and len(split) % 2 == 0
        is_cycle = is_even and _agree_alternately([*split, split[0]])
        is_path = is_even and _agree_alternately(split)
        meets = is_path and _plus(m, _alternating_sum(split[1:-1])) == y
        return {
            "point": (count < 2, k, k2),
            "before": (count in (1, 2) and k == x, *moved_by),
            "after": (count == 2 and m2 == y2, *kept_by),
            "cycle": (is_cycle, _alternating_sum(split), _minus(m, m)),
            "path": (meets, *kept_by),
        }[self.kind]

    def __str__(self) -> str:
        kept, moved = _kept_and_moved(self.word, HALVES)
        one, other = (f"({', '.join(map(format_short, half))})" for half in self.compared_values)
        reason = _REASONS[self.kind].format(
            rows=_join_rows(self.rows),
            between=_join_rows(self.rows[1:-1]),
            first=self.rows[0],
            last=self.rows[-1],
            kept=kept,
            moved=moved,
            one=one,
            other=other,
        )
        return f"not {self.word or 'the identity'}: {reason}"


def _join_rows(rows: Sequence[int]) -> str:
    """Join the numbers of points by commas; of more than eight, only four and the last two."""
    shown = rows if len(rows) <= 8 else (*rows[:4], f".. ({len(rows)} points) ..", *rows[-2:])
    return ", ".join(map(str, shown))


def _alternating_sum(split: Sequence[tuple]) -> Vector:
    """Return the sum of the shifts m' - m with the signs +, -, +, .."""
    signed = (_minus(m, m2) if i % 2 else _minus(m2, m) for i, (_, m, _, m2) in enumerate(split))
    return tuple(map(sum, zip(*signed, strict=True)))


def _agree_alternately(split: Sequence[tuple]) -> bool:
    """Whether each point agrees with the next one in k, in k', in k, .."""
    pairs = enumerate(pairwise(split))
    return all(one[i % 2 * 2] == other[i % 2 * 2] for i, (one, other) in pairs)


class _ExcludedError(Exception):
    """A word is excluded: the arguments are the kind of the obstruction and the rows of points."""


def find_shortest_word(
    points: Columns, images: Columns, unit: int
) -> tuple[str, list[Table], tuple[PointObstruction, ...]]:
    """Return the shortest word, the shifts of its couplings as tables, in order of application, and
    an obstruction for each shorter word. The smaller shifts decide between two shortest words.

    Points are distinct, and images are distinct. All numbers are integer multiples of 1/`unit`.
    """
    excluded: list[PointObstruction] = []
    shifts = tuple(_combine_vectors(sub, *pair) for pair in zip(images, points, strict=True))
    for count in range(5):
        found, reasons = [], []
        for word in dict.fromkeys(("ULUL"[4 - count :], "LULU"[4 - count :])):
            columns = (_kept_and_moved(word, pair) for pair in (points, images, shifts))
            try:
                found.append((word, _shift_tables(count, [*chain(*columns)], unit)))
            except _ExcludedError as error:
                kind, rows = error.args
                shown = (_select_points(pair, rows, unit) for pair in (points, images))
                reasons.append(PointObstruction(word, kind, rows, *shown))
        if found:
            break
        excluded += reasons
    word, tables = min(found, key=_largest_shift)
    return word, tables, tuple(excluded)


def _to_rationals(vectors: Iterable[Vector], unit: int) -> tuple[Vector, ...]:
    """Return vectors of multiples of 1/`unit` as vectors of elements of QQ."""
    one = QQ(1, unit)
    return tuple([tuple([x * one for x in vector]) for vector in vectors])


def _select_points(columns: Columns, rows: Sequence[int], unit: int) -> tuple[Halves, ...]:
    halves = (_to_rationals([column[i] for i in rows], unit) for column in columns)
    return tuple(zip(*halves, strict=True))


def _largest_shift(found: tuple[str, list[Table]]) -> Element:
    shifts = (shift for table in found[1] for shift in table.values())
    return max(map(abs, chain.from_iterable(shifts)), default=0)


def _tabulate(kind: str, keys: Iterable, values: Sequence[Vector]) -> dict:
    """Return a function as a table; raise `_ExcludedError` if a key has two values."""
    rows: dict[Any, int] = {}
    for i, key in enumerate(keys):
        j = rows.setdefault(key, i)
        if values[i] != values[j]:
            raise _ExcludedError(kind, (j, i))
    return {key: values[i] for key, i in rows.items()}


def _shift_tables(count: int, halves: Sequence[Sequence[Vector]], unit: int) -> list[Table]:
    """Return the shifts of `count` couplings, given k, m, k', m', k' - k and m' - m."""
    k, m, k2, m2, k_shifts, m_shifts = halves
    unmoved = (k_shifts, m_shifts)[: max(0, 2 - count)]
    for i, shifts in enumerate(zip(*unmoved, strict=True)):
        if any(chain(*shifts)):
            raise _ExcludedError("point", (i,))
    if count < 3:
        functions = ("before", k, m_shifts), ("after", m2, k_shifts)
        return [_tabulate(*function) for function in functions[:count]]
    if count == 3:
        first, last = _first_shift_of_three(halves, unit), dict.fromkeys(m2, _minus(k[0], k[0]))
    else:
        first, last = _separate_groups(k, m, unit), _separate_groups(m2, k2, unit)
    B, A = _add_table_shifts(m, first, k), _add_table_shifts(k2, last, m2)
    middle = (
        _tabulate("", B, _combine_vectors(sub, A, k)),
        _tabulate("", A, _combine_vectors(sub, m2, B)),
    )
    return [first, *middle, {x: tuple(map(neg, c)) for x, c in last.items()}][:count]


def _add_table_shifts(vectors: Sequence[Vector], table: Table, keys: Sequence) -> list[Vector]:
    return _combine_vectors(add, vectors, [table[key] for key in keys])


def _first_shift_of_three(halves: Sequence[Sequence[Vector]], unit: int) -> Table:
    """Return t such that m' - m - t(k) is a function of k', and k' - k a function of m + t(k)."""
    k, m, k2, _, k_shifts, m_shifts = halves
    nodes = {x: i for i, x in enumerate(dict.fromkeys(k))}
    others = {x: i for i, x in enumerate(dict.fromkeys(k2), len(nodes))}
    ends = [nodes[x] for x in k], [others[x] for x in k2]
    value, roots, forest = _solve_on_graph(*ends, m_shifts)
    t = {x: value[i] for x, i in nodes.items()}
    components, B = [roots[i] for i in ends[0]], _add_table_shifts(m, t, k)
    try:
        _tabulate("path", zip(components, B, strict=True), k_shifts)
    except _ExcludedError as error:
        i, j = error.args[1]
        rows = i, *_find_path(forest, nodes[k[i]], nodes[k[j]]), j
        raise _ExcludedError("path", rows) from None
    if len({*zip(B, k_shifts, strict=True)}) == len({*B}):
        return t
    constants = _separate_groups(components, B, unit)
    return {x: _plus(t[x], constants[roots[i]]) for x, i in nodes.items()}


def _separate_groups(groups: Sequence, vectors: Sequence[Vector], unit: int) -> dict[Any, Vector]:
    """Return a constant for each group that keeps the vectors of different groups apart, in their
    first coordinate: the intervals of the groups are laid one after the other, in their order. The
    constants are integers, which multiples of `unit` stand for.
    """
    ends: dict[Any, tuple[Element, Element]] = {}
    for group, (x, *_) in zip(groups, vectors, strict=True):
        low, high = ends.get(group, (x, x))
        ends[group] = min(low, x), max(high, x)
    shifts, end = {}, None
    for group, (low, high) in sorted(ends.items(), key=itemgetter(1)):
        shifts[group] = 0 if end is None else max(0, (floor(end - low) // unit + 1) * unit)
        end = high + shifts[group]
    middle, zeros = max(shifts.values()) // (2 * unit) * unit, [0] * (len(vectors[0]) - 1)
    return {group: (shift - middle, *zeros) for group, shift in shifts.items()}


def _solve_on_graph(
    starts: list[int], stops: list[int], sums: Sequence[Vector]
) -> tuple[dict[int, Vector], dict[int, int], Forest]:
    """Solve ``value[start] + value[stop] = sum`` for all edges of a bipartite graph.

    Returns the values, with 0 at the first node of each component, its root; the root of each node;
    and a spanning forest. Raises `_ExcludedError` with the points around a cycle that is violated.
    """
    edges = defaultdict(list)
    for i, ends in enumerate(zip(starts, stops, strict=True)):
        for node in ends:
            edges[node].append(i)
    value: dict[int, Vector] = {}
    roots, forest = {}, {}
    for root in dict.fromkeys(starts):
        if root in value:
            continue
        value[root], reached = _minus(sums[0], sums[0]), [root]
        for node in reached:
            roots[node] = root
            for i in edges[node]:
                other, wanted = starts[i] + stops[i] - node, _minus(sums[i], value[node])
                if other not in value:
                    value[other], forest[other] = wanted, (node, i)
                    reached.append(other)
                elif value[other] != wanted:
                    raise _ExcludedError("cycle", (i, *_find_path(forest, starts[i], stops[i])))
    return value, roots, forest


def _find_path(forest: Forest, start: int, stop: int) -> list[int]:
    """Return the points that are the edges of the path from one node to another."""
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
    partition: tuple[int, int], letter: str, table: Table, unit: int, integers: bool
) -> PiecewiseCoupling:
    """Return a coupling whose shift has the values of a table, and is linear between its knots.

    With `integers` its shift at each integer equals the shift at the nearest smaller knot, or at
    the first knot.
    """
    row, products = _separating_row_and_products(list(table))
    points = sorted(zip(products, table.values(), strict=True), key=itemgetter(0))
    if integers:
        pairs = pairwise(points)
        points += [(b - 1, shift) for (a, shift), (b, _) in pairs if b - a > 1]
        points.sort()
    places, shifts = zip(*points, strict=True)
    (knots,) = _to_rationals([places], unit)
    conditioner = PiecewiseLinear(knots, _to_rationals(shifts, unit))
    (moves,) = (half for half, name in LETTERS.items() if name == letter)
    return PiecewiseCoupling(partition, moves, conditioner, reads=row)


def _separating_row_and_products(keys: Sequence[Vector]) -> tuple[list[int], list[Element]]:
    """Return a unit row whose products with the keys are distinct, else a row 1, b, b^2, .., and
    these products.

    They are distinct once b - 1 exceeds all quotients of entries of differences of keys.
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
