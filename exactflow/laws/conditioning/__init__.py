"""Conditioning of flows: condition numbers, and bounds for every flow near a target.

- `singular_values`, `condition_number`: of a matrix, or of a linear flow. *Certified*.
- `bound_conditioning`: how ill-conditioned every smooth bijection near a target is. *Certified*.
"""

from exactflow.laws.conditioning.condition import condition_number, singular_values
from exactflow.laws.conditioning.jacobian_bounds import bound_conditioning
from exactflow.laws.conditioning.mixture_components import Gaussian
from exactflow.laws.conditioning.result import ConditioningBounds

__all__ = [
    "ConditioningBounds",
    "Gaussian",
    "bound_conditioning",
    "condition_number",
    "singular_values",
]
