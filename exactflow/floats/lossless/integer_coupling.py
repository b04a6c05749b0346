"""A coupling of integer vectors. Its shift is computed exactly in float64, then rounded.

Main results
------------
For every T, ``moved + floor(T kept + 1/2)`` is a bijection of Z^d: `kept` is unchanged, so the
shift can be subtracted again. Let the entries of T be multiples of 2^-b, b >= 1, and |kept| <= r
with

    2^b (r max_i sum_j |T_ij| + 2) <= 2^53.

Then, in every order of summation, each partial sum of T kept and of T kept + 1/2 is a multiple of
2^-b of at most 2^53 units, which float64 represents: only ``floor`` rounds. So the shift has the
same bits with every BLAS, any number of threads, and on a GPU, if products of float64 matrices are
sums of products of their entries in IEEE arithmetic, fused or not. (Strassen's algorithm, which
adds entries first, and hardware that imitates float64 are excluded.)

If b is too large for r, T is split into a sum of parts, the coarsest first; each part obeys the
bound. Only the fraction of a partial sum is passed to the next part, since floor(i + z + 1/2) =
i + floor(z + 1/2) for an integer i. So the map does not depend on the split.

How it is checked
-----------------
*Exact*: the constructor of a layer compares integers with the bound. The tests compare the map with
arithmetic in Python's integers.
"""

from dataclasses import dataclass
from functools import cached_property
from math import frexp

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.exact.typing import Half

LARGEST = 2**52
MOST_PARTS = 8


@dataclass(frozen=True, eq=False)
class FixedPointMatrix:
    """The matrix 2^-bits * `integers`, with int64 integers; `bits` >= 1 is as small as possible."""

    integers: np.ndarray
    bits: int

    @staticmethod
    def from_nearest_multiples(T: np.ndarray, fractional_bits: int) -> "FixedPointMatrix":
        """Return the multiples of 2^-`fractional_bits` nearest to the entries of T, as a matrix."""
        integers = np.rint(np.ldexp(T, fractional_bits)).astype(np.int64)
        used = int(np.bitwise_or.reduce(integers, axis=None)) | 1 << (fractional_bits - 1)
        zeros = (used & -used).bit_length() - 1
        integers = integers >> zeros
        integers.flags.writeable = False
        return FixedPointMatrix(integers, fractional_bits - zeros)

    @cached_property
    def float_matrix(self) -> np.ndarray:
        """The fixed-point matrix in float64, without rounding."""
        entries = np.ldexp(self.integers.astype(float), -self.bits)
        entries.flags.writeable = False
        return entries

    @cached_property
    def largest_exact_input(self) -> int:
        """The largest absolute value, up to 2^52, of integer inputs whose products with the matrix
        are exact by the bound of the module docstring.
        """
        largest = max(map(sum, np.abs(self.integers).tolist()))
        return min(LARGEST, (2**53 - (2 << self.bits)) // max(largest, 1))


@dataclass(frozen=True, eq=False)
class IntegerCoupling:
    """The layer that replaces the half `moved` by ``moved + floor(T kept + 1/2)``, for the other
    half `kept`, on columns of integers stored in float64.

    Attributes
    ----------
    moves : the half that the layer moves.
    parts : fixed-point matrices whose sum is T, the coarsest first.
    """

    moves: Half
    parts: tuple[FixedPointMatrix, ...]

    @staticmethod
    def from_shift_split_for_exact_products(
        moves: Half, T: np.ndarray, fractional_bits_of_T: int, largest_kept_entry: int
    ) -> "IntegerCoupling":
        """Return the layer with the shift T, split into parts whose float64 products are exact.

        Parameters
        ----------
        moves : the half that the layer moves.
        T : a matrix of multiples of 2^-fractional_bits_of_T.
        largest_kept_entry : the largest absolute value of an entry of the half that is kept.

        Raises
        ------
        InvalidInputError
            More than eight parts would be needed.

        Examples
        --------
        >>> T = np.array([[0.5 + 2.0**-40]])
        >>> split = IntegerCoupling.from_shift_split_for_exact_products
        >>> [len(split("first", T, 40, 2**k).parts) for k in (10, 20)]
        [1, 2]
        """
        parts: list[FixedPointMatrix] = []
        rest = T
        for _ in range(MOST_PARTS):
            last = FixedPointMatrix.from_nearest_multiples(rest, fractional_bits_of_T)
            if last.largest_exact_input >= largest_kept_entry:
                return IntegerCoupling(moves, (*parts, last))
            product = float(np.abs(rest).sum(axis=1).max()) * largest_kept_entry
            coarser = (
                FixedPointMatrix.from_nearest_multiples(rest, b)
                for b in range(54 - frexp(product)[1], 0, -1)
            )
            leading = next(
                (part for part in coarser if part.largest_exact_input >= largest_kept_entry), None
            )
            if leading is None:
                break
            parts.append(leading)
            rest = rest - leading.float_matrix
        raise InvalidInputError(
            f"a layer would need more than {MOST_PARTS} exact float64 products "
            f"(bits={fractional_bits_of_T}, inputs up to {largest_kept_entry}, "
            f"{T.shape[1]} summands): lower the argument bits or limit"
        )

    @cached_property
    def largest_exact_input(self) -> int:
        """The largest absolute value of integers in the kept half for which all sums are exact."""
        return min(part.largest_exact_input for part in self.parts)

    @cached_property
    def float_shift(self) -> np.ndarray:
        """The shift T in float64, without rounding."""
        shift: np.ndarray = np.sum([part.float_matrix for part in self.parts], axis=0)
        shift.flags.writeable = False
        return shift

    def rounded_shift(self, kept: np.ndarray) -> np.ndarray:
        """Return floor(T kept + 1/2), for the columns `kept` of integers stored in float64. No
        absolute value of an integer may exceed `largest_exact_input`.
        """
        first, *others = self.parts
        value, whole = first.float_matrix @ kept, None
        for part in others:
            integers = np.floor(value)
            whole = integers if whole is None else whole + integers
            value -= integers  # keeps only the fraction, so that the sum with a finer part is exact
            value += part.float_matrix @ kept
        value += 0.5
        np.floor(value, out=value)
        return value if whole is None else value + whole
