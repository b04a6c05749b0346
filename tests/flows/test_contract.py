"""What every kind of flow does, over one table of examples."""

import copy
import itertools
import pickle
import re
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from sympy import GF, QQ, Rational, sqrt
from sympy.external.gmpy import GROUND_TYPES
from sympy.polys.matrices import DomainMatrix

from exactflow import (
    CouplingFlow,
    LinearCoupling,
    approximate,
    balance,
    factor,
    interpolate,
    load,
    minimal_depth,
    permutation,
    random_matrix,
    save,
    verify,
    whiten,
)
from exactflow.errors import InvalidInputError
from exactflow.exact.coerce import as_rectangular_matrix, as_square_matrix
from exactflow.floats.lossless import Lossless, LosslessInverse, lossless
from exactflow.flows.display import heat_map_html
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.result import FlowResult, MapResult, Result
from exactflow.laws.conditioning import bound_conditioning
from exactflow.laws.universal import checkerboard
from exactflow.linear.masks import merge_masks
from proofs.experiments.coordinatewise import coordinatewise

RAMP = PiecewiseCoupling((1, 2), "second", PiecewiseLinear([0, 1], [(0, 1), (6, -1)]), scale="1/2")
BENDS = [PiecewiseLinear([0, 1], [0, 2], 1, -1), PiecewiseLinear([-1], ["1/3"], "1/2", 0)]
BENT = coordinatewise([PiecewiseCoupling((1, 1), "second", bend, "1/2") for bend in BENDS])
SCALED = LinearCoupling((1, 2), "second", [[1], [2]], [3, 4])
LINEAR = {
    "no layer": CouplingFlow(partition=(1, 2)),
    "a scale alone": CouplingFlow([LinearCoupling((1, 1), "first", [[0]], scale=["1/5"])]),
    "permutation": factor(permutation([1, 2, 0, 3])),
    "dense": factor(random_matrix(6, seed=4)),
    "flipped": factor(sympy.diag(-1, 1, 1, 1), orientation="flip"),
    "ordered": factor(random_matrix(4, seed=3), partition=[1, 0, 1, 0]),
    "ordered and flipped": CouplingFlow([SCALED], flips=[2], order=[2, 0, 1]),
    "sparse and ordered": factor(permutation([1, 0, 3, 2]), partition=[1, 0, 1, 0]),
}
FLOWS = LINEAR | {
    "piecewise": PiecewiseFlow([RAMP]),
    "piecewise and linear": PiecewiseFlow([RAMP, LinearCoupling((1, 2), "first", [[1, "1/3"]])]),
    "coordinatewise": PiecewiseFlow([BENT, BENT.inverse(), BENT]),
    "piecewise and ordered": PiecewiseFlow([RAMP], order=[2, 0, 1]),
    "merged": merge_masks([PiecewiseFlow([BENT]), PiecewiseFlow([BENT], order=[0, 2, 1, 3])]),
}


@pytest.fixture(params=FLOWS, name="flow")
def every_flow(request):
    return FLOWS[request.param]


@pytest.fixture(params=LINEAR, name="linear")
def every_linear_flow(request):
    return LINEAR[request.param]


def points(flow) -> sympy.Matrix:
    """Three points as columns, on and off the knots."""
    d = flow.dimension
    return sympy.Matrix(d, 3, lambda i, j: Rational(i + 1, j + 1) - j)


def test_inverse_undoes(flow):
    x = points(flow)
    assert flow.inverse()(flow(x)) == flow.backward(flow(x)) == x
    assert flow(flow.backward(x)) == x
    assert flow.inverse().inverse() == flow


def test_inverse_of_a_point_names_backward(flow):
    for map_ in (flow, *flow, *MAPS.values(), MAPS["balanced"][0]):
        with pytest.raises(InvalidInputError, match=r"call backward\(y\) for the preimage"):
            map_.inverse([1, 2, 3, 4])


def test_composition(flow):
    x = points(flow)
    twice = flow @ flow
    assert twice(x) == flow(flow(x))
    assert twice.depth == 2 * flow.depth
    assert sympy.exp(twice.log_abs_det()) == sympy.exp(flow.log_abs_det()) ** 2


def test_determinant(linear):
    assert sympy.exp(linear.log_abs_det()) == abs(linear.matrix().det())
    assert (linear.matrix().det() < 0) == (len(linear.flips) % 2 == 1)


def test_forward_is_the_matrix(linear):
    x = points(linear)
    assert linear(x) == linear.matrix() * x
    assert linear.inverse().matrix() == linear.matrix().inv()


def test_layers_are_a_sequence(flow):
    assert len(flow) == flow.depth == len(list(flow)) == len(flow.layers)
    assert [flow[i] for i in range(len(flow))] == list(flow[:])
    for layer in flow:
        assert layer.inverse().inverse() == layer
        assert layer.backward(layer.forward(points(flow))) == points(flow)
    with pytest.raises(IndexError):
        flow[len(flow)]


def test_exact_in_exact_out(flow):
    x = points(flow)
    assert isinstance(flow(x), sympy.MatrixBase)
    integers = np.arange(flow.dimension)
    assert flow(integers) == flow([int(i) for i in integers])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_in_floats_out(flow, dtype):
    x = np.array(points(flow), dtype=dtype)
    y = flow(x)
    assert y.dtype == dtype
    assert y.shape == x.shape
    exact = np.array(
        flow(sympy.Matrix(x.shape[0], x.shape[1], [Rational(float(v)) for v in x.flat]))
    )
    np.testing.assert_allclose(y.astype(float), exact.astype(float), rtol=2e-3, atol=4e-3)
    if dtype is np.float64:
        np.testing.assert_allclose(y, exact.astype(float), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(flow(x[:, 0]), y[:, 0], rtol=1e-6)
    assert np.array_equal(flow(x[:, 0].tolist()), flow(x[:, 0].astype(float)))


def test_mpf_in_mpf_out(flow):
    with mpmath.workdps(40):
        x = [mpmath.mpf(i) / 7 for i in range(flow.dimension)]
        y = flow(x)
        assert all(isinstance(entry, mpmath.mpf) for entry in y)
        back = flow.inverse()(y)
        assert max(abs(a - b) for a, b in zip(back, x, strict=True)) < mpmath.mpf(10) ** -30


def test_mpmath_columns_are_mapped_one_by_one(flow):
    d = flow.dimension
    with mpmath.workdps(40):
        x = mpmath.matrix(d, 3)
        for i in range(d):
            for j in range(3):
                x[i, j] = mpmath.mpf(i + 2 * j - 3) / 7
        y = flow(x)
        assert isinstance(y, mpmath.matrix)
        assert (y.rows, y.cols) == (d, 3)
        for j in range(3):
            assert flow(list(x[:, j])) == list(y[:, j])
            assert list(flow(x[:, j])) == list(y[:, j])
        assert flow(x.tolist()) == y.tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        [[mpmath.mpf(1), 2], [3]],
        [mpmath.mpf(1), [2]],
        [mpmath.mpf(1)] * 3,
        [[mpmath.mpf(1), 2]],
        mpmath.matrix([[1, 2]]),
        mpmath.matrix(3, 3),
        mpmath.matrix([1, mpmath.mpc(1, 1)]),
        [mpmath.mpf(1), sympy.sqrt(2)],
        [mpmath.mpf(1), float("nan")],
        [[1.0, 2], [3]],
        [0.5, 1j],
        [0.5, None],
        [0.5, sympy.sqrt(2)],
        [mpmath.iv.mpf([1, 2]), 2],
        [mpmath.iv.mpf(1), 0.5],
        [np.longdouble(1) / 3, 1],
        [[0.5, np.longdouble(1)], [1, 1]],
    ],
)
def test_inexact_numbers_of_a_wrong_shape_or_kind_are_refused(wrong):
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [["1/3"]])])
    with pytest.raises(InvalidInputError, match="expected"):
        flow(wrong)


def test_exact_numbers_beside_floats_are_rounded():
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [["1/3"]])])
    assert np.array_equal(flow([0.5, "1/3"]), flow(np.array([0.5, 1 / 3])))
    assert flow([np.float32(0.5), np.float32(1)]).tolist() == [0.5 + 1 / 3, 1.0]
    assert flow([[0.5, 1], [Fraction(1, 3), 10**400]]).tolist()[1] == [1 / 3, np.inf]


def test_equality_and_difference(flow):
    for name, other in FLOWS.items():
        same = other is flow
        assert (flow == other) is same, name
        assert (flow.difference(other) is None) is same, name
    assert hash(flow) == hash(flow.inverse().inverse())


def test_a_difference_is_found_whatever_the_entries_are_stored_as():
    """Shifts of permutations are sparse, others dense."""
    shifts = [[[1, 0], [0, 0]], [[1, 0], [0, 5]]]
    sparse, dense = (
        as_square_matrix(shifts[0]).to_sparse(),
        as_square_matrix(shifts[1]).to_dense(),
    )
    layers = [LinearCoupling((2, 2), "first", shift) for shift in (sparse, dense)]
    flows = [CouplingFlow([layer]) for layer in layers]
    assert flows[0].difference(flows[1]) == "layer 0: shift at (1, 1): 0, but 5"
    quadratic = as_square_matrix(shifts[0]).convert_to(QQ.algebraic_field(sqrt(2)))
    other = CouplingFlow([LinearCoupling((2, 2), "first", quadratic)])
    assert flows[0].difference(other) is None
    assert flows[1].difference(other) == "layer 0: entries in QQ, but in QQ<sqrt(2)>"
    assert hash(layers[0]) != hash(layers[1])
    assert hash(layers[0]) == hash(LinearCoupling((2, 2), "first", shifts[0]))


def test_displays(flow):
    html, latex = flow._repr_html_(), flow._repr_latex_()
    assert all(f"<tr><td>{k}</td>" in html for k in range(1, flow.depth + 1))
    assert latex == f"$\\displaystyle {sympy.latex(flow)}$"
    assert all(f"\n  {k}. moves " in repr(flow) for k in range(1, flow.depth + 1))


def test_small_matrices_are_shown_exactly_in_blocks():
    flow = CouplingFlow([SCALED, LinearCoupling((1, 2), "first", [[0, "1/3"]])], flips=[0])
    *head, second, third = repr(flow).splitlines()
    assert head[1:3] == [
        "  1. moves second, scaled, nonzeros 2, bits 3",
        "     [[I, 0], [T, S]]   S = diag(3, 4)   T = [1]",
    ]
    assert (second, third) == (
        "  2. moves first, additive, nonzeros 1, bits 2",
        "     [[I, T], [0, I]]   T = [0 1/3]",
    )
    assert "<td>3, 4</td>" in flow._repr_html_()
    assert "<td>1/3</td>" in flow._repr_html_()
    assert "<br><small>" not in flow._repr_html_()  # no heat map takes the place of a shift


def test_the_layers_of_a_linear_flow_are_pictured_as_factors_of_their_product():
    flow = factor(random_matrix(4, bits=2, seed=1))
    html = flow._repr_html_()
    captions = re.findall("<figcaption[^>]*>([^<]*)</figcaption>", html)
    letters = ["U" if layer.moves == "first" else "L" for layer in flow.layers]
    factors = [f"{k}: {letter}" for k, letter in enumerate(letters, 1)]
    assert captions == ["product", *reversed(factors)]
    assert "<figure" not in CouplingFlow(flow.layers[:1])._repr_html_()
    assert (
        "<figure"
        not in CouplingFlow([LinearCoupling((32, 33), "first", [[0] * 33] * 32)] * 2)._repr_html_()
    )
    assert not re.search(r"(?<!-)\b(color|background-color):", html)


@pytest.mark.parametrize("partition", [(1, 7), (4, 4), (7, 1)])
def test_the_table_of_a_flow_fits_a_page(partition):
    p, q = partition
    long = [[f"{12345678901 + i}/{98765432109 + j}" for j in range(p)] for i in range(q)]
    flow = CouplingFlow([LinearCoupling(partition, "second", long, ["1234567890123/7"] * q)])
    rows = re.findall(r"<tr>((?:<td>[^<]*</td>)+)</tr>", flow._repr_html_())
    letters = [len("".join(re.findall("<td>([^<]*)</td>", row))) for row in rows]
    assert len(rows) >= min(3, q)
    assert max(letters) <= 44
    assert ("<td>1.2499..e-1</td>" in flow._repr_html_()) == (p > 1)  # a column fits in full
    assert "1234567890123/7" not in flow._repr_html_()
    assert "12345678901/98765432109" in repr(flow)


def test_latex_of_a_piecewise_flow_without_layers_is_the_identity():
    assert PiecewiseFlow([], partition=(1, 1))._repr_latex_() == "$\\displaystyle I$"


def test_errors_name_a_field_as_displays_do():
    flow = factor([[sympy.Symbol("t"), 1], [0, 1]], scales="nonzero")
    assert "over QQ(t)" in repr(flow)
    with pytest.raises(InvalidInputError, match=r"a flow over QQ\(t\)"):
        flow([1.0, 2.0])
    with pytest.raises(InvalidInputError, match=r"a matrix over QQ\(t\), like the flow"):
        verify(flow, DomainMatrix([[GF(7)(1), GF(7)(0)], [GF(7)(0), GF(7)(1)]], (2, 2), GF(7)))
    with pytest.raises(InvalidInputError, match=r"a coupling over QQ\(t\)"):
        PiecewiseFlow(flow.layers)


def test_latex_is_the_product():
    flow = CouplingFlow([SCALED], flips=[0], order=[2, 0, 1])
    E = sympy.Matrix([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    factors = sympy.latex(flow).split(r" \begin{pmatrix} 1 & 0 \\ ")
    assert factors[0] == sympy.latex(E.T)
    column = r"\begin{pmatrix} 1 \\ 2 \end{pmatrix} & \operatorname{diag}(3, 4)"
    assert factors[1].startswith(column)
    assert factors[1].endswith(f"{sympy.latex(E)} {sympy.latex(sympy.diag(-1, 1, 1))}")


@pytest.mark.parametrize(
    ("sizes", "moves", "shift", "scale", "blocks"),
    [
        ((1, 1), "first", [[2]], None, "1 & 2 | 0 & 1"),
        ((1, 1), "second", [[2]], [3], "1 & 0 | 2 & 3"),
        ((2, 1), "first", [[2], [0]], [3, 5], "diag(3, 5) & (2 | 0) | 0 & 1"),
        ((2, 1), "second", [[2, "1/3"]], [3], r"I & 0 | (2 & \frac{1}{3}) & 3"),
        ((2, 1), "second", [[0, 0]], None, "I & 0 | 0 & 1"),
        ((1, 2), "second", [[0], [5]], None, "1 & 0 | (0 | 5) & I"),
        ((2, 2), "second", [[2, 1], [1, 1]], None, "I & 0 | (2 & 1 | 1 & 1) & I"),
        ((2, 2), "first", [[0, 0], [0, 0]], [7, 1], "diag(7, 1) & 0 | 0 & I"),
    ],
)
def test_latex_of_a_layer(sizes, moves, shift, scale, blocks):
    """I where the scale is 1, diag(s) where it is not, and never the reverse."""
    shown = LinearCoupling(sizes, moves, shift, scale)._repr_latex_()
    for latex, short in ((r"\operatorname{diag}", "diag"), (r"\begin{pmatrix} ", "("),
                         (r" \end{pmatrix}", ")"), (r"\\", "|")):  # fmt: skip
        shown = shown.replace(latex, short)
    assert shown == rf"$\displaystyle ({blocks})$"


def test_large_orders_and_flips_have_names():
    flow = CouplingFlow([], (5, 5), flips=[0], order=range(9, -1, -1))
    assert sympy.latex(flow) == r"E^{\mathsf T} E F"


def test_no_layers_keep_their_field():
    nothing = CouplingFlow(partition=(1, 1), field=sympy.GF(7))
    assert (nothing @ nothing).field == nothing.inverse().field == sympy.GF(7)


def test_large_layers_have_names_of_their_own():
    flow = factor(random_matrix(10, seed=1))
    latex = flow._repr_latex_()
    assert all(f"T_{{{k}}}" in latex for k in range(1, flow.depth + 1))
    assert repr(flow).count("\n") == flow.depth
    html = flow._repr_html_()
    assert html.count("<small>5 x 5</small>") == flow.depth
    assert "red entries are positive" in html


def test_heat_maps_show_the_shape_whatever_the_size():
    large = as_square_matrix(random_matrix(9, seed=1))
    picture = heat_map_html(large)
    assert picture == heat_map_html(large * QQ(1, 10**9)) == heat_map_html(large * QQ(10**9))
    assert heat_map_html(large).count("<rect") == large.nnz() + 1


def test_a_cell_of_a_heat_map_shows_its_largest_entry():
    large = DomainMatrix({0: {1: QQ(-5)}, 1: {0: QQ(1)}, 47: {46: QQ(3), 47: QQ(2)}}, (48, 48), QQ)
    assert [square.split('"')[9:12:2] for square in heat_map_html(large).split("<rect")[2:]] == [
        ["#36c", "1.00"],
        ["#c33", f"{0.15 + 0.85 * 3 / 5:.2f}"],
    ]


def test_long_fractions_are_cut_with_dots():
    layer = LinearCoupling((1, 1), "first", [["100000000000000000001/30000000000000000000"]])
    assert r"3.3333\ldots" in layer._repr_latex_()
    above_ten = LinearCoupling((1, 1), "first", [["1234500000000000000001/100000000000000000"]])
    assert r"1.2345\ldots \cdot 10^{4}" in above_ten._repr_latex_()
    tiny = LinearCoupling((1, 1), "first", [[Rational(2, 3) ** 500]])
    assert r"\ldots \cdot 10^{-89}" in tiny._repr_latex_()


def test_a_flow_is_compared_with_flows_only():
    for other in (LINEAR["dense"].matrix(), None, 5):
        with pytest.raises(InvalidInputError, match="expected a flow to compare with"):
            LINEAR["dense"].difference(other)


@pytest.mark.parametrize("name", ["dense", "sparse and ordered"])
def test_rounded_shifts_cannot_be_written_to(name):
    shift = LINEAR[name].layers[0].float_shift
    with pytest.raises(ValueError, match="read-only"):
        shift *= 7


def test_a_matrix_equals_an_array():
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [["1/2"]])])
    array = np.array([[1, 0.5], [0, 1]])
    assert flow.matrix() == array
    assert (array == flow.matrix()) is True
    assert flow.matrix() == [[1, "1/2"], [0, 1]]
    assert flow.matrix() != array.T
    assert (array.T != flow.matrix()) is True
    assert flow.matrix() != np.ones((3, 3))
    with pytest.raises(InvalidInputError, match="finite"):
        flow.matrix() == np.array([[1, np.nan], [0, 1]])  # noqa: B015


@pytest.mark.parametrize("form", ["t * (t + 1)", "(1 + t) ** 2 / t"])
def test_a_matrix_compares_by_value_with_other_forms_of_its_entries(form):
    M = [[sympy.sympify(form), 1], [0, 1]]
    flow, given = factor(M, scales="nonzero"), sympy.Matrix(M)
    assert flow.matrix() == given == flow.matrix()
    assert flow.matrix() == given.as_immutable()
    assert flow.matrix() == M
    assert flow.forward([1, 0]) == given[:, 0]
    for other in (given + sympy.eye(2), given.applyfunc(sympy.sin), given[0, :], 5, None):
        assert flow.matrix() != other
        assert other != flow.matrix()


@pytest.mark.parametrize(
    "order",
    [
        *((0,), (0, 0, 1), (1.0, 0.0, 2.0), (1, 0.0, 2), (True, 0, 2), (0, True, 2), (0, 1, 3)),
        *("012", None, 0, np.array([1.0, 0.0, 2.0]), np.array([[1, 0, 2]])),
    ],
)
def test_an_order_lists_each_coordinate_once(order):
    with pytest.raises(InvalidInputError, match="each coordinate from 0 to 2 once"):
        CouplingFlow([SCALED], order=order)


@pytest.mark.parametrize("flips", [(0.0,), (True,), (3,), (-1,), (1, 1), None, 0, np.array(0)])
def test_flips_are_distinct_coordinates(flips):
    with pytest.raises(InvalidInputError, match="distinct coordinates from 0 to 2"):
        CouplingFlow([SCALED], flips=flips)


def test_coordinates_may_be_numbers_of_numpy():
    flow = CouplingFlow([SCALED], order=np.array([2, 0, 1]), flips=np.array([1], dtype=np.uint8))
    assert flow == CouplingFlow([SCALED], order=(2, 0, 1), flips=(1,))
    assert {*map(type, (*flow.order, *flow.flips))} == {int}


def test_a_field_is_a_domain():
    with pytest.raises(InvalidInputError, match="as field, such as QQ, got str"):
        CouplingFlow([SCALED], field="QQ")


@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("order", [(), (2, 0, 1), (1, 2, 0)])
def test_order_and_flips_reach_every_consumer(order, flips):
    """The matrix ``E^T layers E F`` is what all methods of a flow agree on."""
    layers = [SCALED, LinearCoupling((1, 2), "first", [["1/3", -1]], [2])]
    flow = CouplingFlow(layers, flips=flips, order=order)
    E = sympy.eye(3)[list(order or range(3)), :]
    F = sympy.diag(*(-1 if i in flips else 1 for i in range(3)))
    M = E.T * layers[1].matrix() * layers[0].matrix() * E * F
    x = points(flow)
    assert flow.matrix() == M
    assert flow(x) == M * x
    assert flow.backward(M * x) == x
    assert flow.inverse().matrix() == M.inv()
    assert (flow @ flow).matrix() == M * M
    assert sympy.exp(flow.log_abs_det()) == abs(M.det())
    assert verify(flow, M).flow is flow
    floats = np.array(x, dtype=float)
    np.testing.assert_allclose(flow(floats), np.array(M * x, dtype=float), rtol=1e-12)
    np.testing.assert_allclose(flow.backward(flow(floats)), floats, atol=1e-12)
    column = [mpmath.mpf(int(v.p)) / int(v.q) for v in x[:, 0]]
    expected = [float(v) for v in M * x[:, 0]]
    np.testing.assert_allclose([float(v) for v in flow(column)], expected, rtol=1e-12)
    first, second = flow.halves
    assert [*first, *second] == list(order or range(3))
    assert len(first) == 1
    assert flow.with_layers(flow.layers) == flow
    linear = PiecewiseFlow(flow.layers, order=order)
    assert linear.jacobian([1, 2, 3]) == M * F
    assert linear.tangent([1, 2, 3]) == flow.with_layers(flow.layers, flips=())


def test_order_and_flips_of_a_family_stay_with_its_values():
    t = sympy.Symbol("t")
    shift = as_rectangular_matrix([[t], [1]])
    scale = [shift.domain.from_sympy(s) for s in (t, -t)]
    layer = LinearCoupling.trusted((1, 2), "second", shift, scale)
    flow = CouplingFlow([layer], flips=[2], order=[2, 0, 1])
    for value in (3, -3):
        at = flow.at({t: value})
        assert at.order == flow.order
        assert at.matrix() == flow.matrix().subs(t, value)
        assert all(s > 0 for each in at for s in each.scale)


def test_orders_do_not_mix():
    plain, ordered = CouplingFlow([SCALED]), CouplingFlow([SCALED], order=[2, 0, 1])
    assert CouplingFlow([SCALED], order=[0, 1, 2]) == plain
    with pytest.raises(InvalidInputError, match="with equal order"):
        ordered @ plain
    with pytest.raises(InvalidInputError, match="with equal order"):
        PiecewiseFlow([RAMP]) @ ordered
    with pytest.raises(InvalidInputError, match=r"without flips, got flips \[2\]: use"):
        PiecewiseFlow([RAMP]) @ CouplingFlow([SCALED], flips=[2])


def test_a_layer_is_composed_as_a_flow():
    linear, bent = CouplingFlow([SCALED]), PiecewiseFlow([RAMP])
    for one, other in itertools.product((linear, bent, SCALED, RAMP), (SCALED, RAMP)):
        with pytest.raises(
            TypeError, match=r"to compose a layer, .* or PiecewiseFlow\(\[layer\]\)"
        ):
            one @ other
    with pytest.raises(TypeError, match=r"CouplingFlow\(\[layer\]\) or Piece"):
        SCALED @ bent
    assert (linear @ PiecewiseFlow([RAMP])).layers == (RAMP, SCALED)
    found = interpolate([[0, 0, 0]], [[1, 1, 1]], partition=linear.partition)
    with pytest.raises(TypeError, match=r"of a result, result\.flow"):
        found @ linear
    assert (found.flow @ linear).layers == (SCALED, *found.layers)


def test_a_scalar_is_no_point(flow):
    with pytest.raises(InvalidInputError, match=r"expected vectors of \d entries"):
        flow(np.float64(1))


def test_longdouble_is_refused(flow):
    with pytest.raises(InvalidInputError, match="64 bits"):
        flow(np.zeros(flow.dimension, dtype=np.longdouble))


TURN = [[0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 2, 0]]
MAPS = {
    "balanced": balance(TURN, orientation="flip"),
    "balanced, ordered": balance(random_matrix(4, seed=3), partition=[1, 0, 1, 0]),
    "eleven layers": balance(random_matrix(5, seed=2), method="closed", orientation="flip"),
    "whitening": whiten([[2, 1, 0], [1, 2, 0], [0, 0, 3]], partition=[0, 1, 0]),
    "interpolated": interpolate([[0, 0], [0, 1], [1, 0]], [[0, 1], [0, 0], [1, 0]]),
    "lossless": lossless(TURN, orientation="flip", partition=[1, 0, 1, 0]),
    "lossless, back": lossless(random_matrix(5, seed=2), orientation="flip").inverse(),
}


@pytest.mark.parametrize("name", MAPS)
def test_results_that_map_are_as_flows_are(name):
    result = MAPS[name]
    assert isinstance(result, MapResult)
    assert len(result) == result.depth == len(list(result)) == len(result.layers)
    assert [result[i] for i in range(len(result))] == list(result[:])
    assert result.dimension == sum(result.partition) == result.flow.dimension
    assert {layer.moves for layer in result} <= {"first", "second"}
    x = points_of(result)
    y = result.forward(x)
    assert (result(x) == y).all()
    assert y.dtype == x.dtype
    assert y.shape == x.shape
    np.testing.assert_allclose(result(x[:, 0]), y[:, 0], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(result.backward(y), x, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.asarray(result.inverse()(y), dtype=float), x, atol=1e-12)
    exact = sympy.N(result.log_abs_det() - result.flow.log_abs_det())
    assert abs(exact) < 1e-12


def points_of(result) -> np.ndarray:
    """Columns that the result takes: integers that have preimages, where it maps integers."""
    x = np.random.default_rng(0).integers(-100, 100, (result.dimension, 4))
    if isinstance(result, Lossless):
        return x
    return result.inverse()(x) if isinstance(result, LosslessInverse) else x / 8


@pytest.mark.parametrize("name", ["balanced", "balanced, ordered", "eleven layers"])
def test_balanced_layers_in_every_arithmetic(name):
    result = MAPS[name]
    x = sympy.Matrix(result.dimension, 2, lambda i, j: Rational(i + 1, 2 * j + 3))
    assert result.forward(x) == result.flow.matrix() * x
    assert result.backward(result.forward(x)) == x
    with mpmath.workdps(40):
        numbers = [mpmath.mpf(i + 1) / 7 for i in range(result.dimension)]
        back = result.backward(result.forward(numbers))
        assert max(abs(a - b) for a, b in zip(back, numbers, strict=True)) < 1e-30
    for wrong in (np.zeros(result.dimension + 1), np.zeros(result.dimension, np.longdouble)):
        for run in (result.forward, result.backward):
            with pytest.raises(InvalidInputError, match="expected"):
                run(wrong)


def test_results_have_one_shape():
    M = permutation([2, 0, 1, 3])
    results = (verify(factor(M), M), minimal_depth(M), balance(M), approximate(checkerboard(), 1))
    results += (
        whiten([[2, 1], [1, 2]]),
        minimal_depth(random_matrix(6, seed=6), scales="positive"),
    )
    for result in results:
        assert isinstance(result, FlowResult)
        assert result.depth == result.flow.depth
        assert result.evidence in Evidence
        assert "\n" not in str(result)
        assert repr(result) == f"<{type(result).__name__}: {result}>"
        assert result.flow._repr_html_() in result._repr_html_()
        assert f"[{result.evidence}]" in result._repr_html_()
        assert result._repr_latex_() == result.flow._repr_latex_()


def test_a_result_without_a_flow_has_the_same_shape():
    result = bound_conditioning(checkerboard(), "1/2")
    assert isinstance(result, Result)
    assert result.evidence in Evidence
    assert "\n" not in str(result)
    assert repr(result) == f"<ConditioningBounds: {result}>"
    assert f"[{result.evidence}]" in result._repr_html_()


A, B = GF(5), GF(5, symmetric=False)


def layer_over(field, number, scale=1):
    shift, scales = ([[field.convert(x)]] for x in (number, scale))
    matrices = (DomainMatrix(rows, (1, 1), field) for rows in (shift, scales))
    return LinearCoupling((1, 1), "first", *matrices)


def reloaded(flow, tmp_path):
    save(flow, tmp_path / "flow.cert.json")
    return load(tmp_path / "flow.cert.json")


def test_maps_over_one_finite_field_are_equal_however_their_residues_are_written():
    one, other = (CouplingFlow([layer_over(field, 3, 4)]) for field in (A, B))
    assert one == other
    assert hash(one) == hash(other)
    assert one.difference(other) is None
    unequal = CouplingFlow([layer_over(B, 2, 4)])
    assert unequal.difference(one) == "layer 0: shift at (0, 0): 2, but 3"
    assert layer_over(A, 3, 4) != layer_over(B, 3, 2)


@pytest.mark.parametrize(
    "numbers",
    [[sqrt(2), 1], [sqrt(2), sqrt(3)], [sympy.root(2, 3), 1], [1 + sqrt(5), sqrt(2)]],
    ids=str,
)
def test_flows_over_a_number_field_equal_themselves_after_a_reload(numbers, tmp_path):
    flow = CouplingFlow([LinearCoupling((1, 1), "first", [[x]]) for x in numbers])
    again = reloaded(flow, tmp_path)
    assert again == flow
    assert hash(again) == hash(flow)
    assert again.difference(flow) is None
    other = CouplingFlow([LinearCoupling((1, 1), "first", [[x + 1]]) for x in numbers])
    assert reloaded(other, tmp_path) != flow


def test_equal_numbers_of_two_fields_make_equal_layers():
    x = sympy.Symbol("x")
    generators = [sqrt(2), -sqrt(2), sqrt(2) + sqrt(3), sympy.CRootOf(x**2 - 2, 0)]
    fields = [QQ.algebraic_field(g) for g in generators]
    fields += [QQ.algebraic_field(sympy.exp(sympy.I * sympy.pi / 4))]
    for number, others in ((sqrt(2), [-sqrt(2), sympy.Integer(1)]), (sympy.Integer(1), [])):
        layers = [layer_over(field, field.from_sympy(number)) for field in fields]
        assert len({*layers}) == 1
        for field in fields:
            assert all(layer_over(field, field.from_sympy(n)) != layers[0] for n in others)
    assert layer_over(fields[0], 1) == layer_over(QQ, 1) == layer_over(QQ.frac_field(x), 1)
    assert layer_over(QQ, 1) != layer_over(A, 1)
    roots = [sympy.CRootOf(x**3 - 2, k) for k in range(3)]
    cubic = [LinearCoupling((1, 1), "first", [[root]]) for root in roots]
    assert len({*cubic}) == 3


@pytest.mark.parametrize(
    "field",
    [
        QQ,
        GF(7),
        GF(2**127 - 1, symmetric=False),
        sympy.QQ_I,
        QQ.algebraic_field(sqrt(2)),
        QQ.frac_field(*sympy.symbols("s t", positive=True)),
        sympy.QQ_I.frac_field(sympy.Symbol("t")),
    ],
    ids=str,
)
def test_flows_over_every_field_are_pickled_and_copied(field):
    if field.is_FiniteField and GROUND_TYPES != "flint":
        pytest.skip("residues of SymPy itself, which replace those of FLINT, are not pickled")
    entry = (field.gens[0] if field.is_FractionField else field.one * 3) + field.one
    shift = DomainMatrix([[entry / (entry + field.one)]], (1, 1), field)
    layers = [LinearCoupling.trusted((1, 1), "first", shift, [entry])]
    flow = CouplingFlow(layers, flips=[1], order=[1, 0])
    for again in (pickle.loads(pickle.dumps(flow)), copy.deepcopy(flow)):
        assert again == flow
        assert hash(again) == hash(flow)
        assert (again.inverse() @ flow).matrix() == sympy.eye(2)


def test_flows_without_layers_are_equal_over_fields_of_one_characteristic():
    rational, finite, other, real = (
        CouplingFlow((), (1, 1), field=field)
        for field in (QQ, GF(5), GF(7), QQ.algebraic_field(sqrt(2)))
    )
    assert rational == real
    assert finite == CouplingFlow((), (1, 1), field=GF(5, symmetric=False))
    assert len({rational, finite, other}) == 3
    assert finite.difference(other) == "characteristic: 5, but 7"


def test_roots_beside_symbols_are_compared_but_not_computed_with():
    t = sympy.Symbol("t")
    root, symbol = (LinearCoupling((1, 1), "first", [[x]]) for x in (sqrt(2), t))
    assert root != symbol
    with pytest.raises(InvalidInputError, match="does not reduce quotients"):
        merge_masks([[[1, sqrt(2)], [0, 1]], [[1, 0], [t, 1]]])
    with pytest.raises(InvalidInputError, match="does not reduce quotients"):
        CouplingFlow([root, symbol])
