"""glasflow: its own fork of nflows."""

from glasflow.flows.base import Flow
from glasflow.nflows import flows as nflows_flows
from glasflow.nflows import transforms

from exactflow.interop.libraries.nflows_forks import Transforming, fork

__all__ = ["LIBRARY", "Couplings"]


class Couplings(Transforming, transforms.Transform):
    """Couplings as a ``Transform`` of glasflow's nflows."""


LIBRARY = fork("glasflow", transforms, (Flow, nflows_flows.Flow), Couplings)
