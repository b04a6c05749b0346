"""Finite maps as compositions of additive couplings: the least number of them, and why not fewer.

Main results
------------
*Theorem 18* (to our knowledge new). Every injective map of a finite set of points is a composition
of four additive couplings; three do not do in general, and the least number is decided exactly.
A coupling of letter L moves the second half, one of letter U the first. Of a point and its image,
let k and k' be the halves that the first coupling keeps, m and m' those that it moves.

- One: k' = k, and m' - m is a function of k.
- Two: m' - m is a function of k, and k' - k one of m'.
- Three: m' - m = t(k) + v(k'), a system on the bipartite graph of the values of k and of k', with
  an edge for each point. It is solvable exactly if the alternating sums of m' - m around its cycles
  vanish, and then t is unique up to a constant for each component. In each component k' - k has to
  be a function of B = m + t(k); the free constants keep the components apart.
- Four, always: constants c(k) keep the points B = m + c(k) of different k apart, constants c'(m')
  the points A = k' + c'(m') of different m'. So B determines the point, A its image, and the four
  shifts are c(k), A - k as a function of B, m' - B as a function of A, and -c'(m').

How it is checked
-----------------
*Exact*: a `PointObstruction` computes with its points alone, by arithmetic of its own.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from math import floor
from operator import add, itemgetter, mul, neg, sub
from typing import Any, TypeAlias

import numpy as np
from sympy import QQ

from exactflow.errors import VerificationError
from exactflow.exact.numbers import format_short
from exactflow.exact.typing import HALVES, Element
from exactflow.flows.evidence import Checkable
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.nonlinear.piecewise_coupling import PiecewiseCoupling

Values: TypeAlias = tuple  # of elements of QQ, or integers; in units but for an obstruction
Halves: TypeAlias = tuple[Values, Values]
Table: TypeAlias = dict[Values, Values]
Columns: TypeAlias = tuple[Sequence[Values], Sequence[Values]]  # first halves, and second ones
Tree: TypeAlias = dict[int, tuple[int, int]]  # to the node nearer to the root, by a point

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


def _minus(u: Values, v: Values) -> Values:
    return tuple(map(sub, u, v))


def _plus(u: Values, v: Values) -> Values:
    return tuple(map(add, u, v))


def _each(operation: Callable, us: Sequence[Values], vs: Sequence[Values]) -> list[Values]:
    """Return u + v, or u - v, of all pairs, coordinate by coordinate."""
    entries = map(itemgetter, range(len(us[0])))
    return [*zip(*(map(operation, map(at, us), map(at, vs)) for at in entries), strict=True)]


def _turned(word: str, points: Iterable[Halves], images: Iterable[Halves]) -> list[tuple]:
    """Return k, m, k', m' of each point; for no letter everything is kept."""
    pairs, step = zip(points, images, strict=True), -1 if word[-1:] == "U" else 1
    if not word:
        return [((*x[0], *x[1]), (), (*y[0], *y[1]), ()) for x, y in pairs]
    return [(*x[::step], *y[::step]) for x, y in pairs]


@dataclass(frozen=True)
class PointObstruction(Checkable):
    """Proof, by some points of a map, that no additive couplings of a word send them so.

    Attributes
    ----------
    word : the letters as a product, so that data meets the coupling of the last letter first: L
        moves the second half, U the first.
    kind : "point": it moves where it is kept. "before" and "after": two points agree in what a
        coupling keeps, and need two shifts. "cycle": neighbours agree, by turns, in what the first
        coupling keeps of the point and of the image, and the alternating sum of the shifts is not
        zero. "path": so do neighbours from the first to the last point; hence the first coupling
        gives these two one moved half, but the next one has to shift them differently.
    rows : the numbers of the points among those given, from 0.
    points, images : these points, each as its first and its second half, of rational numbers.
    """

    word: str
    kind: str
    rows: tuple[int, ...]
    points: tuple[Halves, ...]
    images: tuple[Halves, ...]

    @property
    def values(self) -> Halves:
        """The two values that would have to be equal."""
        return self._read[1:]

    def check(self) -> None:
        """Check that the points exclude the word."""
        is_met, one, other = self._read
        if not (is_met and self.word in "LULUL" and one != other):
            raise VerificationError(
                f"the points {_listed(self.rows)} do not exclude {self.word or 'the identity'}: "
                f"they do not fulfil the conditions of the kind {self.kind!r}"
            )

    @property
    def _read(self) -> tuple[bool, Values, Values]:
        """Whether the points are as the kind says, and the values."""
        turned, count = _turned(self.word, self.points, self.images), len(self.word)
        (k, m, k2, m2), (x, y, x2, y2) = turned[0], turned[-1]
        moves, keeps = (_minus(m2, m), _minus(y2, y)), (_minus(k2, k), _minus(x2, x))
        by_turns = count == 3 and len(turned) % 2 == 0
        is_cycle = by_turns and _are_linked([*turned, turned[0]])
        meets = by_turns and _are_linked(turned) and _plus(m, _alternating(turned[1:-1])) == y
        return {
            "point": (count < 2, k, k2),
            "before": (count in (1, 2) and k == x, *moves),
            "after": (count == 2 and m2 == y2, *keeps),
            "cycle": (is_cycle, _alternating(turned), _minus(m, m)),
            "path": (meets, *keeps),
        }[self.kind]

    def __str__(self) -> str:
        kept, moved = HALVES[::-1] if self.word[-1:] == "U" else HALVES
        one, other = (f"({', '.join(map(format_short, half))})" for half in self.values)
        reason = _REASONS[self.kind].format(
            rows=_listed(self.rows),
            between=_listed(self.rows[1:-1]),
            first=self.rows[0],
            last=self.rows[-1],
            kept=kept,
            moved=moved,
            one=one,
            other=other,
        )
        return f"not {self.word or 'the identity'}: {reason}"


def _listed(rows: Sequence[int]) -> str:
    """Return numbers of points in a row; of many the ends."""
    shown = rows if len(rows) <= 8 else (*rows[:4], f".. ({len(rows)} points) ..", *rows[-2:])
    return ", ".join(map(str, shown))


def _alternating(turned: Sequence[tuple]) -> Values:
    """Return the sum of the shifts m' - m with the signs +, -, +, .."""
    signed = (_minus(m, m2) if i % 2 else _minus(m2, m) for i, (_, m, _, m2) in enumerate(turned))
    return tuple(map(sum, zip(*signed, strict=True)))


def _are_linked(turned: Sequence[tuple]) -> bool:
    """Whether neighbours agree in k, in k', in k, .."""
    pairs = enumerate(pairwise(turned))
    return all(one[i % 2 * 2] == other[i % 2 * 2] for i, (one, other) in pairs)


class _ExcludedError(Exception):
    """A word is excluded, with the kind of the obstruction and the indices of its points."""


def fewest(
    points: Columns, images: Columns, unit: int
) -> tuple[str, list[Table], tuple[PointObstruction, ...]]:
    """Return the least word, the shifts of its couplings as tables in the order in which data meets
    them, and what excludes all shorter words; of two least words, the one of smaller shifts.

    Points are distinct, and so are their images. All numbers are in units, of which 1 has `unit`.
    """
    excluded: list[PointObstruction] = []
    one, shifts = QQ(1, unit), [_each(sub, *pair) for pair in zip(images, points, strict=True)]
    for count in range(5):
        found, reasons = [], []
        for word in dict.fromkeys(("ULUL"[4 - count :], "LULU"[4 - count :])):
            try:
                step = -1 if word[-1:] == "U" else 1
                halves = *points[::step], *images[::step], *shifts[::step]
                found.append((word, _tables(count, halves, unit)))
            except _ExcludedError as error:
                kind, rows = error.args
                start, stop = (_halves(one, pairs, rows) for pairs in (points, images))
                reasons.append(PointObstruction(word, kind, rows, start, stop))
        if found:
            break
        excluded += reasons
    word, tables = min(found, key=_largest)
    return word, tables, tuple(excluded)


def _times(one: Element, halves: Iterable[Values]) -> tuple[Values, ...]:
    """Return tuples of numbers in units as elements of QQ, of which `one` is the unit."""
    return tuple([tuple([x * one for x in half]) for half in halves])


def _halves(one: Element, columns: Columns, rows: Sequence[int]) -> tuple[Halves, ...]:
    halves = (_times(one, [column[i] for i in rows]) for column in columns)
    return tuple(zip(*halves, strict=True))


def _largest(found: tuple[str, list[Table]]) -> Element:
    shifts = (shift for table in found[1] for shift in table.values())
    return max(map(abs, chain.from_iterable(shifts)), default=0)


def _function(kind: str, keys: Iterable, values: Sequence[Values]) -> dict:
    """Return a function as a table, or raise an error with two rows that it cannot tell apart."""
    rows: dict[Any, int] = {}
    for i, key in enumerate(keys):
        j = rows.setdefault(key, i)
        if values[i] != values[j]:
            raise _ExcludedError(kind, (j, i))
    return {key: values[i] for key, i in rows.items()}


def _tables(count: int, halves: Sequence[Sequence[Values]], unit: int) -> list[Table]:
    """Return the shifts of so many couplings, given k, m, k', m', k' - k and m' - m."""
    k, m, k2, m2, down, up = halves
    for i, shifts in enumerate(zip(*(down, up)[: max(0, 2 - count)], strict=True)):
        if any(chain(*shifts)):
            raise _ExcludedError("point", (i,))
    if count < 3:
        two = ("before", k, up), ("after", m2, down)
        return [_function(*one) for one in two[:count]]
    first = _first_of_three(halves, unit) if count == 3 else _apart(k, m, unit)
    last = dict.fromkeys(m2, _minus(k[0], k[0])) if count == 3 else _apart(m2, k2, unit)
    B, A = _moved(m, first, k), _moved(k2, last, m2)
    middle = _function("", B, _each(sub, A, k)), _function("", A, _each(sub, m2, B))
    return [first, *middle, {x: tuple(map(neg, c)) for x, c in last.items()}][:count]


def _moved(values: Sequence[Values], table: Table, keys: Sequence) -> list[Values]:
    return _each(add, values, [table[key] for key in keys])


def _first_of_three(halves: Sequence[Sequence[Values]], unit: int) -> Table:
    """Return a t for which m' - m - t(k) is a function of k', and k' - k one of m + t(k)."""
    k, m, k2, _, down, up = halves
    nodes = {x: i for i, x in enumerate(dict.fromkeys(k))}
    others = {x: i for i, x in enumerate(dict.fromkeys(k2), len(nodes))}
    ends = [nodes[x] for x in k], [others[x] for x in k2]
    value, roots, tree = _potentials(*ends, up)
    t = {x: value[i] for x, i in nodes.items()}
    components, B = [roots[i] for i in ends[0]], _moved(m, t, k)
    try:
        _function("path", zip(components, B, strict=True), down)
    except _ExcludedError as error:
        i, j = error.args[1]
        rows = i, *_way(tree, nodes[k[i]], nodes[k[j]]), j
        raise _ExcludedError("path", rows) from None
    if len({*zip(B, down, strict=True)}) == len({*B}):
        return t
    constants = _apart(components, B, unit)
    return {x: _plus(t[x], constants[roots[i]]) for x, i in nodes.items()}


def _apart(groups: Sequence, values: Sequence[Values], unit: int) -> dict[Any, Values]:
    """Return a whole constant for each group that keeps the values of the groups apart, in their
    first coordinate: the intervals of the groups are laid one after the other, in their order.
    """
    ends: dict[Any, tuple[Element, Element]] = {}
    for group, (x, *_) in zip(groups, values, strict=True):
        low, high = ends.get(group, (x, x))
        ends[group] = min(low, x), max(high, x)
    shifts, end = {}, None
    for group, (low, high) in sorted(ends.items(), key=itemgetter(1)):
        shifts[group] = 0 if end is None else max(0, (floor(end - low) // unit + 1) * unit)
        end = high + shifts[group]
    middle, others = max(shifts.values()) // (2 * unit) * unit, [0] * (len(values[0]) - 1)
    return {group: (shift - middle, *others) for group, shift in shifts.items()}


def _potentials(
    starts: list[int], stops: list[int], up: Sequence[Values]
) -> tuple[dict[int, Values], dict[int, int], Tree]:
    """Return t or v and a root for each node, and a forest, if t + v = `up` at the ends of edges.

    Nodes are numbered, the starts first; then so are the roots.
    """
    nodes = starts + stops
    edges = (np.argsort(nodes, kind="stable") % len(starts)).tolist()
    ends = [0, *np.cumsum(np.bincount(nodes)).tolist()]
    value: dict[int, Values] = {}
    roots, tree = {}, {}
    for root in dict.fromkeys(starts):
        if root in value:
            continue
        value[root], reached = _minus(up[0], up[0]), [root]
        for node in reached:
            roots[node] = root
            for i in edges[ends[node] : ends[node + 1]]:
                other, wanted = starts[i] + stops[i] - node, _minus(up[i], value[node])
                if other not in value:
                    value[other], tree[other] = wanted, (node, i)
                    reached.append(other)
                elif value[other] != wanted:
                    raise _ExcludedError("cycle", (i, *_way(tree, starts[i], stops[i])))
    return value, roots, tree


def _way(tree: Tree, start: int, stop: int) -> list[int]:
    """Return the points on the way through the forest from one node to another."""
    up: list[int] = []
    down: list[int] = []
    for node, way in ((start, up), (stop, down)):
        while node in tree:
            node, i = tree[node]
            way.append(i)
    while up and down and up[-1] == down[-1]:
        up.pop()
        down.pop()
    return up + down[::-1]


def coupling(
    partition: tuple[int, int], letter: str, table: Table, unit: int, integers: bool
) -> PiecewiseCoupling:
    """Return a coupling whose shift has the values of a table, between whose knots it is linear.

    With `integers` its shift at each integer is that of the nearest smaller knot, or of the first.
    """
    row, reads = _separating(list(table))
    points = sorted(zip(reads, table.values(), strict=True), key=itemgetter(0))
    if integers:
        pairs = pairwise(points)
        points += [(b - 1, shift) for (a, shift), (b, _) in pairs if b - a > 1]
        points.sort()
    one, (knots, shifts) = QQ(1, unit), zip(*points, strict=True)
    conditioner = PiecewiseLinear([x * one for x in knots], _times(one, shifts))
    return PiecewiseCoupling(partition, HALVES[letter == "L"], conditioner, reads=row)


def _separating(keys: Sequence[Values]) -> tuple[list[int], list[Element]]:
    """Return a unit row of distinct values at the keys, else a row 1, b, b^2, .., and the values.

    They are distinct once b - 1 exceeds all quotients of entries of differences of keys.
    """
    size, base = len(keys[0]), 1
    rows = [[int(i == j) for i in range(size)] for j in range(size)]
    while True:
        for row in rows:
            values = [sum(map(mul, row, key)) for key in keys]
            if len({*values}) == len(keys):
                return row, values
        rows = [[base**j for j in range(size)]]
        base += (base + 1) // 2
