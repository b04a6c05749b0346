"""A two-layer ReLU network that generates a mixture of Gaussians, with a certified distance.

Main results
------------
Let c_1, .. , c_k in Q^d be centers, q_1 < .. < q_(k-1) rational numbers near the Gaussian quantiles
of i/k, tau > 0, ramp_i(t) = (relu(t - q_i + tau/2) - relu(t - q_i - tau/2)) / tau. The network

    g(z0, z) = c_1 + sum_i (c_(i+1) - c_i) ramp_i(z0) + sigma (relu(z) - relu(-z)),

one hidden layer of 2 (k - 1) + 2 d units, maps N(0, I_(d+1)) to a law with

    W1(g#N, mu) <= sum_i |c_(i+1) - c_i| (|Phi(q_i) - i/k| + mass_i / 2),

where mu = (1/k) sum_i N(c_i, sigma^2 I) and mass_i = Phi(q_i + tau/2) - Phi(q_i - tau/2). So a few
thousand weights generate what flows with few parameters a layer need many layers for: see
`proofs.constructions.capacity` (Koehler, Mehta and Risteski, *Representational aspects of depth and
conditioning in normalizing flows*, ICML 2021).

*Proof.* With steps 1[z0 > t_i] at the exact quantiles t_i instead of ramps, the same z makes mu.
The two maps differ by sum_i (c_(i+1) - c_i) (ramp_i - 1[z0 > t_i]). A ramp differs from the step at
q_i by at most 1/2, and on its own interval only; that step differs from the one at t_i with
probability |Phi(q_i) - i/k|.

How it is checked
-----------------
*Certified*: the bound, by ball arithmetic. *Exact*: the weights and the values at rational points.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

from flint import arb, ctx

from exactflow.errors import InvalidInputError
from exactflow.exact.balls import ball, normal_cdf
from exactflow.exact.numbers import format_short, sequence_to_list, to_fraction

__all__ = ["Generator"]

_PRECISION = 128


@dataclass(frozen=True)
class Generator:
    """The network g of k centers: ``g(z0, z)`` for z0 and d standard Gaussians z.

    Parameters
    ----------
    centers : k >= 1 sequences of d rationals.
    sigma : the deviation, a positive rational.
    ramp : the width tau of the ramps, a positive rational.

    Examples
    --------
    >>> g = Generator(((-1, -1), (1, 1)), Fraction(1, 10), Fraction(1, 10**6))
    >>> g([2, 1, 0])
    [Fraction(11, 10), Fraction(1, 1)]
    >>> g.width, g.distance_bound() < Fraction(1, 10**6)
    (6, True)
    """

    centers: tuple[tuple, ...]
    sigma: Fraction
    ramp: Fraction

    def __post_init__(self) -> None:
        centers = tuple(
            tuple(map(to_fraction, sequence_to_list(center)))
            for center in sequence_to_list(self.centers)
        )
        lengths = {len(center) for center in centers}
        if len(lengths) != 1 or lengths == {0}:
            raise InvalidInputError(
                "expected at least one center, all with the same number of coordinates, got "
                f"lengths {sorted(lengths)}"
            )
        sigma, ramp = to_fraction(self.sigma), to_fraction(self.ramp)
        for name, value in (("sigma", sigma), ("ramp", ramp)):
            if value <= 0:
                raise InvalidInputError(f"expected a positive {name}, got {format_short(value)}")
        vars(self).update(centers=centers, sigma=sigma, ramp=ramp)

    @property
    def width(self) -> int:
        """Number of hidden units."""
        return 2 * (len(self.centers) - 1) + 2 * len(self.centers[0])

    @property
    def parameters(self) -> int:
        """Number of weights and biases that are not zero by construction."""
        k, d = len(self.centers), len(self.centers[0])
        return 2 * (k - 1) * (d + 2) + 5 * d

    @property
    def breakpoints(self) -> list[Fraction]:
        """The rational numbers q_i: floats near the quantiles of i/k."""
        k = len(self.centers)
        return [Fraction(NormalDist().inv_cdf(i / k)) for i in range(1, k)]

    @property
    def steps(self) -> list[tuple]:
        """The differences c_(i+1) - c_i."""
        pairs = zip(self.centers, self.centers[1:], strict=False)
        return [tuple(b - a for a, b in zip(*pair, strict=True)) for pair in pairs]

    def weights(self) -> tuple[list[list], list, list[list], list]:
        """Return W1, b1, W2, b2 as plain lists: ``g(x) = W2 relu(W1 x + b1) + b2``, x = (z0, z)."""
        d, half = len(self.centers[0]), self.ramp / 2
        hidden: list[list] = []
        biases: list = []
        outputs: list[list] = []
        for q, step in zip(self.breakpoints, self.steps, strict=True):
            for bias, sign in ((half - q, 1), (-half - q, -1)):
                hidden.append([1] + [0] * d)
                biases.append(bias)
                outputs.append([sign * s / self.ramp for s in step])
        for i in range(d):
            for sign in (1, -1):
                hidden.append([0] + [sign * (i == j) for j in range(d)])
                biases.append(0)
                outputs.append([sign * self.sigma * (i == j) for j in range(d)])
        rows = [list(row) for row in zip(*outputs, strict=True)]
        return hidden, biases, rows, list(self.centers[0])

    def __call__(self, x: Sequence) -> list[Fraction]:
        """Return g at d + 1 rational numbers, exactly, from the weights."""
        hidden, biases, outputs, constant = self.weights()
        x = list(map(to_fraction, sequence_to_list(x)))
        if len(x) != 1 + len(constant):
            raise InvalidInputError(f"expected {1 + len(constant)} numbers, got {len(x)}")
        values = [
            max(Fraction(0), sum((w * t for w, t in zip(row, x, strict=True)), Fraction(b)))
            for row, b in zip(hidden, biases, strict=True)
        ]
        return [
            sum((w * v for w, v in zip(row, values, strict=True)), Fraction(c))
            for row, c in zip(outputs, constant, strict=True)
        ]

    def distance_bound(self) -> Fraction:
        """Return a certified upper bound of W1 between g#N(0, I) and the mixture."""
        k, half = len(self.centers), self.ramp / 2
        with ctx.workprec(_PRECISION):
            total = arb(0)
            for i, (q, step) in enumerate(zip(self.breakpoints, self.steps, strict=True), 1):
                ramp = normal_cdf(ball(q + half)) - normal_cdf(ball(q - half))
                shift = abs(normal_cdf(ball(q)) - arb(i) / k)
                total += ball(sum(s * s for s in step)).sqrt() * (shift + ramp / 2)
            bound = total.upper().fmpq()
        return Fraction(int(bound.p), int(bound.q))
