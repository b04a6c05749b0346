"""nflows: transforms, whose ``forward`` leads from data to latent."""

from nflows.transforms import Transform

from exactflow.interop.for_torch import Transforming

__all__ = ["Couplings"]


class Couplings(Transforming, Transform):
    """Couplings as an nflows ``Transform``."""
