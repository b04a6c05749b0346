"""glasflow, which contains a fork of nflows."""

from glasflow import flows
from glasflow.flows.base import Flow
from glasflow.nflows import flows as nflows_flows
from glasflow.nflows import transforms

from exactflow.interop.libraries.nflows_forks import CouplingsTransformBase, make_fork_library
from exactflow.interop.library import list_class_and_subclasses_in_namespace


class Couplings(CouplingsTransformBase, transforms.Transform):
    """Couplings as a ``Transform`` of glasflow's nflows."""


FLOWS = [
    Flow,
    *list_class_and_subclasses_in_namespace(flows, Flow),
    *list_class_and_subclasses_in_namespace(nflows_flows, nflows_flows.Flow),
]
LIBRARY = make_fork_library("glasflow", transforms, FLOWS, Couplings)
