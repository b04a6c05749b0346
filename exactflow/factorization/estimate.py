"""How long `factor` takes on a large matrix, before it is asked: extrapolated, and numeric.

Operations on d x d matrices grow like d^3, the bit lengths of a construction like d^2, and their
products a little faster than linearly, so that no fixed power of d fits. The time is measured here,
on the leading blocks of the matrix of a third and of half its size, and the power between these is
raised by one: right within a factor of two or so on dense matrices (d = 48 to 96, entries of 4 to
24 bits), at a thirtieth of the price.
"""

import math
import time

from exactflow.errors import ExactFlowError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.factorization import factor

__all__ = ["LONG", "estimated_seconds"]

LONG = 48  # coordinates: below, it takes a second or two


def estimated_seconds(M: MatrixLike, *, method: str = "auto") -> float | None:
    """Return about how many seconds `factor` takes for a d x d matrix with halves of one size.

    None where that is not known: below 48 coordinates, for sparse matrices, which have routes of
    their own, and where a leading block is singular.

    >>> estimated_seconds([[1, 2], [0, 1]]) is None
    True
    """
    matrix = as_matrix(M)
    d = matrix.shape[0]
    if d < LONG or 2 * matrix.nnz() < d * d:
        return None
    sizes, seconds = (d // 6 * 2, d // 4 * 2), []
    for size in sizes:
        block = matrix.to_dense().extract(list(range(size)), list(range(size)))
        start = time.process_time()
        try:
            factor(block, method=method, orientation="flip")
        except ExactFlowError:
            return None
        seconds.append(max(time.process_time() - start, 1e-4))
    power = math.log(seconds[1] / seconds[0]) / math.log(sizes[1] / sizes[0])
    return float(seconds[1] * (d / sizes[1]) ** (max(power, 3) + 1))
