"""Conditioning of flows: condition numbers, and bounds for every flow near a target.

- `singular_values`, `condition_number`: those of a matrix, or of a linear flow. *Certified*.
- `lower_bounds`: how ill-conditioned every smooth bijection near a target is. *Certified*.
"""

from exactflow.laws.conditioning.condition import condition_number, singular_values
from exactflow.laws.conditioning.jacobian_bounds import lower_bounds
from exactflow.laws.conditioning.mixture_components import Gaussian
from exactflow.laws.conditioning.result import ConditioningBounds

__all__ = ["ConditioningBounds", "Gaussian", "condition_number", "lower_bounds", "singular_values"]
