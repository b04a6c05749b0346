"""Universal approximation in the Wasserstein distance and in KL, by few layers.

Main results
------------
- `approximate`: every law with second moments by two affine couplings, within any eps, at the price
  of ill-conditioning; or by three, as Koehler, Mehta and Risteski (ICML 2021) do it. The theorem is
  in `exactflow.laws.universal.few_layers`.
- `approximate(law, eps, distance="KL")`: laws with a density by four affine couplings, within any
  eps of likelihood. The theorem is in `exactflow.laws.universal.likelihood`; how near
  four additive ones come, in `exactflow.laws.universal.rearrangement`; for which laws three are
  enough, in `exactflow.laws.universal.three_layers`.

How it is checked
-----------------
*Certified*: bounds. *Exact*: flows, inverses and derivatives on rational
points.
"""

from exactflow.laws.universal.boxes import Boxes, Histogram, checkerboard, uniform
from exactflow.laws.universal.construction import Bound
from exactflow.laws.universal.few_layers import Approximation, approximate
from exactflow.laws.universal.gaussians import GaussianMixture
from exactflow.laws.universal.likelihood import KLApproximation, KLBound
from exactflow.laws.universal.measures import Atoms, Product, TargetMeasure, empirical

__all__ = [
    "Approximation",
    "Atoms",
    "Bound",
    "Boxes",
    "GaussianMixture",
    "Histogram",
    "KLApproximation",
    "KLBound",
    "Product",
    "TargetMeasure",
    "approximate",
    "checkerboard",
    "empirical",
    "uniform",
]
