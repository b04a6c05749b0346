"""glasflow: the transforms of its fork of nflows."""

from glasflow.nflows.transforms import Transform

from exactflow.interop.for_torch import Transforming

__all__ = ["Couplings"]


class Couplings(Transforming, Transform):
    """Couplings as a ``Transform`` of glasflow's nflows."""
