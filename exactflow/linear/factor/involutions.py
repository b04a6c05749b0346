"""Signed permutations as products of two similar involutions, computed in linear time.

Main results
------------
A signed permutation Theta of determinant 1 is reversed by an involution K, K Theta K = Theta^-1,
that is similar to the involution K Theta: (K Theta) g = g K for an invertible integer matrix g, and
(K - I) g^-1 is an integer matrix, too. K fixes the last coordinate.

On a cycle f_i = Theta^i f_0 of length m, Theta^m f_0 = sigma f_0, let K f_i = eps f_-i, and let
tau = eps sigma. Then K swaps f_i and f_(m-i), and K Theta swaps f_(i-1) and f_(m-i), with one sign
tau: g may carry the one pair to the other. Besides, K fixes f_0 with sign eps and, for even m,
f_(m/2) with sign tau; K Theta fixes the middle of an odd cycle with sign tau, or swaps the middle
two vectors of an even cycle with sign tau. The traces of K and K Theta differ, by 2 eps, on
the cycles with (-1)^m = sigma; these are evenly many, for det Theta = 1, and every other one gets
eps = -1. Then g carries f_0 to a fixed vector of the same sign, or f_(m/2) and an f_0 of the other
sign, from this cycle or another, to f_(m/2-1) + f_(m/2) and their difference, up to signs; the
fractions 1/2 in the inverse of this part of g cancel in (K - I) g^-1.

How it is checked
-----------------
*Exact*, by the tests on samples, and by the composition of the layers that are made from it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from exactflow.exact.signed_permutation import cycle_of_last_index_then_others


class CooMatrix(NamedTuple):
    """A sparse matrix: entry k adds `values[k]` at row `rows[k]` and column `columns[k]`."""

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray

    @classmethod
    def sum_of(cls, parts: Iterable[Sequence]) -> "CooMatrix":
        """Return the sum of matrices, each given as (rows, columns, values)."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def __neg__(self) -> "CooMatrix":
        return CooMatrix(self.rows, self.columns, -self.values)

    def select_entries(self, chosen: np.ndarray | slice) -> "CooMatrix":
        """Return the matrix with only the chosen entries; `chosen` is a slice or an array of
        booleans.
        """
        return CooMatrix(self.rows[chosen], self.columns[chosen], self.values[chosen])

    def multiply_left(self, left: "SignedPermutation") -> "CooMatrix":
        """Return the product of `left` and this matrix."""
        return CooMatrix(left.rows[self.rows], self.columns, left.signs[self.rows] * self.values)

    def multiply_left_and_right_transposed(
        self, left: "SignedPermutation", right: "SignedPermutation"
    ) -> "CooMatrix":
        """Return the product of `left`, this matrix and the transpose of `right`."""
        return self.multiply_left(left).multiply_right_transposed(right)

    def multiply_right_transposed(self, right: "SignedPermutation") -> "CooMatrix":
        """Return the product of this matrix and the transpose of `right`."""
        return self.T.multiply_left(right).T

    @property
    def T(self) -> "CooMatrix":
        """The transpose."""
        return CooMatrix(self.columns, self.rows, self.values)


class SignedPermutation(NamedTuple):
    """A signed permutation matrix: column j is `signs[j]` times the unit vector `rows[j]`."""

    rows: np.ndarray
    signs: np.ndarray

    @property
    def T(self) -> "SignedPermutation":
        """The transpose, which is the inverse."""
        result = SignedPermutation(np.empty_like(self.rows), np.empty_like(self.signs))
        result.rows[self.rows], result.signs[self.rows] = np.arange(len(self.rows)), self.signs
        return result

    def __matmul__(self, other: "SignedPermutation") -> "SignedPermutation":
        return SignedPermutation(self.rows[other.rows], self.signs[other.rows] * other.signs)

    def scale_columns(self, signs: np.ndarray) -> "SignedPermutation":
        """Return this matrix with column j multiplied by ``signs[j]``."""
        return SignedPermutation(self.rows, self.signs * signs)

    @property
    def entries(self) -> CooMatrix:
        """The same matrix as a `CooMatrix`."""
        return CooMatrix(self.rows, np.arange(len(self.rows)), self.signs)


class ReversingInvolution(NamedTuple):
    """An involution K with K Theta K = Theta^-1, and a matrix g with (K Theta) g = g K.

    The columns of `vectors` are the f_i, cycle after cycle; K, g and Z = (K - I) g^-1 are matrices
    in this basis. The matrices g S and S Z, S = diag(s), can replace g and Z for any signs s that
    are constant on each sign class: ``s[sign_classes[k]] == s[k]``. A class is named by one of its
    coordinates.
    """

    vectors: SignedPermutation
    K: SignedPermutation
    g: CooMatrix
    Z: CooMatrix
    sign_classes: np.ndarray


def find_reversing_involution_fixing_last(theta: SignedPermutation) -> ReversingInvolution:
    """Return an involution K that fixes the last coordinate, with K Theta K = Theta^-1, and the
    matrices g and Z of `ReversingInvolution`. Theta has determinant 1.
    """
    cycles = cycle_of_last_index_then_others(theta.rows.tolist())
    line = np.array([i for cycle in cycles for i in cycle])
    lengths = np.array([len(cycle) for cycle in cycles])
    starts = np.cumsum(lengths) - lengths
    steps = theta.signs[line]
    signs = np.cumprod(steps) * steps
    sigma = np.multiply.reduceat(steps, starts)
    uneven = (-1) ** lengths == sigma
    eps = np.where(uneven & (np.cumsum(uneven) % 2 == 0), -1, 1)
    of_cycles = np.array([starts, signs[starts], lengths, eps, eps * sigma])
    start, first, length, eps, tau = np.repeat(of_cycles, lengths, axis=1)
    index = np.arange(len(line))
    place = index - start
    K = SignedPermutation(start + -place % length, np.where(place == 0, eps, tau))
    parts = _find_g_Z_and_sign_class_of_each_coordinate(place, length, eps, tau)
    return ReversingInvolution(SignedPermutation(line, signs * first), K, *parts)


def _find_g_Z_and_sign_class_of_each_coordinate(
    place_in_cycle: np.ndarray, cycle_length: np.ndarray, eps: np.ndarray, tau: np.ndarray
) -> tuple[CooMatrix, CooMatrix, np.ndarray]:
    """Return the matrices g and Z of a `ReversingInvolution` in the basis of its `vectors`, and the
    sign class of each coordinate.

    For each coordinate, `place_in_cycle` is its place in its cycle, `cycle_length` the length of
    this cycle, and `eps` and `tau` are the signs of this cycle in the module docstring.
    """
    place, length = place_in_cycle, cycle_length
    index = np.arange(len(place))
    swaps = (place > 0) & (2 * place < length)
    a, t = index[swaps], tau[swaps]
    b, c = a + (length - 2 * place)[swaps], a - 1
    one = np.ones_like(a)
    g = [(c, a, one), (b, b, one)]
    Z = [(a, c, -one), (a, b, t), (b, c, t), (b, b, -one)]
    sign_classes = index.copy()
    sign_classes[b] = a

    first, middle, half = place == 0, 2 * place == length - 1, 2 * place == length
    plus_images, minus_images = index[middle & (tau > 0)], index[middle & (tau < 0)]
    plus, plus_left = np.split(index[first & (eps > 0)], [len(plus_images)])
    minus, minus_left = np.split(index[first & (eps < 0)], [len(minus_images)])
    g += [(plus_images, plus, np.ones_like(plus)), (minus_images, minus, np.ones_like(minus))]
    Z += [(minus, minus_images, np.full_like(minus, -2))]

    plus_half, minus_half = index[half & (tau > 0)], index[half & (tau < 0)]
    a, b = np.append(plus_half, plus_left), np.append(minus_left, minus_half)
    d = np.append(plus_half, minus_half)
    c, t, one = d - 1, tau[d], np.ones_like(d)
    g += [(c, a, one), (d, a, t), (c, b, one), (d, b, -t)]
    Z += [(b, c, -one), (b, d, t)]
    return CooMatrix.sum_of(g), CooMatrix.sum_of(Z), sign_classes
