"""Gaussians: the two layers that whiten a covariance, and that generate it.

Main results
------------
A flow with matrix F generates N(0, Sigma) from white noise iff F F^T = Sigma, and whitens it iff
F Sigma F^T = I. For a distribution two affine layers do (to our knowledge new), where the map needs
six: `whiten` finds them. Additive layers, and how few of any kind do, are in the script
gaussian_depth.

How it is checked
-----------------
The search is *numeric*. Its result is judged by an account in integers: the layers' floats are
dyadic rationals, and the largest entry of Q Sigma Q^T - I is an *exact* rational.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import sympy
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.exact.coerce import as_vectors
from exactflow.exact.dyadic_matrix import DyadicMatrix
from exactflow.exact.numbers import format_up
from exactflow.exact.typing import MatrixLike, PartitionLike, VectorLike
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import product_step
from exactflow.floats.threads import one_thread
from exactflow.flows.arithmetic import image, is_inexact
from exactflow.flows.evidence import Evidence
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.partition import resolve_partition
from exactflow.flows.result import MapResult
from exactflow.laws.gaussian.covariance import Covariance, column_of_mean, congruent
from exactflow.laws.gaussian.refinement import FloatLayers, after_power, arithmetic_of_floats
from exactflow.laws.gaussian.two_layers import find_two_layers
from exactflow.linear.factor import check_dimension

__all__ = ["Whitening", "whiten"]


@dataclass(frozen=True, eq=False, repr=False)
class Whitening(MapResult):
    """Float64 layers that whiten a covariance Sigma, with their exact account.

    ``str`` is one sentence. The flow is linear; the mean is kept beside it: `forward` subtracts it
    first, `backward` adds it last. `inverse` is that of the flow, exactly, without the mean.

    Attributes
    ----------
    layers : in float64, in the order in which data meets them; what whitens.
    error : the largest absolute entry of Q Sigma Q^T - I, an exact rational; Q is the matrix of
        `flow`, whose floats are taken as the dyadic rationals that they are.
    mean : the mean, a column over QQ, or None for 0.
    """

    layers: tuple[FloatCoupling, ...]
    order: tuple[int, ...]
    covariance: Covariance
    error: sympy.Rational
    mean: DomainMatrix | None = None
    evidence: ClassVar[Evidence] = Evidence.CERTIFIED

    @staticmethod
    def by(
        construct: Callable[[Covariance, int], tuple[FloatLayers, Fraction]],
        Sigma: MatrixLike,
        *,
        mean: "VectorLike | None" = None,
        partition: "PartitionLike | None" = None,
    ) -> "Whitening":
        """Whiten a covariance, see `whiten`, by a construction: it takes the covariance and the
        size of the first half, and returns layers and their error.
        """
        with one_thread():
            covariance = Covariance.of(Sigma)
            d = len(covariance.rounded)
            order, (p, _) = resolve_partition(partition, d)
            column = None if mean is None else column_of_mean(mean, d)
            covariance = covariance.ordered(order)
            normalized, k = covariance.normalized()
            with arithmetic_of_floats():
                found, error = construct(normalized, p)
                found = after_power(found, -k)
        return Whitening(found, order, covariance, sympy.Rational(error), column)

    @cached_property
    def flow(self) -> CouplingFlow:
        """The flow that whitens: data in, white noise out."""
        return self._flow(self.layers)

    @cached_property
    def generator(self) -> CouplingFlow:
        """The inverse of `flow`, its entries rounded to floats: white noise in, data out.

        For its matrix F, F F^T is within `generator_error` of Sigma; `flow.inverse()` is the exact
        inverse, whose entries are no floats.
        """
        return self._flow(self._generating_layers)

    @cached_property
    def generator_error(self) -> sympy.Rational:
        """The largest absolute entry of F F^T - Sigma, an exact rational, for `generator`."""
        white = DyadicMatrix.of_floats(np.eye(sum(self.partition)))
        generated = congruent(self._generating_layers, white)
        return sympy.Rational(self.covariance.exact.minus(generated).largest())

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.layers[0].partition

    @property
    def center(self) -> np.ndarray | None:
        """Bias of x -> flow(x - mean): -flow(mean), rounded to float64; None for mean 0."""
        if self.mean is None:
            return None
        moved = self.flow.forward(self.mean.to_Matrix())
        return np.array([-float(x) for x in moved], dtype=np.float64)

    @property
    def magnitude(self) -> float:
        """The largest absolute value of an entry of a shift of `flow`."""
        return max(float(np.abs(layer.shift).max()) for layer in self.layers)

    @property
    def is_additive(self) -> bool:
        """Whether all scales are one."""
        return all(layer.is_additive for layer in self.layers)

    def forward(self, x: VectorLike) -> "sympy.Matrix | np.ndarray":
        """Return the white image ``flow(x - mean)`` of vectors, which the flow takes."""
        return self.flow(self._shifted(x, -1))

    def backward(self, z: VectorLike) -> "sympy.Matrix | np.ndarray":
        """Return ``mean + generator(z)``: of white noise, vectors from N(mean, Sigma)."""
        return self._shifted(self.generator(z), 1)

    def __str__(self) -> str:
        kind = "additive" if self.is_additive else "affine"
        return (
            f"{len(self.layers)} {kind} layers on halves {self.partition} whiten "
            f"within {format_up(self.error)}, largest entry {self.magnitude:.2g}"
        )

    def explain(self) -> Explanation:
        """Return the layers, their product and how far its image of Sigma is from I, as steps.

        >>> print(whiten([[2, 1], [1, 1]]).explain().steps[-1].text)
        largest(Q Sigma Q^T - I) = r
        """
        check_dimension(self.dimension)
        made = product_step(self.flow, self.flow.domain_matrix())
        names = {"M": "Q"}
        exact = self.covariance.whole
        order = list(self.order)
        back = [order.index(i) for i in range(len(order))]
        values = {"Sigma": exact.extract(back, back), "r": QQ.convert(self.error)}
        product = replace(
            made.rename(names), before={}, after={"Q": made.before["M"], **made.after}
        )
        residual = Step(
            "whitening",
            "`Sigma` is the covariance, and `Q Sigma Q^T` that of the image: its largest "
            f"difference from `I` is `r`, at most ``{format_up(self.error)}``. In real numbers "
            "the layers would whiten exactly; they are rounded to float64.",
            "largest(Q Sigma Q^T - I) = r",
            {"Q": made.before["M"]},
            values,
            QQ,
            "exactflow.laws.gaussian.two_layers",
        )
        count = len(self.layers)
        claim = (
            f"{count} layers of floats whiten the covariance within ``{format_up(self.error)}``."
        )
        return Explanation.verify(claim, [product, residual], self, self.evidence)

    @cached_property
    def _generating_layers(self) -> tuple[FloatCoupling, ...]:
        return tuple(layer.inverse() for layer in reversed(self.layers))

    def _flow(self, layers: tuple[FloatCoupling, ...]) -> CouplingFlow:
        exact = [layer.exact() for layer in layers]
        return CouplingFlow(exact, method="whiten", order=self.order)

    def _shifted(self, x: Any, sign: int) -> Any:
        if self.mean is None:
            return x
        if is_inexact(x):
            mean = self.mean.to_list_flat()

            def shifted(entries: list, convert: Callable) -> list:
                return [z + convert(sign * m) for z, m in zip(entries, mean, strict=True)]

            return image(shifted, x, self.dimension)
        vectors = as_vectors(x, len(self.order), QQ)
        columns = self.mean * DomainMatrix(
            [[QQ(sign)] * vectors.shape[1]], (1, vectors.shape[1]), QQ
        )
        return (vectors.to_dense() + columns.to_dense()).to_Matrix()


def whiten(
    Sigma: MatrixLike, *, mean: "VectorLike | None" = None, partition: "PartitionLike | None" = None
) -> Whitening:
    """Return two affine layers that whiten N(mean, Sigma): data in, white noise out.

    Their inverse generates the distribution from white noise.

    Parameters
    ----------
    Sigma : d x d, symmetric and positive definite, of floats (``numpy.cov(data)``) or rational
        numbers. Condition numbers to 10^10 and beyond are within reach.
    mean : d numbers, flat or a column, kept beside the flow, which is linear: see `Whitening`.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2). Two
        layers exist where the halves differ by at most one; else not always, and the search may
        find none.

    Returns
    -------
    Whitening
        With ``error`` as small as rounding the layers to float64 allows, in order of magnitude.

    Raises
    ------
    InvalidInputError
        `Sigma` is not symmetric (the largest difference is named) or not positive definite (a
        minor or an eigenvalue is), or a shape does not fit.
    MethodError
        No layers were found, or Sigma is singular up to rounding.

    References
    ----------
    Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning in normalizing
    flows*, ICML 2021, arXiv:2010.01155 (depth of the map); Draxler, Schnoerr and Koethe, *Whitening
    convergence rate of coupling-based normalizing flows*, NeurIPS 2022, arXiv:2210.14032 (trained
    layer by layer, with rotations in between).

    Examples
    --------
    >>> result = whiten([[2, 1, 0, 0], [1, 2, 1, 0], [0, 1, 2, 1], [0, 0, 1, 2]])
    >>> result.flow.depth, result.error < 1e-14
    (2, True)
    """
    return Whitening.by(find_two_layers, Sigma, mean=mean, partition=partition)
