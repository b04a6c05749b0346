"""normflows: a flow's ``inverse`` leads from data to latent, so that is where the layers act."""

import normflows
from torch import Tensor

from exactflow.interop.plain import Bijection

__all__ = ["Couplings"]


class Couplings(normflows.flows.Flow):
    """Couplings as a normflows ``Flow``."""

    def __init__(self, couplings: Bijection):
        super().__init__()
        self.couplings = couplings

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map latent to data."""
        return self.couplings.inverse(z)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map data to latent."""
        return self.couplings(z)
