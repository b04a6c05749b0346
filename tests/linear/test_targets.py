"""Targets are the matrices that they say."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from exactflow import (
    append_swap,
    cayley_rotation,
    circulant,
    conv1x1,
    permutation,
    random_matrix,
    toeplitz,
)
from exactflow.errors import InvalidInputError
from exactflow.proving.strategies import permutations


@given(permutations())
def test_permutation(perm):
    x = sympy.Matrix(range(100, 100 + len(perm)))
    assert list(permutation(perm) * x) == [x[i] for i in perm]
    assert permutation(perm) == sympy.Matrix(np.eye(len(perm), dtype=int)[perm])
    assert permutation(np.array(perm)) == permutation(perm)


def test_a_large_permutation_is_sparse():
    M = permutation(range(19_999, -1, -1))
    assert M.shape == (20_000, 20_000)
    assert M.to_DM().nnz() == 20_000


def test_conv1x1():
    weight = np.array([[0.1, 2], [-1, 0]], dtype=np.float32)
    expected = sympy.Matrix([[sympy.Rational(*np.float32(0.1).as_integer_ratio()), 2], [-1, 0]])
    for shape in ((2, 2), (2, 2, 1), (2, 2, 1, 1)):
        assert conv1x1(weight.reshape(shape)) == expected


def test_toeplitz_and_circulant():
    column, row = [1, 2, 3, 4], [1, "1/2", 0, 5]
    T = toeplitz(column, row)
    C = circulant(column)
    for i in range(4):
        for j in range(4):
            assert T[i, j] == (column[i - j] if i >= j else sympy.Rational(row[j - i]))
            assert C[i, j] == column[(i - j) % 4]
    assert toeplitz(column).is_lower
    t = sympy.Symbol("t")
    assert toeplitz([1, t]) == sympy.Matrix([[1, 0], [t, 1]])


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ([1, 2], [1, sympy.sqrt(3)]),
        ([1, sympy.Symbol("t")], [1, sympy.sqrt(3)]),
        ([sympy.Symbol("t"), 1], [sympy.Symbol("t"), sympy.Symbol("s")]),
        (["1/2", sympy.I], [0.5, sympy.sqrt(2)]),
    ],
)
def test_toeplitz_of_a_column_and_a_row_over_two_fields(column, row):
    expected = sympy.Matrix([[column[0], row[1]], [column[1], column[0]]]).applyfunc(
        sympy.nsimplify
    )
    assert toeplitz(column, row) == expected


@given(st.lists(st.fractions(max_denominator=9), min_size=6, max_size=6))
def test_rotation(values):
    K = sympy.zeros(4, 4)
    places = [(i, j) for i in range(4) for j in range(i)]
    for value, place in zip(values, places, strict=True):
        K[place] = sympy.Rational(value.numerator, value.denominator)
    R = cayley_rotation(K - K.T)
    assert R * R.T == sympy.eye(4)
    assert R.det() == 1


@pytest.mark.parametrize("d", [1, 2, 5])
def test_random_matrix(d):
    assert random_matrix(d, bits=6, seed=1) == random_matrix(d, bits=6, seed=1)
    assert random_matrix(d, bits=6, seed=1) != random_matrix(d, bits=6, seed=2)
    for seed in range(20):
        M = random_matrix(d, bits=2, seed=seed)
        assert M.det() > 0
        assert all(abs(entry) <= 3 for entry in M)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: permutation([0, 0, 2]), "0 twice .* 1 not at all"),
        (lambda: permutation([0, 3]), r"perm\[1\] = 3"),
        (lambda: permutation([-1, 0]), r"perm\[0\] = -1"),
        (lambda: permutation([0.0, 1.0]), "integers"),
        (lambda: permutation([True, False]), "integers"),
        (lambda: permutation(5), "sequence"),
        (lambda: permutation({0, 1}), "sequence"),
        (lambda: permutation("10"), "sequence"),
        (lambda: circulant("12"), "sequence"),
        (lambda: toeplitz({1, 2}), "sequence"),
        (lambda: append_swap([[0, 1], [1, 0]], p=-1), "argument p to be an integer from 0 to 2"),
        (lambda: append_swap([[0, 1], [1, 0]], p=3), "argument p to be an integer from 0 to 2"),
        (lambda: append_swap([[0, 1], [1, 0]], p=1.0), "argument p to be an integer from 0 to 2"),
        (lambda: random_matrix(2, seed=None), "seed"),
        (lambda: random_matrix(2, seed=1.5), "seed"),
        (lambda: permutation([]), "empty"),
        (lambda: conv1x1(np.zeros((2, 2, 3, 3))), "larger kernel"),
        (lambda: conv1x1(np.zeros((2, 3, 1, 1))), "square"),
        (lambda: toeplitz([1, 2], [3, 4]), "equal first entries"),
        (lambda: toeplitz([1, 2], [1]), "equal length"),
        (lambda: circulant([]), "empty"),
        (lambda: cayley_rotation([[0, 1], [1, 0]]), "skew"),
        (lambda: cayley_rotation([[1]]), "skew"),
        (lambda: random_matrix(0), "argument d to be an integer >= 1"),
        (lambda: random_matrix(2, bits=0), "argument bits to be an integer >= 1"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()
