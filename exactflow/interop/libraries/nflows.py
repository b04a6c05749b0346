"""nflows, where ``forward`` leads from data to latent."""

from nflows import flows, transforms

from exactflow.interop.libraries.nflows_forks import CouplingsTransformBase, make_fork_library
from exactflow.interop.library import list_class_and_subclasses_in_namespace


class Couplings(CouplingsTransformBase, transforms.Transform):
    """Couplings as an nflows ``Transform``."""


LIBRARY = make_fork_library(
    "nflows", transforms, list_class_and_subclasses_in_namespace(flows, flows.Flow), Couplings
)
