"""Exact balanced layers: the product equals the matrix, and the entries are those of the floats."""

import numpy as np
import pytest
import sympy
from matrices import POSITIVE
from sympy import GF, QQ, ZZ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, factor, random_matrix, verify
from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.floats.balancing import balance
from exactflow.linear.factor.exact_balanced import (
    LARGEST_DIMENSION,
    balanced_layers,
    balanced_shifts,
)

NEAR_SCALAR = {  # every short float solution is nearly singular
    "identity d=8",
    "minus identity",
    "diag(-I_4, I_4)",
    "signed swap of halves",
    "single lower shear",
    "single upper shear",
    "scalar commutator",
}


def blocks(M) -> linalg.Blocks:
    matrix = as_matrix(M).to_dense()
    return linalg.split(matrix, matrix.shape[0] // 2)


def rotation(d: int, bits: int) -> np.ndarray:
    """A rotation, rounded to a multiple of 2^-bits."""
    Q = np.linalg.qr(np.random.default_rng(d).standard_normal((d, d)))[0]
    Q *= np.where(np.arange(d) == 0, np.sign(np.linalg.det(Q)), 1)
    return np.ldexp(np.rint(np.ldexp(Q, bits)), -bits)


@pytest.mark.parametrize("name", sorted(set(POSITIVE) - {"huge entry", "huge determinant"}))
def test_every_matrix(name):
    layers = balanced_layers(blocks(POSITIVE[name]), QQ.from_sympy(POSITIVE[name].det()))
    if layers is None:
        assert name in NEAR_SCALAR
    else:
        assert verify(CouplingFlow(layers), POSITIVE[name]).flow.depth == 6
        assert all(s > 0 for layer in layers for s in layer.scale)


@pytest.mark.parametrize("d", [2, 4, 8, 12])
def test_entries_are_those_of_the_float_solution(d):
    W = rotation(d, 8)
    split = blocks(W)
    layers = balanced_layers(split, linalg.join(split).det())
    assert verify(CouplingFlow(layers), W).flow.depth == 6
    assert max(layer.magnitude for layer in layers) < 3 * balance(W).magnitude


def test_shifts_have_the_word_that_is_claimed():
    M = random_matrix(6, bits=2, seed=1)
    M[3, :] = M[3, :] / M.det()
    shifts = balanced_shifts(blocks(M))
    product = sympy.eye(6)
    for i, T in enumerate(shifts):
        factor = sympy.eye(6)
        if i % 2:
            factor[:3, 3:] = T.to_Matrix()
        else:
            factor[3:, :3] = T.to_Matrix()
        product *= factor
    assert product == M


def test_beyond_the_largest_dimension():
    with pytest.raises(MethodError, match="bits"):
        balanced_layers(blocks(sympy.eye(LARGEST_DIMENSION + 2)), QQ(1))


def test_other_fields():
    one = DomainMatrix.eye(4, GF(7)).to_dense()
    with pytest.raises(InvalidInputError, match="rational"):
        balanced_layers(linalg.split(one, 2), GF(7)(1))


def test_words_of_the_door():
    with pytest.raises(InvalidInputError, match="rational entries for method='balanced'"):
        factor(DomainMatrix([[1, 1], [0, 1]], (2, 2), ZZ).convert_to(GF(7)), method="balanced")
    with pytest.raises(InvalidInputError, match="rational entries for method='balanced'"):
        factor([[sympy.sqrt(2), 1], [1, sympy.sqrt(2)]], method="balanced")
    with pytest.raises(MethodError, match="block swaps"):
        factor(POSITIVE["signed swap of halves"], method="balanced")


@pytest.mark.parametrize("exponent", [-200, 200])
def test_multiples_of_a_rotation_far_from_one(exponent):
    W = sympy.Matrix(rotation(4, 8).tolist()).applyfunc(sympy.Rational)
    W = W * sympy.Integer(10) ** exponent
    assert factor(W, method="balanced").depth == 6
