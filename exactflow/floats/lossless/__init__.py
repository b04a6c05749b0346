"""Lossless couplings: bijections of integer vectors near any linear layer of a flow.

Main results
------------
*Theorem.* A shear with a rounded shift is still a bijection of Z^d: y2 = x2 + floor(T x1 + 1/2).

So for every invertible W there is a bijection of fixed-point numbers within a few steps of W, where
a step of the output grid is |det W|^(1/d). (If det W < 0, one coordinate is negated first.) The
bijection is a product of six rounded shears for nearly every W, and of at most 22 for any W if the
sizes of the halves differ by at most one; the inverse costs as much. The distance to W is small if
the layers are well conditioned.

Shifts are multiples of 2^-bits and inputs integers, so that float64 products are *exact* and the
map has the same bits on every machine (`exactflow.floats.lossless.integer_coupling`).

How it is checked
-----------------
*Certified*: the distance to W and the sizes of values, from *exact* products
(`exactflow.floats.lossless.integer_rounding`). The tests compare with arithmetic in Python's
integers.
"""

from typing import Literal, TypeAlias, get_args

from exactflow.errors import OrientationError
from exactflow.exact.numbers import to_index
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.floats.balancing import METHODS, BalanceMethod
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless.bijection import DistanceBound, Lossless, LosslessInverse
from exactflow.floats.lossless.determinant_one import find_shears_and_scalar_factor
from exactflow.floats.lossless.integer_coupling import LARGEST, IntegerCoupling
from exactflow.floats.lossless.integer_rounding import LIMIT, MOST_BITS, round_shears

__all__ = [
    "FLIPPINGS",
    "LIMIT",
    "METHODS",
    "DistanceBound",
    "IntegerCoupling",
    "Lossless",
    "LosslessInverse",
    "lossless",
]

Flipping: TypeAlias = Literal["error", "flip"]
"""The treatments of det W < 0. "pad" is not among them, since rounded pads are not zero."""

FLIPPINGS: tuple[str, ...] = get_args(Flipping)


def lossless(
    W: MatrixLike,
    *,
    bits: int | None = None,
    limit: int = LIMIT,
    orientation: Flipping = "error",
    partition: "PartitionLike | None" = None,
    method: BalanceMethod = "auto",
    seed: int = 0,
) -> Lossless:
    """Return a bijection of integer vectors near `W`, which gives the same bits on every machine.

    Parameters
    ----------
    W : a d x d matrix, d >= 2, in any form that `exactflow.balance` takes.
    bits : shifts are multiples of 2^-bits; from 1 to 50. By default there are enough bits to make
        `bound.shifts` small beside `bound.rounding`. With more bits or a larger limit a layer may
        need two matrix products.
    limit : the largest absolute value of an input's entry, up to 2^51; 2^15 admits all of int16.
    orientation : the treatment of det W < 0: "error" raises; "flip" negates coordinate 0 of the
        input first, and the result records this in `flips`.
    partition : (p, q) or a mask, as in `factor`.
    method, seed : the method that finds the layers, as in `exactflow.balance`. For a rotation
        "auto" tries both the closed form and the search, and takes the layers with the smaller
        rounding error.

    Returns
    -------
    Lossless
        With `forward` and `backward` for arrays of shape (d,) or (d, N), `step` and `bound`.

    Raises
    ------
    InvalidInputError
        `W` is no real d x d matrix, an option is out of its range, or values or shifts are too long
        for exact arithmetic in float64 (the message names the option to lower).
    SingularMatrixError, OrientationError
        det W = 0; det W < 0 with orientation="error".
    MethodError
        No layers were found: the sizes of the halves differ by more than one, or singular values
        span a factor above 10^31.

    Examples
    --------
    >>> result = lossless([[2, 1], [1, 1]])
    >>> y = result.forward([1000, -3])
    >>> result.backward(y).tolist(), result.step, result.bound.largest < 4
    ([1000, -3], 1, True)
    """
    check_option("orientation", orientation, FLIPPINGS)
    check_option("method", method, METHODS)
    seed = to_index("seed", seed, 0, 2**63)
    bits = None if bits is None else to_index("bits", bits, 1, MOST_BITS)
    limit = to_index("limit", limit, 1, LARGEST // 2)
    try:
        target = Target.check_and_orient(W, orientation, partition)
    except OrientationError:
        raise OrientationError(
            "expected det > 0, got det < 0: use orientation='flip', which negates coordinate 0 of "
            "the input first"
        ) from None
    shears, step = find_shears_and_scalar_factor(target, method, seed)
    return round_shears(target, shears, step, bits, limit)
