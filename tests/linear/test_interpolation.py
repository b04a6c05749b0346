"""Finite maps: couplings equal the map, and their number is the least by a decision of its own."""

import itertools
import json
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from exactflow import interpolate, minimal_depth
from exactflow.errors import InvalidInputError, VerificationError
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.linear import interpolation

SQUARE = [*itertools.product((0, 1), repeat=2)]
GRID = [*itertools.product(range(3), repeat=2)]
PARTITIONS = [(1, 1), (1, 2), (2, 3)]


def exchanged(points, *pairs):
    """The permutation that exchanges pairs of points."""
    swaps = {**dict(pairs), **{b: a for a, b in pairs}}
    return [swaps.get(point, point) for point in points]


def draw(source, partition):
    """A random finite map over a small range; sometimes near a composition of few couplings."""
    d = sum(partition)
    values = range(source.choice((2, 2, 3, 5)))
    boxes = [*itertools.islice(itertools.product(values, repeat=d), 5000)]
    points = source.sample(boxes, source.randint(1, min(len(boxes), 8)))
    if source.random() < 0.4:
        return points, source.sample(boxes, len(points))
    images, p = points, partition[0]
    for letter in source.choice(("L", "UL", "LU", "LUL", "ULU", "LUL", "ULU")):
        shifts = {}

        def shift(kept, size, shifts=shifts):
            return shifts.setdefault(kept, [source.randint(-1, 1) for _ in range(size)])

        halves = [(y[:p], y[p:]) for y in images]
        if letter == "L":
            images = [
                (*a, *(y + t for y, t in zip(b, shift(a, d - p), strict=True))) for a, b in halves
            ]
        else:
            images = [
                (*(y + t for y, t in zip(a, shift(b, p), strict=True)), *b) for a, b in halves
            ]
    if source.random() < 0.2:
        i, j = source.randrange(len(points)), source.randrange(len(points))
        images = [*images]
        images[i], images[j] = images[j], images[i]
    return points, images


# ------------------------------------------------------- a decision of its own, by linear algebra


def is_function(keys, values):
    return len({*zip(keys, values, strict=True)}) == len({*keys})


def differences(ys, xs):
    return [tuple(y - x for x, y in zip(a, b, strict=True)) for a, b in zip(xs, ys, strict=True)]


def reduced(rows):
    """The echelon form of some rows of fractions, as a dict from pivots to rows."""
    form = {}
    for row in rows:
        row = less(row, form)
        pivot = next((j for j, x in enumerate(row) if x), None)
        if pivot is not None:
            form[pivot] = [x / row[pivot] for x in row]
    return form


def less(row, form):
    """A row from which multiples of the rows of the form are taken, which have other pivots."""
    row = [Fraction(x) for x in row]
    for pivot in sorted(form):
        row = [x - row[pivot] * y for x, y in zip(row, form[pivot], strict=True)]
    return row


def three_do(k, m, k2, m2):
    """Whether m' - m = t(k) + v(k') has a solution whose B = m + t(k) allows for k' - k."""
    up, down, width = differences(m2, m), differences(k2, k), len(m[0])
    places = {
        x: j for j, x in enumerate(dict.fromkeys([*((0, x) for x in k), *((1, y) for y in k2)]))
    }

    def unknowns(*signed):
        row = [0] * len(places)
        for node, sign in signed:
            row[places[node]] += sign
        return row

    rows = [[*unknowns(((0, x), 1), ((1, y), 1)), *w] for x, y, w in zip(k, k2, up, strict=True)]
    form = reduced(rows)
    if any(pivot >= len(places) for pivot in form):
        return False
    for i, j in itertools.combinations(range(len(k)), 2):
        if down[i] != down[j]:
            rest = less([*unknowns(((0, k[i]), 1), ((0, k[j]), -1)), *[0] * width], form)
            apart = [a - b - x for a, b, x in zip(m[i], m[j], rest[len(places) :], strict=True)]
            if not any(rest[: len(places)]) and not any(apart):
                return False
    return True


def does(pattern, points, images, p):
    """Whether couplings of these letters, the last one first, do the map."""
    step = -1 if pattern.endswith("U") else 1
    k, m = [[*zip(*((x[:p], x[p:]) for x in points), strict=True)][i] for i in (0, 1)][::step]
    k2, m2 = [[*zip(*((y[:p], y[p:]) for y in images), strict=True)][i] for i in (0, 1)][::step]
    if len(pattern) < 2:
        return k == k2 and (is_function(k, differences(m2, m)) if pattern else m == m2)
    if len(pattern) == 2:
        return is_function(k, differences(m2, m)) and is_function(m2, differences(k2, k))
    return len(pattern) == 4 or three_do(k, m, k2, m2)


PATTERNS = ["", "L", "U", "UL", "LU", "LUL", "ULU", "ULUL", "LULU"]


def check(points, images, partition, **options):
    """Compare with the decision, and the flow with the map; return what was found."""
    found = interpolate(points, images, partition=partition, **options)
    p = found.partition[0]
    least = next(pattern for pattern in PATTERNS if does(pattern, points, images, p))
    assert found.depth == len(least)
    assert does(found.pattern, points, images, p)
    columns = sympy.Matrix(points).T
    assert found.flow.forward(columns) == sympy.Matrix(images).T
    assert found.flow.inverse().forward(sympy.Matrix(images).T) == columns
    assert [x.pattern for x in found.obstructions] == [w for w in PATTERNS if len(w) < found.depth]
    assert all(x.is_valid() for x in found.obstructions)
    assert all(layer.is_additive for layer in found)
    return found


@pytest.mark.parametrize("partition", PARTITIONS)
def test_random_finite_maps(partition):
    source, depths = random.Random(sum(partition)), Counter()
    for _ in range(15):
        found = check(
            *draw(source, partition), partition, bijective_on_integers=source.random() < 0.3
        )
        depths[found.depth] += 1
    assert {1, 2, 3, 4} <= {*depths}


@pytest.mark.slow
@pytest.mark.parametrize("partition", PARTITIONS)
def test_many_random_finite_maps(partition):
    source = random.Random(0)
    for k in range(500):
        check(*draw(source, partition), partition, bijective_on_integers=k % 4 == 0)


def can_by_trying(points, images, letters, reach=3):
    """Whether three couplings on (1, 1) do the map, by trying all t of small values.

    A constant in t goes into u and v, so that t is 0 at one place.
    """
    step = 1 if letters == "LUL" else -1
    quads = [(*x[::step], *y[::step]) for x, y in zip(points, images, strict=True)]
    first, *others = sorted({k for k, *_ in quads})
    for values in itertools.product(range(-reach, reach + 1), repeat=len(others)):
        t = {first: 0, **dict(zip(others, values, strict=True))}
        B = [m + t[k] for k, m, *_ in quads]
        u = is_function(B, [k2 - k for k, _, k2, _ in quads])
        if u and is_function(
            [q[2] for q in quads], [q[3] - b for q, b in zip(quads, B, strict=True)]
        ):
            return True
    return False


def test_three_couplings_by_trying_all_functions_of_small_values():
    """Two values of k: a difference of 3 keeps {0, 1} apart, and t differs by at most 2."""
    counts = Counter()
    for size in range(1, 5):
        for points in itertools.combinations(SQUARE, size):
            for images in itertools.permutations(SQUARE, size):
                found = interpolate(points, images)
                tried = [w for w in ("LUL", "ULU") if can_by_trying(points, images, w)]
                assert (found.depth <= 3) == bool(tried)
                counts[size, found.depth] += 1
    assert {depth: counts[4, depth] for depth in range(5)} == {0: 1, 1: 0, 2: 0, 3: 4, 4: 19}


def test_permutations_of_nine_points_nearly_all_take_four():
    source = random.Random(1)
    depths = Counter(check(GRID, source.sample(GRID, 9), (1, 1)).depth for _ in range(20))
    assert depths[4] >= 19


def test_the_exchange_that_takes_four():
    found = check(SQUARE, exchanged(SQUARE, ((0, 0), (0, 1))), (1, 1))
    assert (found.depth, found.summary) == (4, "exactly 4 additive couplings (ULUL)")
    two_points, path = found.obstructions[-2:]
    assert (two_points.kind, {*two_points.rows}) == ("cycle", {0, 1})
    assert (path.kind, path.pattern, len(path.rows)) == ("path", "ULU", 4)
    assert str(found) == (
        "4 points go to their images by exactly 4 additive couplings (ULUL): not LUL: around "
        "points 1, 0 the shifts of the second half have the alternating sum (-2); not ULU: after "
        "the first coupling points 0 and 1 agree in the first half, by the path 0, 3, but the "
        "second half moves by (1) and by (-1)"
    )


def test_points_in_general_position_take_two():
    rng = np.random.default_rng(0)
    points, images = rng.standard_normal((2, 50, 5))
    found = interpolate(points, images)
    assert found.depth == 2
    assert np.allclose(found.forward(points.T), images.T)
    assert np.allclose(found.backward(images.T), points.T)
    exact = sympy.Matrix([[sympy.Rational(x) for x in row] for row in points.tolist()]).T
    wanted = sympy.Matrix([[sympy.Rational(x) for x in row] for row in images.tolist()]).T
    assert found.flow.forward(exact) == wanted


@settings(max_examples=6)
@given(st.data())
def test_rational_points(data):
    d = data.draw(st.integers(2, 4))
    number = st.fractions(-2, 2, max_denominator=3)
    rows = st.lists(st.tuples(*[number] * d), min_size=6, max_size=6, unique=True)
    points, images = data.draw(rows), data.draw(rows)
    count = data.draw(st.integers(1, 6))
    check(points[:count], images[:count], None)


@pytest.mark.parametrize("kind", ["lists", "array", "strings", "matrix", "objects"])
def test_one_rule_for_numbers(kind):
    points, images = [[0, 1], [2, 3]], [[1, 1], [0, 4]]
    forms = {
        "lists": list,
        "array": np.array,
        "strings": lambda rows: [[str(x) for x in row] for row in rows],
        "matrix": sympy.Matrix,
        "objects": lambda rows: np.array(rows, dtype=object),
    }
    found = interpolate(forms[kind](points), forms[kind](images))
    assert found.flow == interpolate(points, images).flow


def test_tensors_are_taken_where_arrays_are():
    torch = pytest.importorskip("torch")
    points, images = [[0, 1], [2, 3]], [[1, 1], [0, 4]]
    for dtype in (torch.int32, torch.float64, torch.bfloat16):
        forms = (torch.tensor(rows, dtype=dtype) for rows in (points, images))
        assert interpolate(*forms).flow == interpolate(points, images).flow
    weight = torch.tensor([[0.1, 0]], requires_grad=True)
    assert interpolate(weight, weight.tolist()).depth == 0


def test_a_float_is_the_dyadic_number_that_it_is():
    found = interpolate([[0.1, 0]], [[0.1, "1/3"]])
    assert found.depth == 1
    assert found.layers[0].conditioner(0) == (sympy.Rational(1, 3),)
    assert interpolate([["1/10", 0]], [[0.1, 0]]).depth == 1


def test_a_mask_or_a_partition():
    points, images = [[0, 1, 2], [3, 4, 5]], [[1, 1, 2], [4, 4, 5]]
    found = interpolate(points, images, mask=[0, 1, 1])
    assert (found.partition, found.flow.order, found.pattern) == ((2, 1), (1, 2, 0), "L")
    assert found.flow.forward([3, 4, 5]) == sympy.Matrix(images[1])
    assert interpolate(points, images, partition=(1, 2)).pattern == "U"


def test_no_coupling_for_the_identity():
    found = interpolate(SQUARE, SQUARE)
    assert (found.depth, found.pattern, found.obstructions) == (0, "", ())
    assert found.forward([5, 7]) == sympy.Matrix([5, 7])
    assert str(found) == "4 points go to their images by exactly 0 additive couplings"
    assert found.explain().steps[-1].is_valid()


def test_a_row_is_read_where_no_coordinate_tells_values_apart():
    points = [(a, b, 0) for a in range(3) for b in range(3)]
    images = [(a, b, 5 * a + 7 * b * b) for a, b, _ in points]
    found = check(points, images, (2, 1))
    assert found.pattern == "L"
    (layer,) = found.layers
    assert layer.reads == (1, 3)
    assert "reads (1, 3)" in repr(found.flow)


def test_of_two_words_the_one_of_smaller_numbers():
    """Four couplings: ULUL has a shift by 4, LULU none beyond 3."""
    points = [*itertools.product(range(3), range(2))]
    images = [(0, 1), (2, 0), (0, 0), (2, 1), (1, 1), (1, 0)]
    found = check(points, images, (1, 1))
    turned = check([x[::-1] for x in points], [y[::-1] for y in images], (1, 1))
    assert (found.pattern, turned.pattern) == ("LULU", "ULUL")
    for one in (found, turned):
        assert max(abs(x) for layer in one for v in layer.conditioner.values for x in v) == 3


# ----------------------------------------------------------------------------------- obstructions


def test_obstructions_that_do_not_prove_it_fail_their_check():
    found = [
        x
        for images in (exchanged(SQUARE, ((0, 0), (0, 1))), [(0, 1), (1, 0), (0, 0), (1, 1)])
        for x in interpolate(SQUARE, images).obstructions
    ]
    assert {x.kind for x in found} >= {"point", "cycle", "path"}
    for x in found:
        x.check()
        with pytest.raises(VerificationError, match=r"^the points .* do not exclude"):
            replace(x, images=x.points).check()
        assert not replace(x, pattern="LULU").is_valid()
        assert not replace(x, pattern="LLL"[: len(x.pattern) or 1]).is_valid() or x.pattern in (
            "",
            "L",
        )
        if x.kind in ("cycle", "path"):
            assert not replace(x, points=x.points[1:], images=x.images[1:]).is_valid()
            assert not replace(x, pattern=x.pattern[:2]).is_valid()
    pairs = interpolate([[0, 0], [1, 0]], [[5, 7], [9, 7]]).obstructions
    assert {"before", "after"} <= {x.kind for x in pairs}
    for x in pairs:
        if x.kind in ("before", "after"):
            assert x.is_valid()
            assert not replace(x, pattern="LUL").is_valid()
            assert not replace(x, points=x.points[:1] * 2, images=x.images[:1] * 2).is_valid()
            apart = [tuple((*a, 5 * i) for a in y) for i, y in enumerate(x.points)]
            moved = [tuple((*a, 7 * i) for a in y) for i, y in enumerate(x.images)]
            assert not replace(x, points=tuple(apart), images=tuple(moved)).is_valid()


def test_a_long_cycle_is_told_by_its_ends():
    count = 30
    points = [(i, 0) for i in range(count)] + [(i, 1) for i in range(count)]
    images = [(i, 0) for i in range(count)] + [
        ((i + 1) % count, 5 if i == 0 else 1) for i in range(count)
    ]
    (found,) = (x for x in interpolate(points, images).obstructions if x.pattern == "LUL")
    assert (found.kind, len(found.rows)) == ("cycle", 2 * count)
    assert found.is_valid()
    assert ".. (60 points) .." in str(found)
    assert len(str(found)) < 150


def test_an_explanation_is_checked():
    found = interpolate(SQUARE, exchanged(SQUARE, ((0, 0), (0, 1))))
    told = found.explain()
    rules = ["points", *["coupling"] * 4, "images", *(x.kind for x in found.obstructions)]
    assert [step.rule for step in told.steps] == rules
    assert "Coupling 1 adds to the second half a function of the first half" in told.text()
    assert len(json.loads(told.json())["steps"]) == len(rules)
    assert "pmatrix" in told.latex()
    assert all(step.is_valid() for step in told.steps)
    wrong = replace(found, images=found.points)
    with pytest.raises(VerificationError, match="step 6"):
        wrong.explain()


def test_the_flow_is_composed_again(monkeypatch):
    def other(points, images, unit):
        return "L", [dict.fromkeys(points[0], (0,))], ()

    monkeypatch.setattr(interpolation, "find_fewest_couplings", other)
    with pytest.raises(VerificationError, match="to the images: report"):
        interpolate(SQUARE, SQUARE[::-1])


# --------------------------------------------------------------------------------------- integers


@pytest.mark.parametrize("partition", PARTITIONS)
def test_integers_go_to_integers_and_back(partition):
    source = random.Random(7)
    for _ in range(20):
        points, images = draw(source, partition)
        found = interpolate(points, images, partition=partition, bijective_on_integers=True)
        x = np.array([[source.randint(-9, 9) for _ in range(12)] for _ in range(sum(partition))])
        y = found.forward(x)
        assert y.dtype == np.int64
        assert found.flow.forward(x) == sympy.Matrix(y.tolist())
        assert (found.backward(y) == x).all()
        assert (found.forward(found.backward(x)) == x).all()
        assert (found.forward(np.array(points).T) == np.array(images).T).all()
        assert (found.forward(x[:, 0]) == y[:, 0]).all()


def test_a_shift_is_the_value_at_the_nearest_smaller_knot():
    points = [[0, 0], [4, 0], [5, 0], [9, 0]]
    images = [[0, 1], [4, 3], [5, 4], [9, 7]]
    (layer,) = interpolate(points, images, bijective_on_integers=True)
    shifts = [layer.conditioner(x)[0] for x in range(-2, 12)]
    assert shifts == [1] * 6 + [3] + [4] * 4 + [7] * 3


def test_nothing_wraps():
    points = exchanged(SQUARE, ((0, 0), (0, 1)))
    found = interpolate(SQUARE, points, bijective_on_integers=True)
    limit = found.int64_limit
    assert 2**62 < limit < 2**63
    x = np.array([[limit, -limit, limit], [-limit, limit, limit]])
    y = found.forward(x)
    assert found.flow.forward(x) == sympy.Matrix(y.tolist())
    assert (found.backward(y) == x).all()
    for bad in (x + 1, np.array([[2**63 + 5], [0]], dtype=np.uint64)):
        with pytest.raises(
            InvalidInputError, match=r"at most \d+, got \d+: pass lists to result\.flow"
        ):
            found.forward(bad)
    with pytest.raises(InvalidInputError, match="expected 2 rows"):
        found.forward(np.zeros((3, 2), dtype=int))
    with pytest.raises(InvalidInputError, match="masked entries"):
        found.forward(np.ma.array([[0], [1]], mask=[[True], [False]]))
    assert found.forward(np.zeros((2, 0), dtype=int)).shape == (2, 0)
    for points in ([[0, 0]], [[0, 2**70]]), ([[2**70, 0], [0, 0]], [[2**70, 1], [0, 0]]):
        huge = interpolate(*points, bijective_on_integers=True)
        assert huge.int64_limit < 0
        assert huge.flow.forward(points[0][0]) == sympy.Matrix(points[1][0])
        with pytest.raises(
            InvalidInputError, match=r"beyond the range of int64: pass lists to result\.flow"
        ):
            huge.forward(np.zeros((2, 1), dtype=int))


# -------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("points", "images", "options", "words"),
    [
        ([[0, 1], [2, 3], [0, 1]], SQUARE[:3], {}, r"distinct points.*\(0, 1\) in rows 0 and 2"),
        (SQUARE[:3], [[0, 1], [5, 5], [5, 5]], {}, r"distinct images.*\(5, 5\) in rows 1 and 2"),
        (SQUARE, SQUARE[:3], {}, "got 4 points of 2 entries and 3 images of 2"),
        (SQUARE, [[1, 2, 3]] * 4, {}, "4 points of 2 entries and 4 images of 3"),
        ([[1], [2]], [[2], [1]], {}, "at least two coordinates, got 1"),
        ([[0, float("nan")]], [[0, 1]], {}, r"points: entry \(0, 1\).*finite"),
        ([[0, 1]], np.array([[np.inf, 0]]), {}, r"images: entry \(0, 0\).*finite"),
        ([[0, 1], [2]], [[0, 1], [2, 3]], {}, "points: .*2 entries in row 0 and 1 in row 1"),
        ([[0, sympy.sqrt(2)]], [[0, 1]], {}, "expected rational numbers as points"),
        ([[0, "x"]], [[0, 1]], {}, "points: entry"),
        ([], [], {}, "at least one point"),
        ([0, 1], [0, 1], {}, "points: expected a list of rows"),
        (SQUARE, SQUARE, {"partition": (1, 2)}, r"p \+ q = 2"),
        (SQUARE, SQUARE, {"mask": [1, 0, 1]}, "mask of 2 entries"),
        (SQUARE, SQUARE, {"mask": [1, 0], "partition": (1, 1)}, "got both"),
        (
            [[0, 1], [0.5, 2]],
            [[0, 1], [2, 3]],
            {"bijective_on_integers": True},
            r"\(1/2, 2\) as row 1 of points",
        ),
    ],
)
def test_bad_input(points, images, options, words):
    with pytest.raises(InvalidInputError, match=words):
        interpolate(points, images, **options)


def test_a_result_is_a_flow_that_maps():
    found = interpolate(SQUARE, exchanged(SQUARE, ((0, 0), (0, 1))))
    assert isinstance(found.flow, PiecewiseFlow)
    assert len(found) == found.depth == len(list(found)) == 4
    assert found.dimension == 2
    assert found.log_abs_det() == 0
    assert "\n" not in str(found)
    assert f"[{found.evidence}]" in found._repr_html_()
    assert found(np.array([0, 1])) == sympy.Matrix([0, 0])


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16])
def test_one_point_of_integers_goes_like_a_column(dtype):
    found = interpolate(
        [[0, 0, 1], [0, 1, 0], [1, 0, 5], [1, 1, 2]],
        [[0, 1, 2], [0, 0, 0], [1, 0, 3], [1, 1, 1]],
        bijective_on_integers=True,
    )
    columns = np.array([[0, 1, 7], [1, 0, 2], [0, 5, 9]], dtype)
    images = found.forward(columns)
    for x, y in zip(columns.T, images.T, strict=True):
        assert found.forward(x).dtype == np.int64
        assert np.array_equal(found.forward(x), y)
        assert np.array_equal(found.backward(y), x)


def test_jacobian_of_an_interpolation_in_every_arithmetic():
    found = interpolate([[0, 0], [0, 1], [1, 0], [1, 1]], [[0, 1], [0, 0], [1, 0], [1, 1]])
    slopes = found.flow.jacobian(["1/2", 1])
    assert slopes.det() == 1
    assert np.array_equal(found.flow.jacobian([0.5, 1.0]), np.array(slopes, dtype=float))
    identity = interpolate([[0, 1]], [[0, 1]])
    assert identity.flow.jacobian([5, 7]) == sympy.eye(2)


def test_words_are_products_as_in_minimal_depth():
    """[[1, 1], [0, 1]] [[1, 0], [2, 1]] is U L: data meets L first."""
    M = [[3, 1], [2, 1]]
    points = [[1, 0], [0, 1], [2, 3], [5, 1]]
    images = [[M[0][0] * x + M[0][1] * y, M[1][0] * x + M[1][1] * y] for x, y in points]
    found, depth = interpolate(points, images), minimal_depth(M)
    assert found.pattern == "UL"
    assert [layer.moves for layer in found] == [layer.moves for layer in depth.flow]
    excluded = [x.pattern for x in found.obstructions if len(x.pattern) == 1]
    assert excluded == ["L", "U"]


def test_patterns_keep_their_capitals_in_a_proof():
    found = interpolate(SQUARE, exchanged(SQUARE, ((0, 0), (0, 1))))
    text = str(found.explain())
    assert "Not LUL: around points 1, 0" in text
    assert "Not ULU: after the first coupling points 0 and 1 agree" in text
    assert "Not the identity: point 0" in text
