"""`whiten_by_three`: additive where that can be, within its exact error."""

import numpy as np
import pytest
import sympy
from covariances import EPS, KINDS, exact_error, wishart

from exactflow.errors import InvalidInputError, MethodError
from exactflow.flows.evidence import Evidence
from proofs.constructions.gaussian_depth import gaussian_depth
from proofs.constructions.three_layers import whiten_by_three


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [3, 6, pytest.param(16, marks=pytest.mark.slow)])
def test_three_layers(kind, d):
    Sigma = KINDS[kind](d)
    result = whiten_by_three(Sigma)
    assert result.flow.depth == 3
    assert result.error < 4 * EPS * np.sqrt(np.linalg.cond(Sigma))
    assert set(result.layers[2].scale) == {1}
    for layer in result.layers:
        assert np.ptp(layer.scale) == 0
    factors = [result.layers[i].scale[0] for i in (0, 1)]
    if d % 2 == 0:
        assert np.isclose(*factors)
    if d < 4:
        assert result.error == exact_error(result, Sigma)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [2, 4, pytest.param(16, marks=pytest.mark.slow)])
def test_three_additive_layers(kind, d):
    """Layers for det Sigma = 1 up to rounding: the scale is as near to 1 as rounding lets it be."""
    Sigma = KINDS[kind](d)
    Sigma = Sigma * np.exp(-np.linalg.slogdet(Sigma)[1] / d)
    result = whiten_by_three(Sigma)
    assert result.error < 20 * EPS * np.sqrt(np.linalg.cond(Sigma))
    assert abs(result.layers[0].scale - 1).max() < 8 * EPS * np.linalg.cond(Sigma)


def test_three_layers_are_additive_where_det_is_one():
    Sigma = [[2, 1, 0, 0], [1, 1, 0, 0], [0, 0, 5, 2], [0, 0, 2, 1]]
    result = whiten_by_three(Sigma)
    assert result.is_additive
    assert result.flow.is_additive
    assert "3 additive layers" in str(result)
    scaled = whiten_by_three(4 * np.array(Sigma))
    assert np.allclose([layer.scale for layer in scaled.layers], [[0.5] * 2, [0.5] * 2, [1, 1]])
    assert "3 affine layers" in str(scaled)


@pytest.mark.parametrize("partition", [(1, 2), (2, 1), [0, 1, 0]])
@pytest.mark.parametrize(
    ("variances", "is_additive"),
    [([1, "1/3", 3], True), (["1/4", 2, 2], False), ([4, "1/2", "1/2"], False), ([1, 1, 1], True)],
)
def test_three_additive_layers_on_halves_that_differ_by_one(partition, variances, is_additive):
    """Additive where the variances of the larger half lie on both sides of 1; `gaussian_depth`."""
    order = {(1, 2): [0, 1, 2], (2, 1): [1, 2, 0]}.get(tuple(partition), [1, 0, 2])
    Sigma = sympy.diag(*(variances[i] for i in order))
    result = whiten_by_three(Sigma, partition=partition)
    assert result.is_additive == is_additive
    assert result.error < 10 * EPS
    Q = result.flow.matrix()
    assert result.error == max(map(abs, Q * Sigma * Q.T - sympy.eye(3)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "partition", [(1, 3), [0, 0, 1, 0], pytest.param((9, 7), marks=pytest.mark.slow)]
)
def test_three_layers_on_halves_that_differ_by_two(kind, partition):
    Sigma = KINDS[kind](len(partition) if len(partition) > 2 else sum(partition))
    result = whiten_by_three(Sigma, partition=partition)
    assert result.flow.depth == 3
    assert result.error < 4 * EPS * np.sqrt(np.linalg.cond(Sigma))


def test_three_additive_layers_on_halves_far_apart():
    """Where all eigenvalues of the Schur complement but two, on both sides of 1, are 1."""
    Sigma = sympy.diag(1, 2, 1, 1, "1/2", 1)
    for partition in ((1, 5), (2, 4), [1, 0, 0, 0, 0, 0]):
        result = whiten_by_three(Sigma, partition=partition)
        assert result.is_additive
        assert result.error < 10 * EPS
        assert gaussian_depth(Sigma, partition=partition).upper <= 3


def test_nearly_equal_levels():
    """Half of the eigenvalues 1, half 10^6: S and G are alike, and the cycle of levels constant."""
    rng = np.random.default_rng(7)
    for d in (4, 8, 16, 16, 32, 32, 32):
        Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
        Sigma = Q * np.where(np.arange(d) < d // 2, 1, 1e6) @ Q.T
        result = whiten_by_three((Sigma + Sigma.T) / 2)
        assert result.error < 1e5 * EPS


def test_nearly_singular_correlations():
    """All correlations 1 - 10^-6: most singular values lie close together, far below the first."""
    result = whiten_by_three(np.ones((32, 32)) + 1e-6 * np.eye(32))
    assert result.error < 1000 * EPS * np.sqrt(3.2e7)


def test_rational_input_is_taken_exactly():
    third = sympy.Rational(1, 3)
    Sigma = sympy.eye(4) + third * sympy.ones(4, 4)
    result = whiten_by_three(Sigma)
    Q = result.flow.matrix()
    assert result.error == max(map(abs, Q * Sigma * Q.T - sympy.eye(4)))
    assert result.error < 10 * EPS
    assert result.evidence is Evidence.CERTIFIED
    assert whiten_by_three(Sigma.tolist()).error == result.error


@pytest.mark.parametrize("d", [2, 5])
def test_covariances_of_any_scale(d):
    """Powers of 4 cost no digit: the layers are the same, but for a power of 2."""
    Sigma = wishart(d, 12)
    plain = whiten_by_three(Sigma)
    for exponent in (-1000, 500, 1000):
        scaled = whiten_by_three(np.ldexp(Sigma, exponent))
        assert scaled.error == plain.error
        assert scaled.generator_error == plain.generator_error * sympy.Integer(2) ** exponent
        white = scaled.forward(np.ldexp(np.ones(d), exponent // 2))
        np.testing.assert_allclose(white, plain.forward(np.ones(d)), rtol=1e-12, atol=1e-12)
    for exponent in (-1060, 1019):
        assert whiten_by_three(np.ldexp(Sigma, exponent)).error < 1e-13


def test_refuses():
    with pytest.raises(InvalidInputError, match="differ by at most two for three layers"):
        whiten_by_three(wishart(5, 12), partition=(1, 4))
    with pytest.raises(MethodError, match="scale the coordinates"):
        whiten_by_three(np.diag(10.0 ** np.arange(-150, 150, 30)))
