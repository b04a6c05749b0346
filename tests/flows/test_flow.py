"""Layers and flows: the group structure, exactly."""

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from exactflow import CouplingFlow, LinearCoupling, factor, load, save
from exactflow.errors import InvalidInputError
from exactflow.proving.strategies import flows, partitions, rationals

numbers = rationals(largest_value_and_denominator=3)


def dense_matrix(flow):
    """The matrix by d x d products, written from the definition."""
    p, q = flow.partition
    M = sympy.diag(*[-1 if i in flow.flips else 1 for i in range(p + q)])
    for layer in flow:
        s = sympy.diag(*layer.scale)
        if layer.moves == "first":
            step = sympy.Matrix([[s, layer.shift], [sympy.zeros(q, p), sympy.eye(q)]])
        else:
            step = sympy.Matrix([[sympy.eye(p), sympy.zeros(p, q)], [layer.shift, s]])
        M = step * M
    return M


@settings(max_examples=10)
@given(flows(), st.data())
def test_matrix_forward_inverse(flow, data):
    d = flow.dimension
    M = dense_matrix(flow)
    x = data.draw(st.lists(numbers, min_size=d, max_size=d))
    vector = sympy.Matrix([sympy.Rational(v.numerator, v.denominator) for v in x])
    assert flow.matrix() == M
    assert flow.forward(x) == M * vector
    assert flow.inverse().forward(flow.forward(x)) == vector
    assert flow.inverse().matrix() == M.inv()
    assert flow.inverse().inverse() == flow
    assert flow.forward(sympy.eye(d)) == M
    assert sympy.exp(flow.log_abs_det()) == abs(M.det())


@settings(max_examples=8)
@given(st.data())
def test_composition(data):
    partition = data.draw(partitions(least_dimension=2, most_dimension=6))
    f, g = data.draw(flows(partition=partition)), data.draw(flows(partition=partition))
    assert (f @ g).matrix() == f.matrix() * g.matrix()
    assert (f @ g).depth == f.depth + g.depth


@settings(max_examples=12)
@given(flows())
def test_layers(flow):
    assert len(flow) == flow.depth == len(list(flow))
    for layer in flow:
        alone = CouplingFlow([layer])
        assert layer.matrix() == dense_matrix(alone)
        assert layer.inverse().matrix() == layer.matrix().inv()
        assert layer.inverse().moves == layer.moves
        assert layer.after(layer).matrix() == layer.matrix() ** 2
        p, q = layer.partition
        order = [*range(p, p + q), *range(p)]
        assert layer.swap_halves().matrix() == layer.matrix().extract(order, order)
        assert layer.is_identity == (layer.matrix() == sympy.eye(p + q))


@settings(max_examples=10)
@given(flows(), flows())
def test_equality_is_structural(f, g):
    rebuilt = CouplingFlow(
        [LinearCoupling(a.partition, a.moves, a.shift, a.scale) for a in f],
        f.partition,
        flips=f.flips,
    )
    assert (rebuilt, hash(rebuilt)) == (f, hash(f))
    assert (f == g) == (
        (f.partition, f.flips) == (g.partition, g.flips)
        and [(a.moves, a.scale, a.shift) for a in f] == [(a.moves, a.scale, a.shift) for a in g]
    )
    if f == g:
        assert hash(f) == hash(g)


def test_frozen():
    layer = LinearCoupling((1, 1), "first", [[1]])
    with pytest.raises(AttributeError):
        layer.moves = "second"
    layer.shift[0, 0] = 5
    assert layer.shift == sympy.Matrix([[1]])


def test_sparse_and_dense_shifts_are_equal():
    shift = sympy.Matrix([[0, 1], [2, 0]]).to_DM()
    sparse, dense = (LinearCoupling((2, 2), "first", s) for s in (shift, shift.to_dense()))
    assert sparse.shift_matrix.rep.fmt == "sparse"
    assert sparse == dense
    assert hash(sparse) == hash(dense)
    assert CouplingFlow([sparse, dense]).matrix() == sparse.matrix() ** 2


def test_symbols_pass_through():
    x, y = sympy.symbols("x y")
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [["1/2"]])])
    assert flow.forward(sympy.Matrix([x, y])) == sympy.Matrix([x, x / 2 + y])


T = sympy.Symbol("t", positive=True)
ROOT = sympy.sqrt(2)


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (LinearCoupling((1, 1), "first", [[T]], [T]), [1, 2]),
        (LinearCoupling((1, 1), "first", [[T]], [T]), ["1/2", T]),
        (LinearCoupling((1, 1), "first", [[ROOT]], [ROOT]), [sympy.sqrt(3), 1]),
        (LinearCoupling((1, 1), "second", [[ROOT]]), [sympy.I, ROOT]),
    ],
)
def test_vectors_over_another_field_than_the_weights(layer, x):
    for flow in (CouplingFlow([layer], flips=[0]), layer):
        image = flow.forward(x)
        assert sympy.simplify(image - flow.matrix() * sympy.Matrix(x)).is_zero_matrix
        assert sympy.simplify(flow.backward(image) - sympy.Matrix(x)).is_zero_matrix


def test_gaussian_rationals_mix_with_symbols_however_they_are_written(tmp_path):
    """SymPy puts I into QQ(i), but 1/(1 + I) into QQ<I>."""
    f = CouplingFlow([LinearCoupling((1, 1), "first", [[1 / (1 + sympy.I)]], [2])])
    g = CouplingFlow([LinearCoupling((1, 1), "first", [[T]])])
    expected = g.matrix() * f.matrix()
    assert (g @ f).matrix() == expected
    assert g.forward([1, 1 / (1 + sympy.I)]) == sympy.Matrix(
        [1 + T / (1 + sympy.I), (1 - sympy.I) / 2]
    )
    save(f, tmp_path / "f.cert.json")
    loaded = load(tmp_path / "f.cert.json")
    assert loaded == f
    assert hash(loaded) == hash(f)
    assert (g @ loaded).matrix() == expected
    assert (loaded.inverse() @ f).matrix() == sympy.eye(2)
    over_QQ_I_of_t = (g.inverse() @ g @ f).layers[0].convert_to((g @ f).field)
    assert over_QQ_I_of_t == f.layers[0] == loaded.layers[0]


def test_flows_over_two_fields_are_composed():
    shear = LinearCoupling((1, 1), "second", [[3]], [2])
    f = CouplingFlow([LinearCoupling((1, 1), "first", [[T]], [T]), shear], flips=[0])
    g = CouplingFlow([shear], flips=[1])
    assert (f @ g).matrix() == f.matrix() * g.matrix()
    back = (g @ f).inverse().matrix() * g.matrix() * f.matrix()
    assert sympy.simplify(back) == sympy.eye(2)
    finite = CouplingFlow(partition=(1, 1), field=sympy.GF(5), flips=[1])
    for one, other in ((finite, g), (g, finite)):
        with pytest.raises(InvalidInputError, match="of one field"):
            one @ other


def test_accounts():
    layer = LinearCoupling((1, 2), "first", [[0, "-9/16"]], scale=[3])
    assert (layer.nnz, layer.bits, layer.magnitude) == (1, 5, 3)
    assert not layer.is_additive
    flow = CouplingFlow([layer, layer])
    assert flow.log_abs_det() == sympy.log(9)
    assert CouplingFlow([], (2, 3)).log_abs_det() == 0
    assert CouplingFlow([], (2, 3)).matrix() == sympy.eye(5)


def test_representations():
    layer = LinearCoupling((2, 2), "second", [[1, 0], [0, "1/3"]], scale=[2, 1])
    flow = CouplingFlow([layer], flips=[3], method="by hand")
    assert repr(flow).splitlines() == [
        "<CouplingFlow (2, 2), depth 1, flips=[3], method='by hand'>",
        "  1. moves second, scaled, nonzeros 2, bits 2",
        "     [[I, 0], [T, S]]   S = diag(2, 1)   T = [1   0]",
        "                                             [0 1/3]",
    ]
    assert r"\frac{1}{3}" in flow._repr_latex_()
    large = LinearCoupling((9, 9), "first", np.eye(9, dtype=int))
    assert r"\underset{9 \times 9}{T}" in large._repr_latex_()
    assert CouplingFlow([], (1, 1))._repr_latex_() == sympy.eye(2)._repr_latex_()
    huge = CouplingFlow([LinearCoupling((1, 1), "first", [[10**5000]])])
    assert r"1.0\ldots \cdot 10^{5000}" in huge._repr_latex_()
    assert "bits 16610" in repr(huge)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LinearCoupling((1, 1), "both", [[1]]), "moves to be one of 'first', 'second'"),
        (lambda: LinearCoupling((1, 0), "first", [[1]]), "two positive integers"),
        (lambda: LinearCoupling((True, True), "first", [[1]]), "two positive integers"),
        (lambda: LinearCoupling((1, 1, 1), "first", [[1]]), "two positive integers"),
        (lambda: LinearCoupling((1, 2), "first", [[1], [2]]), "shape 1 x 2"),
        (lambda: LinearCoupling((1, 1), "first", [[1]], scale=[0]), "positive scales"),
        (lambda: LinearCoupling((1, 1), "first", [[1]], scale=[-1]), "positive scales, got -1"),
        (lambda: LinearCoupling((1, 1), "first", [[1]], scale=[1, 1]), "1 entries"),
        (lambda: CouplingFlow([]), "partition"),
        (lambda: CouplingFlow(["U"], (1, 1)), "got str as layer 0"),
        (lambda: CouplingFlow([], (1, 1), flips=[2]), "coordinates from 0 to 1"),
        (lambda: CouplingFlow([], (1, 1), flips=[0, 0]), "distinct"),
        (lambda: CouplingFlow([LinearCoupling((1, 2), "first", [[1, 1]])], (1, 1)), "got layer 0"),
        (lambda: CouplingFlow([], (1, 1)) @ CouplingFlow([], (1, 2)), "equal partition"),
        (lambda: CouplingFlow([], (1, 1)).forward([1]), "2 entries"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()


SMALL = sympy.expand((sympy.sqrt(2) - 1) ** 200)
PLAIN, IMAGINARY = sympy.Symbol("t"), sympy.Symbol("w", imaginary=True)


@pytest.mark.parametrize(
    ("scale", "shift"),
    [
        (-1, sympy.I),
        (sympy.I, 0),
        (-SMALL, 0),
        (sympy.sqrt(2) - 2, 1),
        (PLAIN, 0),
        (PLAIN**2, 0),
        (sympy.Symbol("r", real=True), 1),
        (IMAGINARY**2, 0),
        (1 - sympy.Symbol("p", positive=True), 0),
        (0, 1),
    ],
)
def test_a_scale_that_is_not_shown_positive_is_refused(scale, shift):
    with pytest.raises(InvalidInputError, match="positive"):
        LinearCoupling((1, 1), "first", [[shift]], scale=[scale])


@pytest.mark.parametrize(
    ("scale", "shift"),
    [
        (2, sympy.I),
        (SMALL, 0),
        (sympy.Symbol("p", positive=True), 1),
        (sympy.Symbol("r", real=True) ** 2, 1),
        (IMAGINARY**4, 0),
    ],
)
def test_a_scale_that_is_shown_positive_is_taken(scale, shift):
    layer = LinearCoupling((1, 1), "first", [[shift]], scale=[scale])
    assert layer.matrix() == sympy.Matrix([[scale, shift], [0, 1]])


@pytest.mark.parametrize(
    "x",
    [
        np.ma.array([1.0, 2.0], mask=[0, 1]),
        [mpmath.iv.mpf([1, 2]), 0],
        [mpmath.iv.mpf([1, 2]), 0.5],
    ],
)
def test_points_that_are_no_numbers_are_refused(x):
    with pytest.raises(InvalidInputError, match="expected"):
        factor([[2, 1], [1, 1]]).forward(x)
