"""exactflow: what affine-coupling normalizing flows represent exactly, and in how many layers.

A name is imported when it is first asked for, so that ``exactflow check`` and ``exactflow --help``
do not wait for SymPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exactflow.version import __version__ as __version__

if TYPE_CHECKING:  # what `_HOMES` says, for those who read types
    from exactflow.balancing import balance as balance
    from exactflow.depth import minimal_depth as minimal_depth
    from exactflow.errors import ExactFlowError as ExactFlowError
    from exactflow.factorization import explain as explain
    from exactflow.factorization import factor as factor
    from exactflow.files.store import load as load
    from exactflow.files.store import save as save
    from exactflow.flows.flow import CouplingFlow as CouplingFlow
    from exactflow.flows.linear import LinearCoupling as LinearCoupling
    from exactflow.flows.verification import verify as verify
    from exactflow.gaussian import whiten as whiten
    from exactflow.interop import to_module as to_module
    from exactflow.targets import circulant as circulant
    from exactflow.targets import conv1x1 as conv1x1
    from exactflow.targets import pad as pad
    from exactflow.targets import permutation as permutation
    from exactflow.targets import random_matrix as random_matrix
    from exactflow.targets import rotation as rotation
    from exactflow.targets import toeplitz as toeplitz
    from exactflow.theory import theorems as theorems
    from exactflow.universal import approximate as approximate

_HOMES = {
    "CouplingFlow": "flows.flow",
    "ExactFlowError": "errors",
    "LinearCoupling": "flows.linear",
    "approximate": "universal",
    "balance": "balancing",
    "circulant": "targets",
    "conv1x1": "targets",
    "explain": "factorization",
    "factor": "factorization",
    "load": "files.store",
    "minimal_depth": "depth",
    "pad": "targets",
    "permutation": "targets",
    "random_matrix": "targets",
    "rotation": "targets",
    "save": "files.store",
    "theorems": "theory",
    "to_module": "interop",
    "toeplitz": "targets",
    "verify": "flows.verification",
    "whiten": "gaussian",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'exactflow' has no attribute {name!r}")
    value = getattr(import_module(f"exactflow.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
