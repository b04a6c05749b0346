"""One table of matrices that every method must pass, under every ground type."""

from fractions import Fraction
from math import comb

import numpy as np
import sympy
from sympy import QQ, diag, eye, zeros

from exactflow import cayley_rotation, circulant, permutation, random_matrix, toeplitz
from exactflow.exact import linalg


def matrix(rows, field=QQ):
    """Return rows of numbers as a dense matrix over a field."""
    entries = [[field.convert(x) for x in row] for row in rows]
    return linalg.from_entries(entries, (len(rows), len(rows[0])), field)


def blocks(A, B, C, D):
    """Return the matrix with four blocks, given as SymPy matrices."""
    return sympy.Matrix([[A, B], [C, D]])


def pascal(d):
    """Symmetric Pascal matrix: determinant 1."""
    return sympy.Matrix(d, d, lambda i, j: comb(int(i + j), int(i)))


def hilbert(d):
    """Hilbert matrix: tiny positive determinant."""
    return sympy.Matrix(d, d, lambda i, j: sympy.Rational(1, i + j + 1))


def vandermonde(d):
    """Vandermonde matrix of 1, 2, .., d: positive determinant."""
    return sympy.Matrix(d, d, lambda i, j: (i + 1) ** j)


def hadamard(d):
    """Hadamard matrix of order d, a power of two."""
    return sympy.Matrix(d, d, lambda i, j: (-1) ** (int(i) & int(j)).bit_count())


def frank(d):
    """Frank matrix: upper Hessenberg, determinant 1."""
    return sympy.Matrix(d, d, lambda i, j: d - max(i, j) if j >= i - 1 else 0)


def rotation(d, seed=None):
    """Rotation matrix of floats, uniformly distributed; the seed is d by default."""
    Q = np.linalg.qr(np.random.default_rng(d if seed is None else seed).standard_normal((d, d)))[0]
    return Q * np.where(np.arange(d) == 0, np.sign(np.linalg.det(Q)), 1)


one, zero = eye(2), zeros(2)
nilpotent = sympy.Matrix([[0, 1], [0, 0]])
jordan = sympy.Matrix([[2, 1], [0, 2]])
HUGE = 10**5000

POSITIVE = {
    "identity d=2": eye(2),
    "identity d=8": eye(8),
    "minus identity": -eye(4),
    "scaled identity": eye(4) * sympy.Rational(2, 3),
    "diag(-I, I)": diag(-one, one),
    "diag(I, -I)": diag(one, -one),
    "diag(-I_4, I_4)": diag(-eye(4), eye(4)),
    "half-turn d=2": -eye(2),
    "quarter-turn d=2": sympy.Matrix([[0, -1], [1, 0]]),
    "zero diagonal d=2": sympy.Matrix([[0, -2], [Fraction(1, 3), 0]]),
    "diag(2, 1/2) d=2": diag(2, sympy.Rational(1, 2)),
    "negative diagonal d=2": diag(-3, -5),
    "swap of halves": blocks(zero, one, one, zero),
    "signed swap of halves": blocks(zero, -one, one, zero),
    "single lower shear": blocks(one, zero, jordan, one),
    "single upper shear": blocks(one, jordan, zero, one),
    "scaled layer": blocks(diag(2, 3), jordan, zero, one),
    "two scaled layers": blocks(diag(2, 3), jordan, zero, one) * diag(1, 1, 5, 7),
    "two shears": blocks(one, jordan, zero, one) * blocks(one, zero, jordan, one),
    "three shears": blocks(one, jordan, zero, one)
    * blocks(one, zero, nilpotent, one)
    * blocks(one, jordan.T, zero, one),
    "four singular blocks": blocks(-nilpotent, nilpotent.T, nilpotent.T, nilpotent),
    "A singular, D zero": blocks(nilpotent, one, -one, zero),
    "B and C singular": blocks(one, nilpotent, nilpotent, jordan),
    "block diagonal": diag(jordan, jordan.inv().T * 3),
    "block diagonal, derogatory": diag(2, 2, 2, 3, 3, 3),
    "scalar commutator": diag(eye(3) * 2, eye(3) / 2),
    "repeated eigenvalues": diag(jordan, one) + blocks(zero, nilpotent, nilpotent, zero),
    "3-cycle on one half": permutation([0, 1, 2, 4, 5, 3]),
    "reversal d=4": permutation([3, 2, 1, 0]),
    "even permutation d=8": permutation([3, 0, 1, 4, 5, 2, 7, 6]),
    "huge entry": sympy.Matrix([[1, HUGE, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]),
    "huge determinant": diag(HUGE, 1, 1, sympy.Rational(1, 3)),
    "tiny determinant": diag(1, 1, 1, sympy.Rational(1, HUGE)) * random_matrix(4, seed=5),
    "needs six": blocks(
        diag(1, 1, sympy.Rational(1, 15), sympy.Rational(1, 4)),
        zeros(4),
        diag(1, 1, 0, 0),
        diag(2, 2, 3, 5),
    ),
    "Pascal d=8": pascal(8),
    "Hilbert d=6": hilbert(6),
    "Vandermonde d=6": vandermonde(6),
    "Hadamard d=4": hadamard(4),
    "Hadamard d=8": hadamard(8),
    "Frank d=8": frank(8),
    "Toeplitz d=6": toeplitz([1, "1/2", "1/3", 0, 0, 0], [1, "-1/4", 2, 0, 0, 0]),
    "circulant d=6": circulant([3, 1, 0, 0, 0, 1]),
    "rotation d=4": cayley_rotation([[0, 1, 2, 0], [-1, 0, 0, 3], [-2, 0, 0, 1], [0, -3, -1, 0]]),
    "random d=2": random_matrix(2, seed=1),
    "random d=4": random_matrix(4, seed=1),
    "random d=10": random_matrix(10, bits=8, seed=2),
    "random d=16": random_matrix(16, seed=3),
}

NEGATIVE = {
    "reflection d=2": diag(1, -1),
    "reflection of coordinate 0": diag(-1, 1, 1, 1),
    "four singular blocks": blocks(nilpotent, nilpotent.T, nilpotent.T, nilpotent),
    "transposition": permutation([1, 0, 2, 3]),
    "odd permutation d=8": permutation([1, 2, 3, 4, 5, 6, 7, 0]),
    "negative random d=6": diag(-1, 1, 1, 1, 1, 1) * random_matrix(6, seed=4),
}
