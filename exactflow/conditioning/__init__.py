"""Conditioning of flows: condition numbers, and the digits that inversion takes.

- `singular_values`, `condition_number`, `layer_condition_numbers`: what a flow has, *certified*, at
  a point where its Jacobian is rational.
- `digits_to_invert`, `float_error`: what that costs. *Numeric*.
"""

from exactflow.conditioning.condition import (
    condition_number,
    layer_condition_numbers,
    singular_values,
)
from exactflow.conditioning.digits import digits_to_invert, float_error

__all__ = [
    "condition_number",
    "digits_to_invert",
    "float_error",
    "layer_condition_numbers",
    "singular_values",
]
