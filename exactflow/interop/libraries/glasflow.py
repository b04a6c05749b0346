"""glasflow: its own fork of nflows."""

from glasflow import flows
from glasflow.flows.base import Flow
from glasflow.nflows import flows as nflows_flows
from glasflow.nflows import transforms

from exactflow.interop.libraries.nflows_forks import CouplingsTransformBase, make_library
from exactflow.interop.library import list_subclasses


class Couplings(CouplingsTransformBase, transforms.Transform):
    """Couplings as a ``Transform`` of glasflow's nflows."""


FLOWS = [Flow, *list_subclasses(flows, Flow), *list_subclasses(nflows_flows, nflows_flows.Flow)]
LIBRARY = make_library("glasflow", transforms, FLOWS, Couplings)
