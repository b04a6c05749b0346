"""Universal approximation in the Wasserstein distance and in KL, by few layers.

Main results
------------
- `approximate`: two affine couplings map N(0, I) to within any W2 distance eps of every law with
  second moments, but the couplings are ill-conditioned. With ``layers=3`` the construction is by
  Koehler, Mehta and Risteski (ICML 2021). The theorem is in
  `exactflow.laws.universal.approximation`.
- `approximate(law, eps, distance="KL")`: four affine couplings come within any eps, in KL, of every
  law with a density. The theorem is in `exactflow.laws.universal.kl_approximation`. How near four
  additive couplings come is in `exactflow.laws.universal.volume_preserving`, and which laws need
  only three layers is in `exactflow.laws.universal.three_layers`.

How it is checked
-----------------
*Certified*: the bounds. *Exact*: flows, inverses and derivatives at rational points.
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
