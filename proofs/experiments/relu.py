"""ReLU networks of one input, as piecewise-linear functions."""

from itertools import pairwise

from sympy import QQ

from exactflow.exact.typing import Element
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear, ReluNetwork, line

__all__ = ["function_of", "value"]


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
        values.append(line(a, values[-1], slope, b))
    right = tuple(s + c for s, c in zip(slope, bends[knots[-1]], strict=True)) if bends else left
    return PiecewiseLinear(knots, values, left, right)
