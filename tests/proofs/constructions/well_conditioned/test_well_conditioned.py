"""Well-conditioned layers on the line: certified bounds against the coupling they are about."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from flint import arb, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import QQ, Rational

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball
from exactflow.exact.numbers import to_element
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.conditioning import condition_number
from exactflow.laws.universal import Atoms, Boxes, GaussianMixture, uniform
from proofs.constructions.quantiles import QuantileFunction
from proofs.constructions.well_conditioned import WellConditioned, approximate_well
from proofs.constructions.well_conditioned.flow_plan import DataScaling
from proofs.constructions.well_conditioned.line_laws import as_line_law
from proofs.constructions.well_conditioned.path import (
    Path,
    cover_by_regions,
    graded_path,
    shear_norm,
)
from proofs.constructions.well_conditioned.transport import build_transport

TWO = GaussianMixture(["-3/2", "3/2"], "3/5")
LAWS = {
    "two normal laws": TWO,
    "one": GaussianMixture([0]),
    "unequal": GaussianMixture([0, 1], ["1/5", 1], ["1/10", "9/10"]),
    "uniform": QuantileFunction([0, 1], [-1, 1]),
    "two boxes": Boxes([([0], [1]), ([1], [3])], ["1/3", "2/3"]),
    "overlapping boxes": Boxes([([0], [2]), ([1], [3])]),
    "a quantile function": QuantileFunction([0, "1/4", "1/2", 1], [-2, -1, 0, 3]),
    "a smoothed sample": GaussianMixture([0, 0, 1, 3.5], "1/2"),
}


@pytest.fixture(params=LAWS, scope="module")
def found(request) -> WellConditioned:
    return approximate_well(LAWS[request.param], condition=12, eps="1/10", pad="gaussian")


@pytest.mark.slow
def test_the_coupling_is_within_the_bounds(found):
    """Both bounds are of E|flow(l, z) - (Q(Phi(l)), z)|^2, which samples estimate."""
    draws = np.random.default_rng(0).standard_normal((2, 20_000))
    data, pad = found.flow.forward(draws)
    aim = found.law.quantiles(np.sort(draws[0]))[np.argsort(np.argsort(draws[0]))]
    off = np.sqrt(np.mean((data - aim) ** 2))
    assert off <= float(found.bound)
    assert np.sqrt(off**2 + np.mean((pad - draws[1]) ** 2)) <= float(found.joint_bound)
    assert found.bound <= found.joint_bound
    assert np.array_equal(found.sample(20_000), data)
    assert np.mean(np.abs(pad) <= found.within.radius) >= float(found.within.probability) - 0.005


@pytest.mark.slow
def test_rescalings_are_well_conditioned_within_their_radius(found):
    """The Jacobian of each layer at points of the orbit, by root isolation, is within the bound."""
    radius, probability, condition = found.within
    assert found.condition <= 12
    assert condition <= 12
    assert 0.9 < probability < 1
    assert found.bound <= Rational(1, 10)
    for label, z in ((-2, -1), (Rational(5, 2), 2)):
        data, pad = found.flow([label, z])
        point = found.flow.inverse()([data, max(-radius, min(radius, pad))])
        tangent = found.flow.tangent(point)
        assert len(tangent) == len(found.flow)
        for layer in tangent[::19] + tangent[-3:]:
            assert condition_number(layer.matrix()) <= ball(QQ(12))


def test_every_layer_is_well_conditioned_everywhere():
    """README's old example: within 5 at moderate points, and at far ones, where 892 was reached."""
    found = approximate_well(GaussianMixture([-1, 1], "3/5"), condition=5, eps="1/10")
    assert found.condition <= 5
    assert found.joint_bound is None
    assert found.within is None
    assert all(layer.is_additive for layer in found.flow)
    for point in ([Rational(1, 3), 1], [0, 3], [10**6, -(10**9)]):
        for layer in found.flow.tangent(point):
            assert condition_number(layer.matrix()) <= ball(found.condition)


def test_without_rescaling_the_data_are_the_same():
    options = {"condition": 12, "eps": "1/5"}
    plain, rescaled = (approximate_well(TWO, **options, pad=pad) for pad in (None, "gaussian"))
    assert plain.bound == rescaled.bound
    assert plain.flow[:] == rescaled.flow[: len(plain.flow)]
    assert np.array_equal(plain.sample(50), rescaled.sample(50))


def test_exact_on_rationals(found):
    z = sympy.Matrix([Rational(1, 3), Rational(-5, 7)])
    image = found.flow(z)
    assert found.flow.inverse()(image) == z
    assert sympy.log(found.flow.jacobian(z).det()) == found.flow.log_abs_det(z)
    near = found.flow(np.array([1 / 3, -5 / 7]))
    assert np.allclose(near, np.array(image, dtype=float).ravel(), atol=1e-9)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("tolerance", [QQ(1, 10), QQ(1, 40)])
def test_transport_is_within_its_error(law, tolerance):
    law = as_line_law(law)
    with ctx.workprec(96):
        T = build_transport(law, tolerance)
    assert T.error <= ball(tolerance)
    assert min(T.map.slopes) > (0,)
    labels = np.linspace(-6, 6, 6001)
    mass = np.exp(-(labels**2) / 2) / math.sqrt(2 * math.pi) * (labels[1] - labels[0])
    off = (T.map(labels)[0] - law.quantiles(labels)) ** 2 @ mass
    assert math.sqrt(off) <= float(T.error)
    if law.measure == TWO:
        assert math.sqrt(off) >= float(T.error) / 8


T = PiecewiseLinear([-1, 0, "1/4"], [-2, "-1/2", 2], "1/2", 1)


def path(pairs: int) -> Path:
    """Steps and strengths that vary as they please."""
    steps = [QQ(k + 1) for k in range(pairs)]
    total = 2 * sum(steps, QQ.zero)
    return Path(
        T, tuple(h / total for h in steps), tuple(QQ(3 + k % 3, 4) for k in range(pairs + 1))
    )


@settings(max_examples=25)
@given(
    st.fractions(min_value=-3, max_value=3, max_denominator=50),
    st.fractions(min_value=-4, max_value=4, max_denominator=9),
    st.sampled_from([1, 2, 7]),
)
def test_no_orbit_leaves_the_bound_of_its_cells(label, z, pairs):
    steps = path(pairs)
    x, pad = PiecewiseFlow(steps.layers())([label, z])
    off, point = abs(x - T(label)[0]), (to_element(label), abs(to_element(z)))
    with ctx.workprec(96):
        found = [
            cell
            for cell in cover_by_regions(steps)
            if all(
                (low is None or low <= entry) and (high is None or entry <= high)
                for entry, (low, high) in zip(point, (cell.labels, cell.pads), strict=True)
            )
        ]
    assert found
    for cell in found:
        least, largest = map(QQ.to_sympy, cell.slopes)
        size = abs(Rational(z))
        assert off <= size * largest * QQ.to_sympy(cell.moved)
        assert size / largest <= abs(pad) <= size / least


def test_without_a_pad_there_is_no_error():
    flow = PiecewiseFlow(path(5).layers())
    for label in (-2, Rational(-1, 3), Rational(1, 8), 4):
        assert flow([label, 0]) == sympy.Matrix([T(label)[0], 0])


def test_second_order_within_a_piece():
    """Halved steps divide the error by four, where the labels stay in one piece."""
    straight = PiecewiseLinear([0], [0], 2, 2)
    errors = []
    for pairs in (8, 16, 32):
        steps = Path(straight, (QQ(1, 2 * pairs),) * pairs, (QQ(1),) * (pairs + 1))
        x, pad = PiecewiseFlow(steps.layers())([1, 1])
        errors.append(float(x) - 2)
        assert pad == Rational(1, 2)
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.02)


def test_cells_cover_everything_once():
    with ctx.workprec(96):
        found = list(cover_by_regions(path(3)))
        total = sum((cell.weight for cell in found), arb(0))
        inner = sum((cell.weight for cell in found if cell.pads[1] and cell.pads[1] <= 1), arb(0))
    assert total.contains(1)
    assert total.rad() < 1e-20
    assert float(inner) == pytest.approx(math.erf(0.5**0.5) - (2 / math.pi / math.e) ** 0.5)
    for cell in found:  # labels stay in the window, and begin in it
        for end, edge, side in zip(cell.labels, cell.window, (1, -1), strict=True):
            assert (end is None) == (edge is None)
            assert end is None or side * (end - edge) > 0


def test_the_norm_is_that_of_the_layers():
    with ctx.workprec(96):
        steps = graded_path(T, 40, shear_norm(QQ(3)))
    norms = []
    for layer in steps.layers():
        if layer.moves == "first":
            norms.append(abs(layer.shift[0, 0]))
        else:
            norms.append(max(abs(QQ.to_sympy(s)) for (s,) in layer.conditioner.slopes))
    assert max(norms) == QQ.to_sympy(steps.norm)
    assert len(norms) == 4 * 40 + 3
    assert graded_path(T, 1, shear_norm(QQ(11, 10))) is None


def test_eps_and_layers_together():
    few = approximate_well(TWO, condition=50, eps="1/5", layers=500)
    more = approximate_well(TWO, condition=20, eps="1/5")
    assert few.bound <= Rational(1, 5)
    assert len(few.flow) < len(more.flow) < 60
    with pytest.raises(InvalidInputError, match=rf"takes {len(few.flow)} layers, .* raise layers"):
        approximate_well(TWO, condition=50, eps="1/5", layers=12)


def test_too_many_scalings_are_refused_before_they_are_made():
    steep = PiecewiseLinear([0], [0], QQ(10) ** 300, QQ(10) ** 300)
    with pytest.raises(InvalidInputError, match="1024 scalings of the data"):
        DataScaling.of(steep, QQ(101, 100))
    assert DataScaling.of(steep, QQ(5)).count == 430


@pytest.mark.parametrize("scale", [Fraction(1, 10**250), 1, 10**250])
def test_any_scale(scale):
    law = GaussianMixture([5 * scale, 7 * scale], scale)
    found = approximate_well(law, condition=3, eps=Fraction(scale) / 10)
    assert found.bound <= Rational(Fraction(scale) / 10)
    assert found.condition <= 3
    assert abs(found.sample(4000).mean() / float(scale) - 6) < 0.2


@pytest.mark.parametrize(
    ("law", "options", "words"),
    [
        (TWO, {"condition": 1, "eps": 1}, "above 1, got 1"),
        (TWO, {"condition": "1/2", "eps": 1}, "above 1"),
        (TWO, {"condition": 2}, "eps, or layers, or both"),
        (TWO, {"condition": 2, "eps": 1, "pad": "zero"}, "pad='gaussian' or no pad, got 'zero'"),
        (TWO, {"condition": 2, "eps": 0}, "expected eps >="),
        (TWO, {"condition": 2, "eps": "1e-30"}, "raise eps, or smooth"),
        pytest.param(
            TWO,
            {"condition": 2, "eps": "1e-6"},
            "takes more than 2000 knots",
            marks=pytest.mark.slow,
        ),
        (TWO, {"condition": 2, "layers": 0}, "argument layers to be an integer >= 1"),
        (TWO, {"condition": 2, "layers": 5}, "raise layers or condition"),
        (TWO, {"condition": "1.0000001", "eps": 1}, "raise one of them"),
        (GaussianMixture([0], "1/3"), {"condition": "1.0001", "eps": 1}, "rescale the law"),
        (GaussianMixture([0, 1000]), {"condition": 5, "eps": "1/10"}, "little mass between"),
        (GaussianMixture([10**300]), {"condition": 5, "eps": 1}, "scale it to about one"),
        (GaussianMixture([10**400]), {"condition": 5, "eps": 1}, "scale it to about one"),
        (Boxes([([0], [1]), ([2], [3])]), {"condition": 4, "eps": 1}, "jump from 1 to 2 .* smooth"),
        (Boxes([([0], [1]), ([2], [2])]), {"condition": 4, "eps": 1}, "atom at 2.*smooth"),
        (uniform([0, 0], [1, 1]), {"condition": 4, "eps": 1}, "in dimension 1, got dimension 2"),
        (GaussianMixture([[0, 0]]), {"condition": 4, "eps": 1}, "in dimension 1, got dimension 2"),
        (Atoms([[0], [1]]), {"condition": 4, "eps": 1}, "law on the line.* got Atoms"),
        ("TWO", {"condition": 4, "eps": 1}, "law on the line.* got str"),
    ],
)
def test_refuses(law, options, words):
    with pytest.raises(InvalidInputError, match=words):
        approximate_well(law, **options)


@pytest.mark.slow
def test_layers_for_a_law_whose_transport_is_linear():
    """Its path has no error of which the transport's could be half, and its map has one knot."""
    found = approximate_well(GaussianMixture([0], "1/3"), condition=3, layers=9)
    assert found.depth <= 9
    assert found.bound < Rational(1, 1000)


def test_a_transport_is_as_fine_as_the_layers_ask_for():
    """A finer one is steeper, and costs minutes, while the path has most of the error."""
    found = approximate_well(TWO, condition=10, layers=65)
    assert len(found.path.map.knots) < 30
    assert found.bound < Rational(1, 5)


@pytest.mark.slow
def test_any_condition_number_above_one():
    found = approximate_well(TWO, condition="5/4", eps="1/20")
    assert found.condition <= Rational(5, 4)
    assert found.bound <= Rational(1, 20)
