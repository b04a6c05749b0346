"""Lossless couplings: any linear layer of a flow as a bijection of integers.

Main results
------------
*Theorem.* A shear stays a bijection of Z^d when its shift is rounded: y2 = x2 + floor(T x1 + 1/2).
So every invertible W is, up to the step |det W|^(1/d) of the output grid and a sign, a bijection of
fixed-point numbers within a few steps of W: six rounded shears in six matrix products, forward and
inverse alike, for nearly every W, and at most 22 for any whose halves differ by at most one.
How near is a number that depends on the layers, so that well-conditioned ones matter.

Shifts are multiples of 2^-bits and inputs integers, so that float64 products are *exact* and the
map has the same bits on every machine (`exactflow.floats.lossless.integer_coupling`).

How it is checked
-----------------
That rounded shears are bijections is seen at once. *Certified*: the distance to W and the sizes of
values, from *exact* products (`exactflow.floats.lossless.integer_rounding`). The tests compare with
arithmetic in Python's integers.
"""

from typing import Literal, TypeAlias, get_args

from exactflow.errors import OrientationError
from exactflow.exact.numbers import to_index
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.floats.balancing import METHODS, BalanceMethod
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless.bijection import DistanceBound, Lossless, LosslessInverse
from exactflow.floats.lossless.determinant_one import find_shears
from exactflow.floats.lossless.integer_coupling import IntegerCoupling
from exactflow.floats.lossless.integer_rounding import LIMIT, assemble_lossless, check_grid

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
"""How a matrix that reverses orientation is treated; not "pad", since rounded pads are not zero."""

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
    """Return a bijection of integer vectors that is near `W`, exactly invertible, and has the same
    bits on every machine.

    Parameters
    ----------
    W : d x d, d >= 2: what `exactflow.balance` takes.
    bits : from 1 to 50, shifts are multiples of 2^-bits; where left out, as many as make their
        share of the bound small. More bits, and a larger limit, may take two products for one.
    limit : the largest absolute value of the inputs' entries, up to 2^51; 2^15 takes all of int16.
    orientation : what to do if det W < 0: "error" refuses; "flip" negates coordinate 0 of the input
        first, which is recorded, and is no loss.
    partition : (p, q) or a mask, as in `factor`.
    method, seed : how layers are found, as in `exactflow.balance`, but that of a rotation "auto"
        takes those in closed form or those of a search, whichever err less.

    Returns
    -------
    Lossless
        With `forward` and `backward` for arrays of shape (d,) or (d, N), `step` and `bound`.

    Raises
    ------
    InvalidInputError
        No real d x d matrix, an option out of its range, or values and shifts that float64 does
        not hold exactly: the message says what to lower.
    SingularMatrixError, OrientationError
        det W = 0; det W < 0 with orientation="error".
    MethodError
        No layers were found: where the halves differ by more than one, or singular values differ
        by more than 10^31.

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
    bits, limit = check_grid(bits, limit)
    try:
        target = Target.of(W, orientation, partition)
    except OrientationError:
        raise OrientationError(
            "expected det > 0, got det < 0: orientation='flip' (--orientation flip) negates "
            "coordinate 0 first, records that, and loses nothing"
        ) from None
    layers, step = find_shears(target, method, seed)
    return assemble_lossless(target, layers, step, bits, limit)
