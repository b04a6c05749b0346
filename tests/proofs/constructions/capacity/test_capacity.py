"""The counting bound: exact decisions, the search, and its ingredients by brute force."""

from fractions import Fraction
from itertools import combinations, product
from math import ceil, sqrt

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from exactflow.errors import InvalidInputError
from proofs.constructions.capacity import depth_bound, geometric_sum, min_parameters
from proofs.constructions.capacity.packings import code_size
from proofs.experiments.packings import greedy_code, greedy_subsets

USUAL = {"lipschitz": 50, "radius": 1, "w": "1/10"}


def test_the_inequality_between_integers():
    bound = min_parameters(6, 4, rho=3, sigma="1/100", Delta=2, m=1, **USUAL)
    assert bound.family.N == code_size(6, 2) == 32
    sep = Fraction(3, 4) * 6 * Fraction(sqrt(2 / 6)) - Fraction(2, 100) * Fraction(sqrt(6))
    assert abs(bound.separation - sep) < Fraction(1, 10**12)
    assert bound.base == ceil(2 * 50 / (sep - Fraction(1, 5)))
    p = bound.parameters
    assert bound.base ** (p - 1) < bound.family.size <= bound.base**p
    assert [bound.rules_out(q) for q in (p - 1, p)] == [True, False]


def test_square_roots_are_exact_where_they_are_rational():
    bound = min_parameters(4, 2, rho=1, sigma="1/16", Delta=1, m=0, **USUAL)
    assert bound.separation == 1 - Fraction(1, 4)


@pytest.mark.parametrize(("d", "k"), [(2, 2), (3, 2), (4, 5), (6, 3), (8, 7), (10, 4)])
@pytest.mark.parametrize("lipschitz", [Fraction(3, 2), 7, 10**30])
def test_the_search_finds_the_best_choice(d, k, lipschitz):
    constants = {"lipschitz": lipschitz, "radius": 2, "w": Fraction(1, 10), "sigma": "1/1000"}
    found = min_parameters(d, k, **constants).parameters
    best = []
    for Delta in range(1, d + 1):
        for m in range(k):
            try:
                bound = min_parameters(d, k, Delta=Delta, m=m, **constants)
            except InvalidInputError:
                continue
            best.append(bound.parameters)
    assert found == (None if None in best else max(best))


@given(st.integers(2, 30), st.integers(1, 30), st.data())
def test_choices_that_are_given_are_kept(d, k, data):
    Delta = data.draw(st.integers(1, d))
    m = data.draw(st.integers(0, k - 1))
    assume(k <= code_size(d, Delta) and (1 - m / k) * 2 * sqrt(Delta) > 0.201)
    bound = min_parameters(d, k, Delta=Delta, m=m, **USUAL)
    assert (bound.Delta, bound.m) == (Delta, m)
    assert bound.parameters <= min_parameters(d, k, **USUAL).parameters
    assert bound.rho_squared + d * bound.sigma**2 <= d


def test_monotone_in_every_constant():
    base = min_parameters(40, 30, rho=5, sigma="1/100", **USUAL).parameters
    for change in ({"lipschitz": 500}, {"radius": 10}, {"w": 1}, {"sigma": "1/10"}, {"rho": 2}):
        constants = {**USUAL, "rho": 5, "sigma": "1/100", **change}
        assert min_parameters(40, 30, **constants).parameters < base


def test_a_class_that_cannot_move_is_ruled_out_whatever_its_size():
    bound = min_parameters(4, 2, lipschitz="1/100", radius=1, w="1/10")
    assert bound.base == 1
    assert bound.parameters is None
    assert bound.rules_out(10**9)
    contracting = {"layer_lipschitz": "1/2", "parameter_lipschitz": "1/100"}
    assert depth_bound(4, 2, 3, radius=1, w="1/10", **contracting).depth is None


def test_one_mixture_needs_no_parameters():
    bound = min_parameters(3, 4, Delta=2, m=3, rho=30, sigma="1/100", **USUAL)
    assert bound.family.size == 1
    assert bound.parameters == 0
    layers = {"layer_lipschitz": 2, "parameter_lipschitz": 50, "radius": 1, "w": "1/10"}
    assert depth_bound(3, 4, 5, Delta=2, m=3, rho=30, sigma="1/100", **layers).depth == 1


def test_huge_and_tiny_constants():
    huge = min_parameters(64, 100, lipschitz=10**400, radius="1e-400", w="1/10")
    assert huge.parameters == min_parameters(64, 100, lipschitz=1, radius=1, w="1/10").parameters
    scaled = min_parameters(64, 100, lipschitz=10**400, radius=1, w=10**399, rho=8 * 10**400)
    plain = min_parameters(64, 100, lipschitz=1, radius=1, w="1/10", rho=8)
    assert scaled.parameters == plain.parameters


@pytest.mark.parametrize("ratio", ["1/2", 1, "3/2", 10])
def test_depth_with_constants_per_layer(ratio):
    constants = {"layer_lipschitz": ratio, "parameter_lipschitz": 30, "radius": 1, "w": "1/10"}
    bound = depth_bound(32, 50, 11, rho=5, sigma="1/100", Delta=3, m=20, **constants)
    witness = bound.ruled_out
    assert witness.lipschitz == 30 * geometric_sum(Fraction(ratio), bound.depth - 1)
    assert witness.rules_out(11 * (bound.depth - 1))
    lipschitz = 30 * geometric_sum(Fraction(ratio), bound.depth)
    after = min_parameters(
        32, 50, lipschitz=lipschitz, radius=1, w="1/10", rho=5, sigma="1/100", Delta=3, m=20
    )
    assert not after.rules_out(11 * bound.depth)


def test_contracting_layers_need_the_geometric_sum():
    """f_i(x) = x/2 + t_i: changing t_1 and t_2 by h moves f_2 f_1 by 3h/2, more than 2 h / 2."""
    change = Fraction(1, 2) * 1 + 1
    assert geometric_sum(Fraction(1, 2), 2) == change > 2 * Fraction(1, 2)


def test_parameters_grow_like_k_times_d():
    for d, k in product((32, 256, 2048), (10, 1000, 10**5)):
        bound = min_parameters(d, k, lipschitz=d, radius=1, w="1/10")
        assert Fraction(1, 25) < Fraction(bound.parameters, k * d) < Fraction(1, 6)


def transport(points, weights, other_points, other_weights):
    """W1 between two finite measures, by linear programming."""
    cost = np.linalg.norm(points[:, None] - other_points[None], axis=2)
    a, b = cost.shape
    rows = np.kron(np.eye(a), np.ones(b)), np.kron(np.ones(a), np.eye(b))
    result = linprog(
        cost.ravel(),
        A_eq=np.vstack(rows),
        b_eq=np.concatenate([weights, other_weights]),
        method="highs",
    )
    return result.fun


def test_separation_of_small_mixtures_by_linear_programming():
    """The noise is a three-point measure on each axis with the second moment of a Gaussian."""
    d, k, Delta, m = 3, 2, 2, 1
    bound = min_parameters(d, k, rho=2, sigma="1/20", Delta=Delta, m=m, **USUAL)
    code = [[2 * (word >> i & 1) - 1 for i in range(d)] for word in greedy_code(d, Delta)]
    centers = np.array(code) * 2 / sqrt(d)
    noise = np.array(list(product((-sqrt(3), 0, sqrt(3)), repeat=d))) / 20
    mass = np.array([np.prod(w) for w in product((1 / 6, 2 / 3, 1 / 6), repeat=d)])
    family = list(greedy_subsets(len(code), k, m))
    assert len(family) >= bound.family.size
    separation = float(bound.separation)
    for S, other in list(combinations(family, 2))[:5]:
        points, others = ((centers[list(T)][:, None] + noise).reshape(-1, d) for T in (S, other))
        weights = np.tile(mass / k, k)
        assert transport(points, weights, others, weights) >= separation - 1e-9


def test_centers_alone_attain_the_separation():
    centers = np.array([[2 * (w >> i & 1) - 1 for i in range(3)] for w in greedy_code(3, 2)])
    half = np.array([1 / 2, 1 / 2])
    distance = transport(centers[[0, 1]], half, centers[[0, 2]], half)
    assert abs(distance - sqrt(2)) < 1e-9


@pytest.mark.parametrize(
    ("d", "k", "change", "words"),
    [
        (1, 1, {}, "argument d to be an integer from 2"),
        (2.0, 1, {}, "argument d to be an integer from 2"),
        (4, 0, {}, "argument k to be an integer from 1"),
        (4, 17, {}, "at most 16 Gaussians"),
        (4, 9, {"Delta": 2}, "or Delta"),
        (4, 2, {"Delta": 5}, "Delta to be an integer from 1 to 4"),
        (4, 2, {"m": 2}, "argument m to be an integer from 0 to 1"),
        (4, 2, {"w": 5}, "sep > 2 w"),
        (4, 2, {"w": 10**400}, r"w = 1.000e\+400"),
        (4, 2, {"sigma": "1/2", "rho": "1/3"}, "decrease w, sigma or m"),
        (4, 2, {"w": 0}, "positive number w"),
        (4, 2, {"w": "a"}, "positive number w"),
        (4, 2, {"lipschitz": -1}, "positive number lipschitz"),
        (4, 2, {"radius": float("inf")}, "positive number radius"),
        (4, 2, {"radius": float("nan")}, "positive number radius"),
        (4, 2, {"radius": None}, "positive number radius"),
        (4, 2, {"sigma": 0}, "positive number sigma"),
        (4, 2, {"sigma": 1}, "sigma < 1"),
        (4, 2, {"rho": 0}, "positive number rho"),
    ],
)
def test_refuses(d, k, change, words):
    with pytest.raises(InvalidInputError, match=words):
        min_parameters(d, k, **{**USUAL, **change})


@pytest.mark.parametrize(
    "constants",
    [
        {},
        {"layer_lipschitz": 2},
        {"parameter_lipschitz": 2},
        {"layer_lipschitz": 2, "parameter_lipschitz": 1, "neurons": 4},
    ],
)
def test_refuses_half_a_set_of_constants(constants):
    with pytest.raises(
        InvalidInputError, match="either all of params_per_layer, layer_lipschitz and"
    ):
        depth_bound(4, 2, 3, radius=1, w="1/10", **constants)


@pytest.mark.parametrize("name", ["d", "k"])
@pytest.mark.parametrize("value", [10**13, 1.5, "64", None, True, -1])
def test_sizes_within_reach(name, value):
    sizes = {"d": 64, "k": 10, name: value}
    with pytest.raises(
        InvalidInputError, match=f"expected the argument {name} to be an integer from"
    ):
        min_parameters(**sizes, lipschitz=100, radius=1, w="1/10")


@pytest.mark.slow
def test_the_largest_dimension_takes_seconds():
    bound = min_parameters(10**5, 2, lipschitz=10**400, radius=10, w=1)
    assert bound.rules_out(bound.parameters - 1)
    assert not bound.rules_out(bound.parameters)


@given(st.fractions(min_value=Fraction(1, 10**6), max_value=10**9), st.integers(1, 40))
def test_geometric_sum(ratio, terms):
    exact = sum(ratio**i for i in range(terms))
    assert exact <= geometric_sum(ratio, terms) <= exact * (1 + Fraction(1, 2**200))
