"""glasflow: its own fork of nflows."""

from glasflow import flows
from glasflow.flows.base import Flow
from glasflow.nflows import flows as nflows_flows
from glasflow.nflows import transforms

from exactflow.interop.libraries.nflows_forks import Transforming, fork
from exactflow.interop.library import kinds


class Couplings(Transforming, transforms.Transform):
    """Couplings as a ``Transform`` of glasflow's nflows."""


FLOWS = [Flow, *kinds(flows, Flow), *kinds(nflows_flows, nflows_flows.Flow)]
LIBRARY = fork("glasflow", transforms, FLOWS, Couplings)
