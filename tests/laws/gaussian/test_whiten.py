"""`whiten`: the layers whiten within their exact error, over tables of covariances."""

import mpmath
import numpy as np
import pytest
import sympy
from covariances import EPS, KINDS, exact, exact_error, wishart

from exactflow import whiten
from exactflow.errors import InvalidInputError, MethodError
from exactflow.flows.evidence import Evidence
from proofs.constructions.gaussian_depth import gaussian_depth


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [2, 7, pytest.param(16, marks=pytest.mark.slow)])
def test_the_flow_whitens_at_rounding_level(kind, d):
    Sigma = KINDS[kind](d)
    result = whiten(Sigma)
    assert result.flow.depth == 2
    assert result.flow.partition == (d // 2, d - d // 2)
    assert result.error < 4 * EPS * np.sqrt(np.linalg.cond(Sigma))
    if d < 5:
        assert result.error == exact_error(result, Sigma)


def test_nearly_singular_correlations():
    """All correlations 1 - 10^-6: most singular values lie close together, far below the first."""
    result = whiten(np.ones((32, 32)) + 1e-6 * np.eye(32))
    assert result.error < 4 * EPS * np.sqrt(3.2e7)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("d", [128, 129])
def test_large(kind, d):
    Sigma = KINDS[kind](d)
    result = whiten(Sigma)
    assert result.error < 20 * EPS * np.sqrt(np.linalg.cond(Sigma))


def test_rational_input_is_taken_exactly():
    third = sympy.Rational(1, 3)
    Sigma = sympy.eye(4) + third * sympy.ones(4, 4)
    result = whiten(Sigma)
    Q = result.flow.matrix()
    assert result.error == max(map(abs, Q * Sigma * Q.T - sympy.eye(4)))
    assert result.error < 10 * EPS
    assert result.evidence is Evidence.CERTIFIED
    assert whiten(Sigma.tolist()).error == result.error


def test_the_generator():
    Sigma = wishart(6, 20)
    result = whiten(Sigma)
    F = result.rounded_generator.matrix()
    difference = F * F.T - sympy.Matrix(6, 6, list(map(exact, Sigma.flat)))
    assert result.generator_error == max(map(abs, difference))
    assert result.generator_error < 10 * EPS * abs(Sigma).max()
    x = np.linspace(-1, 1, 6)
    assert np.allclose(result.rounded_generator(result.flow(x)), x, atol=1e-13)


def test_the_mean():
    rng = np.random.default_rng(0)
    data = rng.standard_normal((4, 4)) @ rng.standard_normal((4, 500)) + [[1], [2], [3], [4]]
    mean = data.mean(axis=1)
    result = whiten(np.cov(data), mean=mean)
    white = result.forward(data)
    assert np.allclose(np.cov(white), np.eye(4))
    assert np.allclose(white.mean(axis=1), 0)
    assert np.allclose(result.backward(white), data)
    assert np.allclose(result.forward(mean), 0)
    exactly = whiten([[2, 1], [1, 2]], mean=[1, "1/2"])
    assert exactly.forward([1, "1/2"]) == sympy.zeros(2, 1)
    assert exactly.backward([0, 0]) == sympy.Matrix([1, sympy.Rational(1, 2)])


def test_the_mean_is_subtracted_at_the_precision_of_mpmath():
    result = whiten([[2, 1], [1, 2]], mean=["1/3", "1/7"])
    with mpmath.workdps(50):
        third, seventh = mpmath.mpf(1) / 3, mpmath.mpf(1) / 7
        for x in ([third, seventh], mpmath.matrix([[third] * 2, [seventh] * 2])):
            assert max(map(abs, np.ravel(result.forward(x)))) < 1e-49
        assert result.backward([mpmath.mpf(0)] * 2) == [third, seventh]


@pytest.mark.parametrize("partition", [(2, 3), (3, 2), [0, 1, 0, 1, 1], [1, 1, 0, 0, 1]])
def test_partitions(partition):
    Sigma = wishart(5, 12)
    result = whiten(Sigma, partition=partition)
    assert result.error < 20 * EPS
    assert result.error == exact_error(result, Sigma)
    assert np.allclose(result.rounded_generator(result.flow(np.ones(5))), np.ones(5))


@pytest.mark.parametrize(("partition", "found"), [((4, 6), True), ((6, 4), True), ((1, 4), False)])
def test_halves_far_apart(partition, found):
    Sigma = wishart(sum(partition), 22)
    if found:
        assert whiten(Sigma, partition=partition).error < 50 * EPS
    else:
        with pytest.raises(MethodError, match=r"Ledermann.*at most one.*gaussian_depth"):
            whiten(Sigma, partition=partition)


@pytest.mark.parametrize("partition", [(1, 4), (4, 1)])
def test_the_refusal_of_halves_far_apart_counts(partition):
    """On halves of 1 and 4, rank 1 less a diagonal is 3 * 4 / 2 = 6 conditions on a 4 x 4."""
    p, q = partition
    with pytest.raises(MethodError) as caught:
        whiten(wishart(5, 22), partition=partition)
    assert str(caught.value) == (
        f"no two layers on halves ({p}, {q}) were found. They exist only if the larger half of the "
        "covariance, or of its inverse, minus a diagonal matrix has rank 1; for a generic matrix "
        "this requires (q - p) (q - p + 1) / 2 = 6 <= 4 (Ledermann), a necessary condition. Use "
        "halves whose sizes differ by at most one, for which two layers always exist; for a "
        "difference of two the script gaussian_depth constructs three"
    )


MEANS = [
    ([1], "mean: expected vectors of 2 entries.*got vectors of 1 entries"),
    ([1, 2, 3], "mean: expected vectors of 2 entries.*got vectors of 3 entries"),
    (np.ones((2, 2)), "one column of 2 numbers, got 2 columns"),
    (np.ones((1, 2)), "mean: expected vectors of 2 entries"),
    ([np.nan, 0], "mean: .*finite number, got nan"),
    ([1j, 0], "mean: .*got complex"),
    (np.array([1j, 0]), "mean: .*got one of dtype complex128"),
    ([sympy.sqrt(2), 0], "mean of rational numbers or floats, got entries in"),
    ([10**400, 0], "range of float64"),
    (3, "mean: expected a SymPy matrix"),
    ("12", "mean: expected a sequence of numbers"),
]


@pytest.mark.parametrize(("mean", "words"), MEANS)
def test_bad_means(mean, words):
    with pytest.raises(InvalidInputError, match=words):
        whiten(np.eye(2), mean=mean)


def test_masked_covariances():
    Sigma = np.ma.masked_array([[2.0, 1.0], [1.0, 2.0]])
    assert whiten(Sigma).error == whiten(Sigma.data).error
    Sigma.mask = [[0, 1], [1, 0]]
    with pytest.raises(InvalidInputError, match=r"entry \(0, 1\)"):
        whiten(Sigma)


@pytest.mark.parametrize(
    "mean", [[1, 2], np.array([1.0, 2]), np.array([[1], [2]]), sympy.Matrix([1, 2]), ["1", "4/2"]]
)
def test_means(mean):
    result = whiten(np.eye(2), mean=mean)
    assert result.bias.tolist() == [-1, -2]
    assert result.forward([1, 2]) == sympy.zeros(2, 1)


NAN = np.full((2, 2), np.nan)
BAD = [
    ([[2, 1], ["1/2", 2]], r"entries \(0, 1\) and \(1, 0\) differ by 1/2"),
    (np.array([[1.0, 0.5], [0.5 + 1e-12, 1]]), "differ by 1e-12"),
    ([[1, 2], [2, 1]], "leading 2 x 2 minor is -3"),
    ([[1, 1], [1, 1]], "leading 2 x 2 minor is 0"),
    ([[0, 0], [0, 1]], "leading 1 x 1 minor is 0"),
    (-np.eye(3), "leading 1 x 1 minor is -1"),
    (np.diag([1.0] * 69 + [-2]), "eigenvalue of about -2:"),
    (np.ones((3, 3)), "leading 2 x 2 minor is 0: .*more samples than"),
    (np.eye(2) * 1j, "complex128"),
    ([[1, 0, 0], [0, 1, 0]], r"2 x 3: the covariance of data x, .* is numpy\.cov\(x\.T\)"),
    ([[1]], "at least two"),
    (NAN, "nan"),
    (np.array([[1, np.inf], [np.inf, 1]]), "inf"),
    ([[sympy.sqrt(2), 0], [0, 1]], "rational numbers or floats"),
    (np.array([[1e-300, 1e300], [1e300, 1e-10]]), r"leading 2 x 2 minor is about -1.0e\+600"),
    ([[1, sympy.Rational(10**400, 3000001)], [0, 1]], r"differ by 3.3e\+393"),
]


@pytest.mark.parametrize(("Sigma", "words"), BAD)
def test_bad_covariances(Sigma, words):
    with pytest.raises(InvalidInputError, match=words):
        whiten(Sigma)


@pytest.mark.parametrize("partition", [(1, 3), (3, 1), (1, 6), [0, 0, 1, 0, 0]])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_one_factor(partition, is_inverted):
    """Halves (1, q), Sigma22 or the block of the precision a diagonal and a matrix of rank one."""
    d = len(partition) if len(partition) > 2 else sum(partition)
    single = list(partition).index(1) if len(partition) > 2 else (0 if partition[0] == 1 else d - 1)
    rng = np.random.default_rng(d)
    loadings = rng.standard_normal(d)
    Sigma = np.diag(rng.uniform(0.5, 2, d)) + np.outer(loadings, loadings)
    Sigma[single] /= 3
    Sigma[:, single] /= 3
    Sigma[single, single] = 10
    Sigma = np.linalg.inv(Sigma) if is_inverted else Sigma
    Sigma = (Sigma + Sigma.T) / 2
    assert whiten(Sigma, partition=partition).error < 20 * EPS


def test_one_factor_exists_or_not():
    """Searches end where they must on halves (1, 3), where two layers are decided."""
    for seed in range(12):
        Sigma = wishart(4, 12, seed)
        exist = gaussian_depth(Sigma, scales="positive", partition=(1, 3)).upper == 2
        if exist:
            assert whiten(Sigma, partition=(1, 3)).error < 1e-13
        else:
            with pytest.raises(MethodError, match="rank 1"):
                whiten(Sigma, partition=(1, 3))


@pytest.mark.parametrize("d", [2, 5])
def test_covariances_of_any_scale(d):
    """Powers of 4 cost no digit: the layers are the same, but for a power of 2."""
    Sigma = wishart(d, 12)
    plain = whiten(Sigma)
    for exponent in (-1000, 500, 1000):
        scaled = whiten(np.ldexp(Sigma, exponent))
        assert scaled.error == plain.error
        assert scaled.generator_error == plain.generator_error * sympy.Integer(2) ** exponent
        white = scaled.forward(np.ldexp(np.ones(d), exponent // 2))
        np.testing.assert_allclose(white, plain.forward(np.ones(d)), rtol=1e-12, atol=1e-12)
    for exponent in (-1060, 1019):
        assert whiten(np.ldexp(Sigma, exponent)).error < 1e-13


@pytest.mark.parametrize("place", [0, 1])
def test_a_variance_below_floats_is_said_to_be_so(place):
    tiny = sympy.Rational(1, 10**400)
    entries = [tiny if i == place else 1 for i in range(2)]
    with pytest.raises(InvalidInputError, match=rf"10\^-323 at coordinate {place}: scale"):
        whiten([[entries[0], 0], [0, entries[1]]])
    with pytest.raises(InvalidInputError, match=r"below 10\^-323 at coordinate 0: scale"):
        whiten([[tiny, tiny / 2], [tiny / 2, tiny]])


def test_correlations_singular_up_to_rounding():
    with pytest.raises(MethodError, match="singular up to rounding"):
        whiten([[1, 1], [1, sympy.Rational(10**20 + 1, 10**20)]])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("variances", [[1e308, 5e-324], [1e308, 1e308, 5e-324]])
def test_variances_too_far_apart_for_floats_are_refused(variances):
    with pytest.raises(MethodError, match="scale the coordinates to unit variance"):
        whiten(np.diag(variances))
