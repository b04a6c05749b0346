"""nflows."""

from nflows import flows, transforms

from exactflow.interop.libraries.nflows_forks import Transforming, fork
from exactflow.interop.library import kinds


class Couplings(Transforming, transforms.Transform):
    """Couplings as an nflows ``Transform``."""


LIBRARY = fork("nflows", transforms, kinds(flows, flows.Flow), Couplings)
