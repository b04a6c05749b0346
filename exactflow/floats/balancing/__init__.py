"""Balanced layers: few float64 couplings with small entries and small condition numbers.

Main results
------------
Exact factorizations lose digits when their layers are rounded to floats: between four and all
sixteen digits for a rotation with d = 32. Balanced layers lose none. In closed form, every rotation
of every dimension is a product of six shears with condition numbers of at most 18, and every matrix
of determinant 1 a product of eleven couplings whose condition numbers are at most 18 times its own
(`exactflow.floats.balancing.rotation`, `exactflow.floats.balancing.closed_form`; formally proved
for layers that are not rounded). A search finds six layers of least norm for most matrices, by
Newton's method along a path from the layers of the polar factor. Depth and conditioning of flows:
Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning in normalizing
flows*, ICML 2021; six layers: Urschel 2024.

How it is checked
-----------------
The layers are *numeric*; their errors are not. The floats of the layers are dyadic rationals, so
their product is computed *exactly*, and its largest difference from W is an *exact* rational. The
difference of the inverses has a *certified* upper bound. So the product is certified to be within
this error of W; it does not equal W.
"""

from typing import Literal, TypeAlias, get_args

from exactflow.exact.numbers import to_index
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.floats.balancing.balanced import Balanced
from exactflow.floats.balancing.target import Target
from exactflow.floats.threads import one_thread
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.orientation import ORIENTATIONS, Orientation

__all__ = ["METHODS", "ORIENTATIONS", "Balanced", "FloatCoupling", "balance"]

BalanceMethod: TypeAlias = Literal["auto", "closed", "search"]
"""The methods that find balanced layers."""

METHODS: tuple[str, ...] = get_args(BalanceMethod)
LEAST_LAYERS, MOST_LAYERS = 5, 64


def balance(
    W: MatrixLike,
    *,
    layers: int | None = None,
    method: BalanceMethod = "auto",
    orientation: Orientation = "error",
    partition: "PartitionLike | None" = None,
    seed: int = 0,
) -> Balanced:
    """Return float64 coupling layers that compose to `W` within a certified error.

    Without options this never fails on an invertible `W` that float64 can hold, for an even or odd
    number of coordinates. A multiple of a rotation takes six layers in closed form. For another
    matrix a search looks for six layers of small norm; if it finds none, eleven layers in closed
    form are returned. The determinant is distributed among the scales of the layers.

    Parameters
    ----------
    W : a d x d matrix over QQ, d >= 2, in any form that `factor` takes; or an array of floats.
    layers : the number of layers, from 5 to 64; by default six or eleven. If the sizes of the
        halves differ by at most one, five layers exist for almost every matrix, and six for every
        matrix.
    method : "closed" (six layers for a multiple of a rotation, else eleven, at once), "search"
        (layers of small norm, also for rotations), or "auto", as described above.
    orientation : the treatment of det W < 0: "error" raises; "flip" negates coordinate 0 of the
        input first, and the result records this in `flips`; "pad" returns layers for
        `append_swap(W)`, on d + 2 coordinates.
    partition : (p, q) or a mask, as in `factor`. If the sizes of the halves differ by more than
        one, layers are found by the search.
    seed : 0 starts the search at the layers of the polar factor in closed form, if they exist, then
        at random layers; another seed starts it at other random layers. On one machine, with one
        BLAS, the same seed gives the same floats, with any number of threads.

    Returns
    -------
    Balanced
        With ``error`` at most 10^-12 of the largest entry of `W`.

    Raises
    ------
    InvalidInputError
        No real d x d matrix, entries beyond float64, or an option out of its range.
    SingularMatrixError, OrientationError
        det W = 0; det W < 0 with orientation="error".
    MethodError
        The layers that the options ask for were not found. The message has the error reached and a
        remedy.

    References
    ----------
    Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning in normalizing
    flows*, ICML 2021, arXiv:2010.01155.

    Examples
    --------
    >>> W = [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    >>> result = balance(W)
    >>> len(result.layers), max(result.condition_numbers) < 18, result.error < 1e-14
    (6, True, True)
    """
    layers = None if layers is None else to_index("layers", layers, LEAST_LAYERS, MOST_LAYERS)
    seed = to_index("seed", seed, 0, 2**63)
    check_option("method", method, METHODS)
    check_option("orientation", orientation, ORIENTATIONS)
    with one_thread():
        target = Target.check_and_orient(W, orientation, partition)
    # imported here, since its import of SciPy takes long
    from exactflow.floats.balancing.methods import find_balanced_on_one_thread

    return find_balanced_on_one_thread(target, layers, method, seed)
