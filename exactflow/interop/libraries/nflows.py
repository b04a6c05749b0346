"""nflows."""

from nflows import transforms
from nflows.flows import Flow

from exactflow.interop.libraries.nflows_forks import Transforming, fork

__all__ = ["LIBRARY", "Couplings"]


class Couplings(Transforming, transforms.Transform):
    """Couplings as an nflows ``Transform``."""


LIBRARY = fork("nflows", transforms, (Flow,), Couplings)
