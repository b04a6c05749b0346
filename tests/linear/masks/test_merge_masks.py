"""One mask for everything: compositions are equal, and counts are those of Theorem 17."""

import random
from math import ceil

import numpy as np
import pytest
import sympy
from sympy import GF, QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, factor, permutation, random_matrix
from exactflow.errors import (
    FieldTooSmallError,
    InvalidInputError,
    OrientationError,
    SingularMatrixError,
    VerificationError,
)
from exactflow.flows.evidence import Evidence
from exactflow.flows.nonlinear import MergedCoupling, PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.partition import mask_order
from exactflow.linear.masks import mask_builder, merge_masks
from exactflow.linear.masks.mask_builder import OneMaskBuilder
from proofs.experiments.coordinatewise import coordinatewise

BEND = PiecewiseCoupling((1, 1), "second", PiecewiseLinear([0, 1], [0, 2], 1, -1), "1/2")


class Draws:
    """Random rational couplings and masks from one seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def number(self):
        return sympy.Rational(self.random.randint(-6, 6), self.random.randint(1, 3))

    def numbers(self, count):
        return [self.number() for _ in range(count)]

    def function(self, m, positive=False):
        knots = sorted(self.random.sample(range(-4, 5), self.random.randint(1, 3)))
        values = [tuple(self.numbers(m)) for _ in knots]
        if positive:
            return PiecewiseLinear(knots, [tuple(abs(v) + 1 for v in row) for row in values])
        return PiecewiseLinear(knots, values, tuple(self.numbers(m)), tuple(self.numbers(m)))

    def layer(self, p, q):
        moves = self.random.choice(["first", "second"])
        moved, kept = (p, q) if moves == "first" else (q, p)
        scale = [abs(s) + 1 for s in self.numbers(moved)]
        kind = self.random.choice("lpc" if p == q else "lp")
        if kind == "l":
            shift = [self.numbers(kept) for _ in range(moved)]
            return LinearCoupling((p, q), moves, shift, scale)
        if kind == "p":
            reads = self.random.randrange(kept)
            return PiecewiseCoupling((p, q), moves, self.function(moved), scale, reads)
        shifts = [self.function(1) for _ in range(p)]
        scales = [self.function(1, positive=True) for _ in range(p)]
        layer = coordinatewise(
            [PiecewiseCoupling((1, 1), moves, *pair) for pair in zip(shifts, scales, strict=True)]
        )
        return layer.inverse() if self.random.random() < 0.5 else layer

    def mask(self, p, q):
        mask = [1] * p + [0] * q
        self.random.shuffle(mask)
        return mask

    def flow(self, p, q):
        return masked(self.layer(p, q), self.mask(p, q))


def masked(layer, mask):
    kind = CouplingFlow if isinstance(layer, LinearCoupling) else PiecewiseFlow
    return kind([layer], order=mask_order(mask)[0])


def check_composition(flow, flows, x):
    """Compare forward, inverse and log-determinant with the composition, exactly."""
    y, det = sympy.Matrix(x), sympy.Integer(1)
    for part in flows:
        linear = hasattr(part, "matrix")
        det *= part.matrix().det() if linear else part.jacobian(list(y)).det()
        y = part.forward(list(y))
    assert flow.forward(x) == y
    assert flow.inverse().forward(list(y)) == sympy.Matrix(x)
    value = flow.log_abs_det() if hasattr(flow, "matrix") else flow.log_abs_det(x)
    assert sympy.exp(value) == det


@pytest.mark.parametrize("seed", range(12))
def test_couplings_under_masks_of_their_own(seed):
    draws = Draws(seed)
    n, N = draws.random.randint(1, 4), draws.random.randint(1, 6)
    flows = [draws.flow(n, n) for _ in range(N)]
    check_composition(merge_masks(flows), flows, draws.numbers(2 * n))
    assert merge_masks(flows).depth <= 2 * N + 4
    other = draws.mask(n, n)
    flow = merge_masks(flows, mask=other)
    check_composition(flow, flows, draws.numbers(2 * n))
    assert flow.depth <= 2 * N + 6
    assert flow.order == mask_order(other)[0] or flow.order == ()


@pytest.mark.parametrize("way", ["first", "second"])
@pytest.mark.parametrize("seed", range(6))
def test_halves_that_differ_by_one(seed, way):
    """2 N + 4, whichever half all couplings move: the last layers start with either half."""
    draws = Draws(seed)
    p, N = draws.random.randint(2, 3), draws.random.randint(3, 4)
    moved, kept = (p, p + 1) if way == "first" else (p + 1, p)
    flows = []
    for _ in range(N):
        shift = [draws.numbers(kept) for _ in range(moved)]
        layer = LinearCoupling((p, p + 1), way, shift, [abs(s) + 1 for s in draws.numbers(moved)])
        flows.append(masked(layer, draws.mask(p, p + 1)))
    flow = merge_masks(flows)
    check_composition(flow, flows, draws.numbers(2 * p + 1))
    assert flow.depth <= 2 * N + 4


@pytest.mark.slow
def test_hundreds_of_compositions():
    for seed in range(300):
        draws = Draws(10_000 + seed)
        n, N = draws.random.randint(2, 8), draws.random.randint(1, 12)
        flows = [draws.flow(n, n) for _ in range(N)]
        flow = merge_masks(flows)
        assert flow.depth <= 2 * N + 4
        x = draws.numbers(2 * n)
        y = sympy.Matrix(x)
        for part in flows:
            y = part.forward(list(y))
        assert flow.forward(x) == y
        assert flow.inverse().forward(list(y)) == sympy.Matrix(x)


@pytest.mark.parametrize(("p", "q"), [(1, 2), (2, 3), (3, 2), (1, 4)])
def test_halves_of_unequal_sizes(p, q):
    draws = Draws(p + 10 * q)
    flows = [draws.flow(*draws.random.choice([(p, q), (q, p)])) for _ in range(4)]
    check_composition(merge_masks(flows), flows, draws.numbers(p + q))


@pytest.mark.parametrize(("p", "q"), [(1, 2), (2, 3), (3, 2), (1, 4)])
def test_couplings_that_move_p_coordinates_are_2_n_minus_1_on_halves_of_unequal_sizes(p, q):
    draws = Draws(p + 10 * q)
    shifts = [[draws.numbers(q) for _ in range(p)] for _ in range(5)]
    flows = [masked(LinearCoupling((p, q), "first", X), draws.mask(p, q)) for X in shifts]
    rest = (2 * ceil(max(p, q) / min(p, q)) + 4) - 1  # of the signed permutation, once merged
    assert merge_masks(flows).depth <= 2 * len(flows) - 1 + rest


@pytest.mark.parametrize("sizes", [(1, 3), (3, 1), (2, 2)])
def test_a_coupling_that_moves_or_reads_more_than_a_half_is_several(sizes):
    draws = Draws(sum(sizes))
    for _ in range(8):
        flows = [draws.flow(*sizes), draws.flow(2, 2)]
        check_composition(merge_masks(flows, mask=(2, 2)), flows, draws.numbers(4))
    shift = [[1, 2, 3]]
    one = masked(LinearCoupling((1, 3), "first", shift), [1, 0, 0, 0])
    assert merge_masks([one], mask=(2, 2)).matrix() == one.matrix()


def test_masks_that_agree_merge_and_complementary_ones_alternate():
    draws = Draws(3)
    shear, mask = PiecewiseCoupling((2, 2), "second", draws.function(2)), [1, 0, 1, 0]
    first, again = masked(shear, mask), masked(shear, mask)
    assert merge_masks([first, again]).depth == 1
    complement = masked(shear, [0, 1, 0, 1])
    assert merge_masks([first, complement]).depth == 2
    assert merge_masks([first, complement, first, complement]).depth == 4
    apart = masked(shear, [1, 1, 0, 0])
    assert merge_masks([first, apart, first]).depth == 5


@pytest.mark.parametrize("seed", range(8))
def test_linear_flows_matrices_and_permutations_between_them(seed):
    draws = Draws(seed)
    d = draws.random.randint(2, 7)
    p = draws.random.randint(1, d - 1)
    M = random_matrix(d, bits=2, seed=seed)
    other = random_matrix(d, bits=2, seed=seed + 100)
    items = [
        factor(M, partition=draws.mask(p, d - p), orientation="flip"),
        permutation(draws.random.sample(range(d), d)),
        other,
        factor(M.T, partition=draws.mask(d - p, p), orientation="flip"),
    ]
    product = items[3].matrix() * other * items[1] * M
    if product.det() < 0:
        with pytest.raises(OrientationError, match="composition reverses orientation"):
            merge_masks(items)
        product[0, :] = -product[0, :]
        items.append(sympy.diag(-1, *[1] * (d - 1)))
    flow = merge_masks(items)
    assert isinstance(flow, CouplingFlow) or flow.order
    assert flow.matrix() == product


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("N", [1, 2, 3])
def test_a_glow_of_n_steps_is_one_flow_of_4_n_plus_1_couplings(n, N):
    draws = Draws(n + N)
    items = []
    for k in range(N):
        M = random_matrix(2 * n, bits=6, seed=7 * n + k)
        assert M[:n, n:].det() * M[n:, :n].det() != 0
        M[0, :] = M[0, :] if M.det() > 0 else -M[0, :]
        items += [M, PiecewiseCoupling((n, n), "second", draws.function(n), 2)]
    assert merge_masks(items).depth <= 4 * N + 1


def test_merging_one_flow_of_one_mask_returns_it():
    flow = factor(random_matrix(4, bits=3, seed=4), partition=[1, 0, 0, 1], orientation="flip")
    if flow.flips:
        flow = CouplingFlow(flow.layers, order=flow.order)
    assert merge_masks([flow]) == flow


def test_a_merged_flow_may_be_merged_again():
    draws = Draws(11)
    flows = [draws.flow(2, 2) for _ in range(3)]
    once = merge_masks(flows)
    assert once.explain().evidence is Evidence.EXACT
    assert any(isinstance(layer, MergedCoupling) for layer in once.layers)
    last = draws.flow(2, 2)
    check_composition(
        merge_masks([once, last], mask=[0, 1, 0, 1]), [*flows, last], draws.numbers(4)
    )


@pytest.mark.parametrize("mask", [[1, 1, 1, 1, 0, 0], [1, 0, 0, 0, 0, 1]])
def test_a_coupling_that_does_not_fit_whole_is_taken_apart(mask):
    """Three coordinates that read one each: not all three are read where two are kept."""
    bends = [PiecewiseLinear([0], [1], slope, slope) for slope in (1, 2, 3)]
    layer = coordinatewise([PiecewiseCoupling((1, 1), "first", bend) for bend in bends])
    flow = PiecewiseFlow([layer])
    check_composition(merge_masks([flow], mask=mask), [flow], [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("mask", [[1, 1, 1, 0], [1, 0, 1, 1], [1, 1, 0, 0]])
def test_a_coupling_that_reads_a_row_reads_it_whole(mask):
    bend = PiecewiseLinear([0, 1], [(1, 2), (0, 5)], (1, 1))
    flow = PiecewiseFlow([PiecewiseCoupling((2, 2), "first", bend, [2, 3], ["1/2", -1])])
    check_composition(merge_masks([flow], mask=mask), [flow], [1, 2, 3, "-1/2"])


def test_a_coupling_whose_row_no_half_holds():
    layer = PiecewiseCoupling((3, 1), "second", PiecewiseLinear([0, 1], [0, 5]), reads=[1, 2, 3])
    with pytest.raises(InvalidInputError, match="reads more than 2 coordinates at once"):
        merge_masks([PiecewiseFlow([layer])], mask=(2, 2))


def test_floats_and_high_precision_agree_with_exact_numbers():
    draws = Draws(5)
    flow = merge_masks([draws.flow(2, 2) for _ in range(3)])
    x = [sympy.Rational(1, 4), -2, 3, sympy.Rational(5, 8)]
    exact = np.array(flow.forward(x), dtype=float).ravel()
    batch = np.array([[float(v)] * 3 for v in x])
    np.testing.assert_allclose(flow.forward(batch)[:, 1], exact, rtol=1e-12)
    np.testing.assert_allclose(
        np.exp(flow.log_abs_det(batch)), float(sympy.exp(flow.log_abs_det(x))), rtol=1e-12
    )


@pytest.mark.parametrize("order", [(), (2, 0, 3, 1)])
@pytest.mark.parametrize("mask", [None, [1, 0, 0, 1]])
def test_a_flow_with_order_and_flips_merges_beside_a_piecewise_flow(order, mask):
    draws = Draws(8)
    linear = LinearCoupling((2, 2), "second", [[1, "1/2"], [0, 3]], [2, 5])
    flipped = CouplingFlow([linear], flips=[0, 3], order=order)
    bent = PiecewiseFlow([coordinatewise([BEND, BEND.inverse()])], order=(0, 3, 1, 2))
    x = draws.numbers(4)
    for flows in ([flipped, bent], [bent, flipped], [bent, flipped, flipped, bent]):
        check_composition(merge_masks(flows, mask=mask), flows, x)


@pytest.mark.parametrize(
    "last",
    [
        factor(permutation([1, 2, 0, 3])),
        CouplingFlow([], (2, 2)),
        LinearCoupling((2, 2), "first", sympy.SparseMatrix([[0, 2], [0, 0]])),
    ],
)
def test_a_flow_with_sparse_shifts_merges_after_a_piecewise_flow(last):
    bent = PiecewiseFlow([coordinatewise([BEND, BEND])])
    check_composition(merge_masks([bent, last]), [bent, last], [1, 2, 3, "-1/2"])


def test_an_odd_number_of_flips_beside_a_piecewise_flow_reverses_orientation():
    flipped = CouplingFlow([LinearCoupling((2, 2), "second", [[1, 2], [0, 3]])], flips=[3])
    bent = PiecewiseFlow([coordinatewise([BEND, BEND])])
    with pytest.raises(OrientationError, match="reverses orientation"):
        merge_masks([bent, flipped])
    check_composition(merge_masks([flipped, bent, flipped]), [flipped, bent, flipped], [1, 2, 3, 4])


def test_a_matrix_whose_determinant_has_no_known_sign():
    """The error names what `merge_masks` takes, and not the options of `factor`."""
    t, positive = sympy.Symbol("t"), sympy.Symbol("t", positive=True)
    with pytest.raises(OrientationError, match="is unknown for one") as raised:
        merge_masks([[[t, 1], [0, 1]]])
    assert not any(word in str(raised.value) for word in ("assume=", "scales="))
    assert merge_masks([[[positive, 1], [0, 1]]]).depth == 1
    with pytest.raises(OrientationError, match="positive determinants"):
        merge_masks([[[sympy.I, 1], [0, 1]]])


@pytest.mark.parametrize("flips", [(), (0,), (1, 2)])
@pytest.mark.parametrize("order", [(), (2, 0, 3, 1)])
def test_linear_flows_merge_with_their_order_and_flips(order, flips):
    layer = LinearCoupling((2, 2), "first", [[1, "1/2"], [0, 3]], [2, 5])
    flow = CouplingFlow([layer, layer.swap_halves()], flips=flips, order=order)
    other = CouplingFlow([layer], flips=flips, order=(3, 1, 0, 2))
    merged = merge_masks([flow, other], mask=[0, 1, 1, 0])
    assert merged.matrix() == other.matrix() * flow.matrix()


@pytest.mark.parametrize(
    ("flows", "error", "match"),
    [
        ([], InvalidInputError, "at least one flow or matrix"),
        (3, InvalidInputError, "a list of flows and matrices, got 3"),
        (
            [[[1, 0], [0, 1]], sympy.eye(3)],
            InvalidInputError,
            r"one dimension, got the dimensions \[2, 3\]",
        ),
        ([[[1, 1], [1, 1]]], SingularMatrixError, "invertible"),
        ([[[0, 1], [1, 0]]], OrientationError, "reverses orientation"),
        (["shear"], InvalidInputError, "expected"),
    ],
)
def test_bad_input(flows, error, match):
    with pytest.raises(error, match=match):
        merge_masks(flows)


def test_a_mask_of_another_length():
    flow = factor([[1, 2], [0, 1]])
    with pytest.raises(InvalidInputError, match="expected"):
        merge_masks([flow], mask=[1, 0, 0])


def random_flow(field, n, seed, order=()):
    draw = random.Random(seed)
    layers = []
    for moves in ("first", "second", "first"):
        rows = [[field.convert(draw.randrange(-3, 9)) for _ in range(n)] for _ in range(n)]
        layers.append(LinearCoupling((n, n), moves, DomainMatrix(rows, (n, n), field)))
    return CouplingFlow(layers, order=order)


def product_of(flows):
    product = flows[0].domain_matrix()
    for flow in flows[1:]:
        product = flow.domain_matrix() * product
    return product.to_dense()


@pytest.mark.parametrize("modulus", [11, 101, 65537])
@pytest.mark.parametrize("symmetric", [True, False])
def test_merge_masks_over_a_finite_field(modulus, symmetric):
    field = GF(modulus, symmetric=symmetric)
    flows = [random_flow(field, 2, k, order) for k, order in enumerate([(), (0, 2, 1, 3)])]
    for mask in (None, [1, 0, 1, 0], [0, 1, 1, 0]):
        flow = merge_masks(flows, mask=mask)
        assert flow.field == field
        assert flow.domain_matrix().to_dense() == product_of(flows)
    swap = permutation([1, 0, 2, 3])  # of determinant -1: over GF(p) a scale carries it
    flow = merge_masks([flows[0], swap, flows[1]])
    assert flow.domain_matrix().to_dense().det() == -product_of(flows).det()


def test_merge_masks_over_a_number_field():
    field = QQ.algebraic_field(sympy.sqrt(2))
    rational, real = random_flow(QQ, 2, 0), random_flow(field, 2, 1, (0, 2, 1, 3))
    root = LinearCoupling((2, 2), "second", [[sympy.sqrt(2), 1], [0, 3]], [sympy.sqrt(2), 1])
    flows = [rational, real, CouplingFlow([root], order=[3, 1, 2, 0]), real]
    for mask in (None, [1, 0, 1, 0], [0, 1, 1, 0]):
        flow = merge_masks(flows, mask=mask)
        assert flow.matrix() == product_of(flows).to_Matrix()
        assert flow.field == field
    M = [[sympy.sqrt(3), 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert merge_masks([rational, M, real]).matrix() == (
        real.matrix() * sympy.Matrix(M) * rational.matrix()
    )


def test_piecewise_flows_of_linear_layers_are_linear():
    M = random_matrix(4, seed=2)
    for flow in (PiecewiseFlow(factor(M)), PiecewiseFlow([], partition=(2, 2))):
        found = merge_masks([flow])
        assert isinstance(found, CouplingFlow)
        assert found.forward([1, 2, 3, 4]) == flow.forward([1, 2, 3, 4])


def test_fields_that_do_not_meet_are_refused():
    bend = PiecewiseFlow([PiecewiseCoupling((2, 2), "first", PiecewiseLinear([0], [(0, 1)]))])
    finite, real = random_flow(GF(7), 2, 0), random_flow(QQ.algebraic_field(sympy.sqrt(2)), 2, 0)
    for flows in ([finite, bend], [finite, real], [real, bend], [finite, random_flow(GF(5), 2, 0)]):
        with pytest.raises(InvalidInputError, match=r"expected (entries of one|rational)"):
            merge_masks(flows)


def test_a_field_without_layers_for_a_matrix_is_too_small(monkeypatch):
    field = GF(2)
    builder = OneMaskBuilder(range(4), (2, 2), field)
    monkeypatch.setattr(mask_builder, "yield_layers_from_either_half", lambda *_: iter(()))
    with pytest.raises(FieldTooSmallError, match="larger field"):
        builder.add_matrix_or_rename_coordinates(random_flow(field, 2, 1).domain_matrix(), None)


@pytest.mark.parametrize("bends", [False, True])
def test_a_composition_with_a_layer_less_is_not_returned(monkeypatch, bends):
    layer = BEND if bends else LinearCoupling((1, 1), "second", [["1/2"]], ["3"])
    flows = [CouplingFlow([LinearCoupling((1, 1), "first", [["2"]])]), PiecewiseFlow([layer])]
    assert merge_masks(flows).depth == 2
    merged_layers = OneMaskBuilder.merged_layers
    monkeypatch.setattr(OneMaskBuilder, "merged_layers", lambda self: merged_layers(self)[1:])
    with pytest.raises(VerificationError):
        merge_masks(flows)
