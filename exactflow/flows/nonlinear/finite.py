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
*Exact*: an `Obstruction` computes with its points alone, by arithmetic of its own.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import add, mul, neg, sub
from typing import Any, TypeAlias

from sympy import QQ

from exactflow.exact.numbers import format_short
from exactflow.exact.typing import HALVES
from exactflow.flows.nonlinear.layer import PiecewiseCoupling
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear

__all__ = ["Halves", "Obstruction", "coupling", "fewest"]

Values: TypeAlias = tuple  # of integers, in units; in an obstruction, of elements of QQ
Halves: TypeAlias = tuple[Values, Values]
Table: TypeAlias = dict[Values, Values]
Node: TypeAlias = tuple[int, Values]  # 0 and a value of k, or 1 and one of k'
Tree: TypeAlias = dict[Node, tuple[Node, int]]  # to the node nearer to the root, by a point

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


def _turned(word: str, points: Iterable[Halves], images: Iterable[Halves]) -> list[tuple]:
    """Return k, m, k', m' of each point; for no letter everything is kept."""
    pairs, step = zip(points, images, strict=True), -1 if word[:1] == "U" else 1
    if not word:
        return [((*x[0], *x[1]), (), (*y[0], *y[1]), ()) for x, y in pairs]
    return [(*x[::step], *y[::step]) for x, y in pairs]


@dataclass(frozen=True)
class Obstruction:
    """Proof, by some points of a map, that no additive couplings of a word send them so.

    Attributes
    ----------
    word : the letters, in the order in which data meets the couplings: L moves the second half, U
        the first.
    kind : "point": it moves where it is kept. "before" and "after": two points agree in what a
        coupling keeps, and need two shifts. "cycle": neighbours agree, by turns, in what the first
        coupling keeps of the point and of the image, and the alternating sum of the shifts is not
        zero. "path": so do neighbours from the first to the last point; hence the first coupling
        gives these two one moved half, but the next one has to shift them differently.
    rows : the numbers of the points among those given, from 0.
    points, images : these points, each as its first and its second half, of elements of QQ.
    """

    word: str
    kind: str
    rows: tuple[int, ...]
    points: tuple[Halves, ...]
    images: tuple[Halves, ...]

    @property
    def values(self) -> Halves:
        """The two values that would have to be equal."""
        turned = _turned(self.word, self.points, self.images)
        (k, m, k2, m2), (x, y, x2, y2) = turned[0], turned[-1]
        return {
            "point": (k, k2),
            "before": (_minus(m2, m), _minus(y2, y)),
            "cycle": (_alternating(turned), _minus(m, m)),
        }.get(self.kind, (_minus(k2, k), _minus(x2, x)))

    def check(self) -> bool:
        """Whether the points exclude the word."""
        turned, count = _turned(self.word, self.points, self.images), len(self.word)
        (k, m, _, m2), (x, y, _, y2) = turned[0], turned[-1]
        by_turns = count == 3 and len(turned) % 2 == 0
        excludes = {
            "point": count < 2,
            "before": count in (1, 2) and k == x,
            "after": count == 2 and m2 == y2,
            "cycle": by_turns and _are_linked([*turned, turned[0]]),
            "path": by_turns and _are_linked(turned) and _plus(m, _alternating(turned[1:-1])) == y,
        }
        one, other = self.values
        return excludes[self.kind] and self.word in "LULUL" and one != other

    def __str__(self) -> str:
        kept, moved = HALVES[::-1] if self.word[:1] == "U" else HALVES
        one, other = (f"({', '.join(map(format_short, half))})" for half in self.values)
        rows, between = _listed(self.rows), _listed(self.rows[1:-1])
        names = {"rows": rows, "between": between, "kept": kept, "moved": moved}
        names |= {
            "first": str(self.rows[0]),
            "last": str(self.rows[-1]),
            "one": one,
            "other": other,
        }
        return f"not {self.word or 'the identity'}: {_REASONS[self.kind].format(**names)}"


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
    points: Sequence[Halves], images: Sequence[Halves], unit: int
) -> tuple[str, list[Table], tuple[Obstruction, ...]]:
    """Return the least word, the shifts of its couplings as tables, and what excludes all shorter
    words; of two least words, the one of smaller shifts.

    The halves of distinct points and of their distinct images are integers; `unit` stands for 1.
    """
    (first, second), (first2, second2) = zip(*points, strict=True), zip(*images, strict=True)
    columns = {"L": (first, second, first2, second2), "U": (second, first, second2, first2)}
    excluded: list[Obstruction] = []
    for count in range(5):
        found, reasons = [], []
        for word in dict.fromkeys(("LULU"[:count], "ULUL"[:count])):
            try:
                found.append((word, _tables(count, *columns[word[:1] or "L"], unit)))
            except _ExcludedError as error:
                kind, rows = error.args
                some = ([_rational(pairs[i], unit) for i in rows] for pairs in (points, images))
                reasons.append(Obstruction(word, kind, rows, *map(tuple, some)))
        if found:
            break
        excluded += reasons
    word, tables = min(found, key=lambda one: max(map(_largest, one[1]), default=0))
    return word, tables, tuple(excluded)


def _rational(halves: Halves, unit: int) -> Halves:
    first, second = (tuple(QQ(x, unit) for x in half) for half in halves)
    return first, second


def _largest(table: Table) -> int:
    return max(abs(x) for shift in table.values() for x in shift)


def _function(kind: str, keys: Iterable[Hashable], values: Sequence[Values]) -> dict:
    """Return a function as a table, or raise an error with two rows that it cannot tell apart."""
    rows: dict[Any, int] = {}
    for i, key in enumerate(keys):
        j = rows.setdefault(key, i)
        if values[i] != values[j]:
            raise _ExcludedError(kind, (j, i))
    return {key: values[i] for key, i in rows.items()}


def _tables(count: int, k: Sequence, m: Sequence, k2: Sequence, m2: Sequence, unit: int) -> list:
    """Return the shifts of so many couplings, of which the first keeps k."""
    if count < 2:
        changed = (i for i, x in enumerate(k) if x != k2[i] or (count == 0 and m[i] != m2[i]))
        if (row := next(changed, None)) is not None:
            raise _ExcludedError("point", (row,))
    if count == 0:
        return []
    up = list(map(_minus, m2, m))
    if count == 1:
        return [_function("before", k, up)]
    down = list(map(_minus, k2, k))
    if count == 2:
        return [_function("before", k, up), _function("after", m2, down)]
    if count == 3:
        return _three(k, m, k2, up, down, unit)
    first, last = _apart(k, m, unit), _apart(m2, k2, unit)
    B, A = _moved(m, first, k), _moved(k2, last, m2)
    second, third = (
        _function("", B, list(map(_minus, A, k))),
        _function("", A, list(map(_minus, m2, B))),
    )
    return [first, second, third, {x: tuple(map(neg, c)) for x, c in last.items()}]


def _moved(values: Sequence[Values], table: Table, keys: Sequence[Values]) -> list[Values]:
    return [_plus(value, table[key]) for value, key in zip(values, keys, strict=True)]


def _three(
    k: Sequence, m: Sequence, k2: Sequence, up: Sequence, down: Sequence, unit: int
) -> list[Table]:
    """Return t, u, v with m' - m = t(k) + v(k') and k' - k = u(m + t(k)): `up` and `down`."""
    t, roots, tree = _potentials(k, k2, up)
    components, B = [roots[x] for x in k], _moved(m, t, k)
    try:
        _function("path", zip(components, B, strict=True), down)
    except _ExcludedError as error:
        i, j = error.args[1]
        rows = i, *_way(tree, (0, k[i]), (0, k[j])), j
        raise _ExcludedError("path", rows) from None
    if len({*zip(B, down, strict=True)}) > len({*B}):
        constants = _apart(components, B, unit)
        t = {x: _plus(value, constants[roots[x]]) for x, value in t.items()}
        B = _moved(m, t, k)
    return [
        t,
        _function("", B, down),
        {y: _minus(w, t[x]) for x, y, w in zip(k, k2, up, strict=True)},
    ]


def _apart(groups: Sequence, values: Sequence[Values], unit: int) -> dict[Any, Values]:
    """Return a whole constant for each group that keeps the values of the groups apart, in their
    first coordinate: the intervals of the groups are laid one after the other, in their order.
    """
    ends: dict[Any, tuple[int, int]] = {}
    for group, (x, *_) in zip(groups, values, strict=True):
        low, high = ends.get(group, (x, x))
        ends[group] = min(low, x), max(high, x)
    shifts, end = {}, None
    for group, (low, high) in sorted(ends.items(), key=lambda item: item[1]):
        shifts[group] = 0 if end is None else max(0, (end - low) // unit + 1) * unit
        end = high + shifts[group]
    middle = max(shifts.values()) // (2 * unit) * unit
    return {g: (shift - middle, *[0] * (len(values[0]) - 1)) for g, shift in shifts.items()}


def _potentials(k: Sequence, k2: Sequence, up: Sequence) -> tuple[Table, dict[Values, Node], Tree]:
    """Return t and a root for each value of k, and a forest, if t(k) + v(k') = `up` is solvable."""
    ends = [((0, x), (1, y)) for x, y in zip(k, k2, strict=True)]
    edges: dict[Node, list[int]] = {}
    for i, pair in enumerate(ends):
        for node in pair:
            edges.setdefault(node, []).append(i)
    value: dict[Node, Values] = {}
    roots, tree = {}, {}
    for root in edges:
        if root in value:
            continue
        value[root], reached = _minus(up[0], up[0]), [root]
        for node in reached:
            roots[node] = root
            for i in edges[node]:
                other, wanted = ends[i][1 - node[0]], _minus(up[i], value[node])
                if other not in value:
                    value[other], tree[other] = wanted, (node, i)
                    reached.append(other)
                elif value[other] != wanted:
                    raise _ExcludedError("cycle", (i, *_way(tree, *ends[i])))
    t = {x: value[0, x] for x in k}
    return t, {x: roots[0, x] for x in t}, tree


def _way(tree: Tree, start: Node, stop: Node) -> list[int]:
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
    row = _separating(list(table))
    points = sorted((sum(map(mul, row, key)), shift) for key, shift in table.items())
    if integers:
        pairs = pairwise(points)
        points += [(b - unit, shift) for (a, shift), (b, _) in pairs if b - a > unit]
        points.sort()
    new = QQ.dtype
    values = [tuple([new(x, unit) for x in shift]) for _, shift in points]
    conditioner = PiecewiseLinear([new(x, unit) for x, _ in points], values)
    return PiecewiseCoupling(partition, HALVES[letter == "L"], conditioner, reads=row)


def _separating(keys: Sequence[Values]) -> list[int]:
    """Return a unit row that has distinct values at the keys, else a row 1, b, b^2, .. that has.

    It has once b - 1 exceeds all quotients of entries of differences of keys; b grows by half.
    """
    size, base = len(keys[0]), 1
    rows = [[int(i == j) for i in range(size)] for j in range(size)]
    while True:
        for row in rows:
            if len({sum(map(mul, row, key)) for key in keys}) == len(keys):
                return row
        rows = [[base**j for j in range(size)]]
        base += (base + 1) // 2
