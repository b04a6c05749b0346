"""Universal approximation in the Wasserstein distance and in KL, by few layers.

Main results
------------
- `approximate`: every law with second moments by two affine couplings, within any eps, at the price
  of ill-conditioning; or by three, as Koehler, Mehta and Risteski (ICML 2021) do it. The theorem is
  in `exactflow.laws.universal.approximation`.
- `approximate(law, eps, distance="KL")`: laws with a density by four affine couplings, within any
  eps of likelihood. The theorem is in `exactflow.laws.universal.kl_approximation`; how near
  four additive ones come, in `exactflow.laws.universal.volume_preserving`; for which laws three are
  enough, in `exactflow.laws.universal.three_layers`.

How it is checked
-----------------
*Certified*: bounds. *Exact*: flows, inverses and derivatives on rational
points.
"""

from exactflow.laws.universal.approximation import W2Approximation, approximate
from exactflow.laws.universal.boxes import Boxes, Histogram, checkerboard, uniform
from exactflow.laws.universal.construction import W2Bound
from exactflow.laws.universal.gaussian_mixture import GaussianMixture
from exactflow.laws.universal.kl_approximation import KLApproximation, KLBound
from exactflow.laws.universal.measures import Atoms, Product, TargetMeasure, empirical_measure

__all__ = [
    "Atoms",
    "Boxes",
    "GaussianMixture",
    "Histogram",
    "KLApproximation",
    "KLBound",
    "Product",
    "TargetMeasure",
    "W2Approximation",
    "W2Bound",
    "approximate",
    "checkerboard",
    "empirical_measure",
    "uniform",
]
