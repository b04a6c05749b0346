"""How long exact layers take, before any work: a formula in d, the length of entries, the route."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from sympy.polys.matrices import DomainMatrix

from exactflow.exact.typing import PartitionLike
from exactflow.flows.partition import resolve_partition
from exactflow.linear.factor.routes import ROUTES

__all__ = ["PACE", "estimated_seconds"]


@dataclass(frozen=True)
class Pace:
    """The formula's numbers, measured on one core of a server of 2023.

    A route takes `Route.seconds` for a dense matrix of `d` coordinates and entries of `bits`, and
    grows with powers of both. Products of n x n matrices take n^3 multiplications, of numbers whose
    length grows like d^2 times that of the entries: between d^5 and d^6, as numbers are multiplied
    faster than by hand, but slower than in linear time. The powers fit all routes, for d = 16 to 96
    and entries of 2 to 64 bits, within a factor of two.

    Attributes
    ----------
    d, bits : where the seconds of routes were measured.
    of_d, of_bits : the powers with which they grow.
    balance, of_balance : seconds of `balance` at d, and its power: cubes, mostly by BLAS.
    explained : how many times as long an explanation takes, which schoolbook arithmetic checks.
    long, patience : seconds that are worth a word, and those that a person is asked for first.
    """

    d: int = 64
    bits: int = 32
    of_d: float = 5.5
    of_bits: float = 1.45
    balance: float = 0.055
    of_balance: float = 2.4
    explained: float = 20.0
    long: float = 2.0
    patience: float = 60.0

    def balanced(self, d: int) -> float:
        """Return about how many seconds `balance` takes on d coordinates."""
        return self.balance * (d / self.d) ** self.of_balance


PACE = Pace()


def estimated_seconds(
    matrix: DomainMatrix, method: str = "auto", partition: "PartitionLike | None" = None
) -> float:
    """Return about how many seconds `factor` takes on a dense matrix, in a millisecond.

    0 where no formula is known: for signed permutations and matrices with a diagonal block, which
    take but a moment, so that a look at two rows will do, and for other numbers than rational ones.

    Parameters
    ----------
    matrix, method, partition : as `factor` takes them.

    >>> from exactflow.exact.coerce import as_matrix
    >>> dense = as_matrix([[(i * j) % 11 + 1 for j in range(64)] for i in range(64)])
    >>> round(estimated_seconds(dense)), estimated_seconds(as_matrix([[0, 1], [-1, 0]]))
    (1, 0.0)
    """
    d, at = matrix.shape[0], matrix.rep.getitem
    _, (p, q) = resolve_partition(partition, d)
    routes = (r for r in ROUTES if r.name == method or (method == "auto" and r.automatic))
    seconds = next((r.seconds for r in routes if r.seconds and r.takes((p, q))), 0.0)
    halves = [range(1, p), range(p + 1, d)]
    is_diagonal = (not any(at(half[0] - 1, k) for k in half) for half in halves if half)
    is_light = any(is_diagonal) or sum(bool(at(0, k)) for k in range(d)) < 2
    if not matrix.domain.is_QQ or is_light:
        return 0.0
    growth = (d / PACE.d) ** PACE.of_d * (_bits(at, d) / PACE.bits) ** PACE.of_bits
    return float(seconds * growth)


def _bits(at: Callable, d: int) -> int:
    """Return how long entries are over a common denominator, those of a row, a column, and the
    diagonal.
    """
    sample = [at(*place) for k in range(d) for place in ((0, k), (k, 0), (k, k))]
    denominator = math.lcm(*(int(x.denominator) for x in sample))
    return max(int(abs(x * denominator)).bit_length() for x in sample)
