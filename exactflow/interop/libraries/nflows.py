"""nflows."""

from nflows import flows, transforms

from exactflow.interop.libraries.nflows_forks import CouplingsTransformBase, make_library
from exactflow.interop.library import list_subclasses


class Couplings(CouplingsTransformBase, transforms.Transform):
    """Couplings as an nflows ``Transform``."""


LIBRARY = make_library("nflows", transforms, list_subclasses(flows, flows.Flow), Couplings)
