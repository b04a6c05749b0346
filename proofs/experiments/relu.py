"""ReLU networks of one input, as piecewise-linear functions.

Main results
------------
Let f be linear between the knots k_0 < .. < k_K, with value v_0 at k_0 and slopes s_0, .. , s_(K+1)
from left to right. Then

    f(x) = v_0 - s_0 relu(k_0 - x) + s_1 relu(x - k_0) + sum_(j >= 1) (s_(j+1) - s_j) relu(x - k_j),

a network with one hidden layer of at most K + 2 units, rational where f is; and every network with
one input and one hidden layer is such a function (Arora, Basu, Mianjy and Mukherjee,
*Understanding deep neural networks with rectified linear units*, ICLR 2018, for m = 1).

How it is checked
-----------------
*Exact*: from function to network and back is the same function, in the tests.
"""

from itertools import pairwise
from typing import NamedTuple

from sympy import QQ

from exactflow.exact.typing import Element
from exactflow.flows.nonlinear.piecewise import Elements, PiecewiseLinear, evaluate_line

__all__ = ["ReluNetwork", "function_of", "value"]


class ReluNetwork(NamedTuple):
    """``x -> constant + sum_h outputs[h] relu(weights[h] x + biases[h])``, of elements of QQ.

    Attributes
    ----------
    weights, biases : H rationals each.
    outputs : H tuples of m rationals.
    constant : m rationals.

    Examples
    --------
    >>> network = ReluNetwork.of(PiecewiseLinear([0, 1], [0, 1]))
    >>> network.weights == (1, 1), network.biases == (0, -1), network.outputs == ((1,), (-1,))
    (True, True, True)
    """

    weights: Elements
    biases: Elements
    outputs: tuple[Elements, ...]
    constant: Elements

    @classmethod
    def of(cls, f: PiecewiseLinear) -> "ReluNetwork":
        """Return the network that equals `f`; units without effect are left out."""
        first, slopes, one = f.knots[0], f.slopes, QQ.one
        units = [(-one, first, tuple(-s for s in slopes[0])), (one, -first, slopes[1])]
        for knot, before, after in zip(f.knots[1:], slopes[1:], slopes[2:], strict=False):
            change = tuple(t - s for s, t in zip(before, after, strict=True))
            units.append((one, -knot, change))
        units = [unit for unit in units if any(unit[2])]
        weights, biases, outputs = zip(*units, strict=True) if units else ((), (), ())
        return cls(weights, biases, outputs, f.values[0])


def value(network: ReluNetwork, x: Element) -> tuple:
    """Return the value at an element of QQ, from the weights."""
    weights, biases, outputs, constant = network
    hidden = [max(w * x + b, QQ.zero) for w, b in zip(weights, biases, strict=True)]
    columns = zip(*outputs, strict=True) if outputs else ((),) * len(constant)
    return tuple(
        c + sum((v * h for v, h in zip(column, hidden, strict=True)), QQ.zero)
        for c, column in zip(constant, columns, strict=True)
    )


def function_of(network: ReluNetwork) -> PiecewiseLinear:
    """Return the function of a network, in time H log H for H units.

    >>> ramp = PiecewiseLinear([0, 1], [0, 1])
    >>> function_of(ReluNetwork.of(ramp)) == ramp
    True
    """
    left = (QQ.zero,) * len(network.constant)
    bends: dict = {}
    for w, b, v in zip(network.weights, network.biases, network.outputs, strict=True):
        if w < 0:
            left = tuple(s + w * entry for s, entry in zip(left, v, strict=True))
        if w:
            bend = bends.setdefault(-b / w, [QQ.zero] * len(v))
            bends[-b / w] = [s + abs(w) * entry for s, entry in zip(bend, v, strict=True)]
    knots = sorted(bends) or [QQ.zero]
    values, slope = [value(network, knots[0])], left
    for a, b in pairwise(knots):
        slope = tuple(s + c for s, c in zip(slope, bends[a], strict=True))
        values.append(evaluate_line(a, values[-1], slope, b))
    right = tuple(s + c for s, c in zip(slope, bends[knots[-1]], strict=True)) if bends else left
    return PiecewiseLinear(knots, values, left, right)
