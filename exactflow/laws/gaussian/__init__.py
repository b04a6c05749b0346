"""Two layers that whiten a Gaussian distribution, and two layers that generate it.

Main results
------------
A flow with matrix F generates N(0, Sigma) from white noise iff F F^T = Sigma, and whitens it iff
F Sigma F^T = I. Two affine layers suffice for the distribution (to our knowledge new), and `whiten`
finds them; a given linear map needs up to six. The least numbers of layers, also of additive ones,
are in the script gaussian_depth.

How it is checked
-----------------
The search is *numeric*. Its result is checked *exactly*: the floats of the layers are dyadic
rationals, and so the largest entry of Q Sigma Q^T - I is a rational number.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from exactflow.flows.arithmetic import is_inexact, map_floats_or_mpfs, refuse_tensor
from exactflow.flows.evidence import Evidence
from exactflow.flows.float_layers import FloatCoupling
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.partition import resolve_partition_or_mask
from exactflow.flows.result import MapResult
from exactflow.laws.gaussian.covariance import (
    Covariance,
    LargestResidualEntry,
    as_mean_column,
    transform_covariance,
)
from exactflow.laws.gaussian.refinement import (
    FloatLayers,
    float_errors_as_method_errors,
    precompose_layers_with_power_of_two,
)
from exactflow.laws.gaussian.two_layers import find_two_whitening_layers
from exactflow.linear.factor import check_explainable_dimension

__all__ = ["Whitening", "whiten"]


@dataclass(frozen=True, eq=False, repr=False)
class Whitening(MapResult):
    """Float64 layers that whiten a covariance Sigma, with their exact error.

    The flow is linear, and so does not contain the mean. `forward` subtracts the mean before the
    flow; `backward` adds the mean at the end. `inverse` is the exact inverse of the flow alone.

    Attributes
    ----------
    layers : the whitening layers in float64, in order of application.
    error : the largest absolute entry of Q Sigma Q^T - I, an exact rational. Q is the matrix of
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
    def construct(
        find_layers: Callable[[Covariance, int], tuple[FloatLayers, LargestResidualEntry]],
        Sigma: MatrixLike,
        *,
        mean: "VectorLike | None" = None,
        partition: "PartitionLike | None" = None,
    ) -> "Whitening":
        """Whiten a covariance as `whiten` does, but with the layers that `find_layers` returns.

        The function `find_layers` takes the covariance and the size of the first half, and returns
        whitening layers and the largest absolute entry of their residual Q Sigma Q^T - I.
        """
        with one_thread():
            covariance = Covariance.from_matrix_checking_definiteness(Sigma)
            d = len(covariance.rounded)
            order, (p, _) = resolve_partition_or_mask(partition, d)
            column = None if mean is None else as_mean_column(mean, d)
            covariance = covariance.ordered(order)
            normalized, k = covariance.with_det_near_one_and_log4_divisor()
            with float_errors_as_method_errors():
                found, error = find_layers(normalized, p)
                found = precompose_layers_with_power_of_two(found, -k)
        return Whitening(found, order, covariance, sympy.Rational(error), column)

    @cached_property
    def flow(self) -> CouplingFlow:
        """The flow from data to white noise."""
        return self._build_linear_flow_without_mean(self.layers)

    @cached_property
    def rounded_generator(self) -> CouplingFlow:
        """The flow from white noise to data: the inverse of `flow`, with entries rounded to floats.

        For the matrix F of the generator, F F^T is within `generator_error` of Sigma. The exact
        inverse of `flow` is `flow.inverse()`; floats cannot represent its rational entries.
        """
        return self._build_linear_flow_without_mean(self._generating_layers)

    @cached_property
    def generator_error(self) -> sympy.Rational:
        """The largest absolute entry of F F^T - Sigma, for the matrix F of `rounded_generator`. It
        is an exact rational.
        """
        white = DyadicMatrix.from_floats(np.eye(sum(self.partition)))
        generated = transform_covariance(self._generating_layers, white)
        return sympy.Rational(self.covariance.exact.minus(generated).max_abs())

    @property
    def partition(self) -> tuple[int, int]:
        """The sizes (p, q) of the halves."""
        return self.layers[0].partition

    @property
    def bias(self) -> np.ndarray | None:
        """The bias -flow(mean) of the map x -> flow(x - mean), rounded to float64. It is None if no
        mean was given.
        """
        if self.mean is None:
            return None
        moved = self.flow.forward(self.mean.to_Matrix())
        return np.array([-float(x) for x in moved], dtype=np.float64)

    @property
    def largest_absolute_shift_entry(self) -> float:
        """The largest absolute entry of the shifts of all layers of `flow`."""
        return max(float(np.abs(layer.shift).max()) for layer in self.layers)

    @property
    def is_additive(self) -> bool:
        """Whether all scales of all layers are one."""
        return all(layer.is_additive for layer in self.layers)

    def forward(self, x: VectorLike) -> "sympy.Matrix | np.ndarray":
        """Return the whitened vectors ``flow(x - mean)``."""
        return self.flow(self._add_signed_mean(x, -1))

    def backward(self, z: VectorLike) -> "sympy.Matrix | np.ndarray":
        """Return ``mean + rounded_generator(z)``. For white noise z it has the law N(mean, Sigma),
        up to rounding.
        """
        return self._add_signed_mean(self.rounded_generator(z), 1)

    def __str__(self) -> str:
        kind = "additive" if self.is_additive else "affine"
        return (
            f"{len(self.layers)} {kind} layers on halves {self.partition} whiten "
            f"within {format_up(self.error, 2)}, "
            f"largest entry {self.largest_absolute_shift_entry:.2g}"
        )

    def explain(self) -> Explanation:
        """Return steps for the product Q of the layers and for the distance of Q Sigma Q^T from I.

        >>> print(whiten([[2, 1], [1, 1]]).explain().steps[-1].text)
        largest(Q Sigma Q^T - I) = r
        """
        check_explainable_dimension(self.dimension)
        product = product_step(self.flow, self.flow.domain_matrix()).rename({"M": "Q"})
        Q = product.before["Q"]
        product = replace(product, before={}, after={"Q": Q, **product.after})
        Sigma = self.covariance.ordered(np.argsort(self.order).tolist()).exact_matrix
        residual = Step(
            "whitening",
            "`Sigma` is the covariance of the data, `Q Sigma Q^T` that of their image. Its largest "
            f"difference from `I` is `r`, at most ``{format_up(self.error, 2)}``. Layers over the "
            "real numbers would whiten exactly; these are rounded to float64.",
            "largest(Q Sigma Q^T - I) = r",
            {"Q": Q},
            {"Sigma": Sigma, "r": QQ.convert(self.error)},
            QQ,
            "exactflow.laws.gaussian.two_layers",
        )
        claim = f"{len(self.layers)} layers of floats whiten the covariance within "
        claim += f"``{format_up(self.error, 2)}``."
        return Explanation.from_steps_after_checking(
            claim, [product, residual], self, self.evidence
        )

    @cached_property
    def _generating_layers(self) -> tuple[FloatCoupling, ...]:
        """The layers of `rounded_generator` in float64, in order of application."""
        return tuple(layer.inverse() for layer in reversed(self.layers))

    def _build_linear_flow_without_mean(self, layers: tuple[FloatCoupling, ...]) -> CouplingFlow:
        exact = [layer.exact() for layer in layers]
        return CouplingFlow(exact, method="whiten", order=self.order)

    def _add_signed_mean(self, x: Any, sign: int) -> Any:
        """Return x + sign * mean; x is a vector, or a matrix whose columns are vectors."""
        if self.mean is None:
            return x
        refuse_tensor(x)
        if is_inexact(x):
            mean = self.mean.to_list_flat()

            def add_signed_mean_to_entries(entries: list, convert: Callable) -> list:
                return [z + convert(sign * m) for z, m in zip(entries, mean, strict=True)]

            return map_floats_or_mpfs(add_signed_mean_to_entries, x, self.dimension)
        vectors = as_vectors(x, len(self.order), QQ)
        columns = self.mean * DomainMatrix(
            [[QQ(sign)] * vectors.shape[1]], (1, vectors.shape[1]), QQ
        )
        return (vectors.to_dense() + columns.to_dense()).to_Matrix()


def whiten(
    Sigma: MatrixLike, *, mean: "VectorLike | None" = None, partition: "PartitionLike | None" = None
) -> Whitening:
    """Return two affine layers that map N(mean, Sigma) to white noise.

    Their inverse generates the distribution from white noise.

    Parameters
    ----------
    Sigma : a d x d matrix, symmetric and positive definite, of floats (``numpy.cov(data)``) or
        rational numbers. Condition numbers of 10^10 are possible.
    mean : d numbers, flat or a column. The result stores the mean beside the flow, which is linear.
    partition : (p, q), the sizes of the halves, or a mask; by default (d // 2, d - d // 2). Two
        layers exist if the sizes differ by at most one; for other sizes they exist only for some
        covariances.

    Returns
    -------
    Whitening
        The layers. Their ``error`` is of the order of the rounding of their entries to float64.

    Raises
    ------
    InvalidInputError
        `Sigma` is not symmetric (the message names the largest difference), or not positive
        definite (the message names a minor or an eigenvalue), or a shape does not fit.
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
    return Whitening.construct(find_two_whitening_layers, Sigma, mean=mean, partition=partition)
