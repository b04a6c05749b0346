"""Conditioning of flows: condition numbers, the digits that inversion takes, and what is forced.

- `singular_values`, `condition_number`, `layer_condition_numbers`: what a flow has, *certified*, at
  a point where its Jacobian is rational.
- `digits_to_invert`, `float_error`: what that costs. *Numeric*.
- `forced`: what every smooth bijection has that comes near a target. *Certified*.
- `study`, `linear_study`, `fit`: tables of both, and the law between them.
"""

from exactflow.conditioning.condition import (
    condition_number,
    layer_condition_numbers,
    singular_values,
)
from exactflow.conditioning.digits import digits_to_invert, float_error
from exactflow.conditioning.forced import Forced, forced
from exactflow.conditioning.pieces import Gaussian
from exactflow.conditioning.study import (
    fit,
    gaussian_points,
    linear_study,
    study,
    worst_points,
)

__all__ = [
    "Forced",
    "Gaussian",
    "condition_number",
    "digits_to_invert",
    "fit",
    "float_error",
    "forced",
    "gaussian_points",
    "layer_condition_numbers",
    "linear_study",
    "singular_values",
    "study",
    "worst_points",
]
