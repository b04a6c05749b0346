"""Conditioning of flows: condition numbers, and bounds that a target forces.

- `singular_values`, `condition_number`: of a matrix, or of a linear flow. *Certified*.
- `forced`: what every smooth bijection has that comes near a target. *Certified*.
"""

from exactflow.laws.conditioning.bounds import Forced
from exactflow.laws.conditioning.condition import condition_number, singular_values
from exactflow.laws.conditioning.forced import forced
from exactflow.laws.conditioning.pieces import Gaussian

__all__ = ["Forced", "Gaussian", "condition_number", "forced", "singular_values"]
