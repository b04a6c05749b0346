"""An adversary: degenerate, huge, tiny and hostile inputs, against plain Fractions.

Whatever comes in, the answer is right or one clear refusal, and a refusal is right, too. Each test
is one claim, first in words, then on cases that `draws` draws: few by default, many with
``-m slow``. What is right is computed by `truth`, which takes nothing from the package: of a flow,
it reads its layers as they are shown.
"""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import sympy
from checker.draws import (
    ENTRIES,
    FAMILIES,
    NARROW,
    NO_NUMBERS,
    ODD,
    in_some_form,
    matrices,
    square,
    tuples,
    words,
)
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import GF
from sympy.polys.matrices import DomainMatrix
from truth import Field, determinant, matrix_of, rank, times

from exactflow import CouplingFlow, LinearCoupling, factor, minimal_depth, verify
from exactflow.errors import (
    FieldTooSmallError,
    InvalidInputError,
    OrientationError,
    SingularMatrixError,
    VerificationError,
)
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear


def run(claim, examples):
    quiet = settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    quiet(given(st.data())(claim))()


def on_drawn_cases(claim):
    """The test of a claim on a dozen cases, and the slow one on a hundred."""

    def test(examples):
        run(claim, examples)

    test.__name__, test.__doc__ = claim.__name__, claim.__doc__
    few_or_many = [12, pytest.param(100, marks=pytest.mark.slow)]
    return pytest.mark.parametrize("examples", few_or_many)(test)


@on_drawn_cases
def test_factor_equals_the_matrix_or_refuses_it_for_the_reason_that_holds(data):
    """Six layers at most for equal halves, positive scales, a flip iff the determinant is < 0."""
    M = data.draw(matrices())
    d, det = len(M), determinant(M)
    mask = data.draw(st.none() | st.lists(st.sampled_from([0, 1]), min_size=d, max_size=d))
    mask = mask if mask is None or 0 < sum(mask) < d else None
    orientation = data.draw(st.sampled_from(["error", "flip"]))
    given_form = in_some_form(data.draw, M)
    try:
        flow = factor(given_form, orientation=orientation, partition=mask)
    except SingularMatrixError:
        assert det == 0
    except OrientationError:
        assert det < 0
        assert orientation == "error"
    else:
        assert composed(flow) == M
        assert all(scale > 0 for layer in flow for scale in layer.scale)
        assert len(flow.flips) == (det < 0)
        assert mask is not None or d % 2 or flow.depth <= 6
        assert fraction(sympy.exp(flow.log_abs_det())) == abs(det)


@on_drawn_cases
def test_forward_and_the_inverse_are_the_matrix_and_its_inverse(data):
    M = data.draw(matrices())
    assume(determinant(M))
    flow = factor(M, orientation="flip")
    x = data.draw(tuples(ENTRIES, len(M)))
    y = tuple(entry for (entry,) in times(M, [[entry] for entry in x]))
    assert tuple(map(fraction, flow.forward(x))) == y
    assert tuple(map(fraction, flow.inverse().forward(y))) == x


@on_drawn_cases
def test_a_word_of_k_layers_has_depth_at_most_k_and_both_witnesses_hold(data):
    M, length = data.draw(words(data.draw(st.sampled_from([2, 4]))))
    answer = minimal_depth(in_some_form(data.draw, M))
    assert answer.lower <= answer.upper <= 6
    assert answer.lower <= length
    assert composed(answer.flow) == M
    assert all(scale == 1 for layer in answer.flow for scale in layer.scale)
    assert len(answer.obstructions) == min(2, answer.lower)
    assert all(reason.is_valid() for reason in answer.obstructions)


@on_drawn_cases
def test_verify_refuses_a_matrix_that_differs_in_one_entry_by_however_little(data):
    M = data.draw(matrices())
    assume(determinant(M))
    flow = factor(M, orientation="flip")
    i, j = (data.draw(st.integers(0, len(M) - 1)) for _ in range(2))
    changed = [list(row) for row in M]
    changed[i][j] += data.draw(ENTRIES.filter(bool))
    verify(flow, M)
    with pytest.raises(VerificationError, match=rf"entry \({i}, {j}\)"):
        verify(flow, changed)


@on_drawn_cases
def test_prime_fields_agree_with_integers_modulo_p(data):
    p, d = data.draw(st.sampled_from([5, 7, 101])), data.draw(st.sampled_from([2, 4]))
    M = data.draw(square(st.integers(0, p - 1), d))
    field = GF(p)
    over_the_field = DomainMatrix([[field(x) for x in row] for row in M], (d, d), field)
    try:
        flow = factor(over_the_field, scales="nonzero")
    except SingularMatrixError:
        assert determinant(M) % p == 0
    except FieldTooSmallError:
        assert p < 101
    else:
        assert composed(flow, f"GF({p})", lambda x: int(x) % p) == M
        x = data.draw(tuples(st.integers(-p, 10**30), d))
        image = [entry for (entry,) in times(M, [[entry] for entry in x], p)]
        assert [int(entry) % p for entry in flow.forward(x)] == image


@on_drawn_cases
def test_square_roots_of_two_multiply_as_they_should(data):
    """Over Q(sqrt 2), where `truth` has 2 x 2 blocks of rational numbers."""
    M, root = data.draw(square(tuples(NARROW, 2), 2)), sympy.sqrt(2)
    name = {"modulus": ["-2", "0", "1"]}
    expected = Field(name).matrix({(i, j): M[i][j] for i in (0, 1) for j in (0, 1)}, 2)

    def coefficients(x):
        x = sympy.expand(sympy.radsimp(x))
        return fraction(x.subs(root, 0)), fraction(x.coeff(root))

    try:
        flow = factor([[a + b * root for a, b in row] for row in M], orientation="flip")
    except SingularMatrixError:
        assert determinant(expected) == 0
    else:
        assert composed(flow, name, coefficients) == expected


@on_drawn_cases
def test_a_piecewise_linear_function_is_right_between_on_and_beyond_its_knots(data):
    knots = sorted(data.draw(st.sets(ENTRIES, min_size=1, max_size=5)))
    values = data.draw(tuples(ENTRIES, len(knots)))
    left, right = data.draw(ENTRIES), data.draw(ENTRIES)
    x = data.draw(ENTRIES | st.sampled_from(knots))
    if x <= knots[0]:
        expected = values[0] + left * (x - knots[0])
    elif x >= knots[-1]:
        expected = values[-1] + right * (x - knots[-1])
    else:
        pieces = pairwise(zip(knots, values, strict=True))
        (a, u), (b, v) = next(piece for piece in pieces if piece[0][0] <= x <= piece[1][0])
        expected = u + (v - u) * (x - a) / (b - a)
    assert fraction(PiecewiseLinear(knots, values, left, right)(x)[0]) == expected


@on_drawn_cases
def test_one_entry_that_is_no_number_is_refused_at_every_door(data):
    M = [list(row) for row in data.draw(matrices((2, 4)))]
    bad = data.draw(st.sampled_from(NO_NUMBERS))
    i, j = (data.draw(st.integers(0, len(M) - 1)) for _ in "ij")
    if data.draw(st.booleans()):
        M[j][i] = sympy.sqrt(2)  # among expressions, too
    M[i][j] = bad
    for door in (factor, minimal_depth):
        with pytest.raises(InvalidInputError, match="expected"):
            door(M)
    with pytest.raises(InvalidInputError, match="expected"):
        LinearCoupling((1, 1), "first", [[bad]])
    if not isinstance(bad, float | np.floating):  # floats in, floats out
        flow = CouplingFlow([LinearCoupling((1, 1), "first", [[1]])])
        with pytest.raises(InvalidInputError, match="expected"):
            flow.forward([1, bad])


@pytest.mark.parametrize("examples", [3, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", FAMILIES)
def test_halves_of_n_and_n_plus_1_take_six_layers_and_five_where_a_block_has_rank_n(
    family, examples
):
    """Whichever half is the larger; the hyperplane route has one scale that is not 1."""

    def claim(data):
        d = data.draw(st.sampled_from(ODD))
        p = n = d // 2
        M = FAMILIES[family](data.draw, n)
        assume(determinant(M))
        if data.draw(st.booleans()):
            p, M = d - n, [[M[(i + n) % d][(j + n) % d] for j in range(d)] for i in range(d)]
        method = data.draw(st.sampled_from(["auto", "hyperplane"]))
        flow = factor(M, method=method, partition=(p, d - p), orientation="flip")
        assert flow.depth <= 6
        assert all(scale > 0 for layer in flow for scale in layer.scale)
        # long fractions are compared modulo a prime
        assert composed(flow, MODULO) == Field(MODULO).matrix(
            {(i, j): M[i][j] for i in range(d) for j in range(d)}, d
        )
        if method == "hyperplane":
            assert sum(scale != 1 for layer in flow for scale in layer.scale) <= 1
            blocks = [row[p:] for row in M[:p]], [row[:p] for row in M[p:]]
            assert flow.depth <= 5 or n > max(map(rank, blocks))

    run(claim, examples)


MODULO = f"GF({2**127 - 1})"


def fraction(x):
    return Fraction(int(x.p), int(x.q))


def composed(flow, field="QQ", number=fraction):
    """The matrix of a flow from its layers, written as a certificate writes them."""
    layers = [
        {
            "moves": layer.moves,
            "scale": [number(x) for x in layer.scale],
            "shift": [[number(x) for x in row] for row in layer.shift.tolist()],
        }
        for layer in flow
    ]
    form = {"field": field, "partition": flow.partition, "layers": layers}
    return matrix_of(form | {"order": flow.order, "flips": flow.flips})
