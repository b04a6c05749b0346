"""exactflow: exact normalizing flows of affine couplings, and the least number of layers.

A name is imported when it is first asked for, so that ``exactflow check`` and ``exactflow --help``
do not wait for SymPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exactflow.files.version import __version__ as __version__

if TYPE_CHECKING:  # what `_HOMES` says, for those who read types
    from exactflow.errors import ExactFlowError as ExactFlowError
    from exactflow.files.store import load as load
    from exactflow.files.store import save as save
    from exactflow.floats.balancing import balance as balance
    from exactflow.flows.flow import CouplingFlow as CouplingFlow
    from exactflow.flows.linear import LinearCoupling as LinearCoupling
    from exactflow.flows.verification import verify as verify
    from exactflow.interop import to_module as to_module
    from exactflow.laws.gaussian import whiten as whiten
    from exactflow.laws.universal import approximate as approximate
    from exactflow.linear.depth import minimal_depth as minimal_depth
    from exactflow.linear.factor import explain as explain
    from exactflow.linear.factor import factor as factor
    from exactflow.linear.interpolation import interpolate as interpolate
    from exactflow.linear.targets import append_swap as append_swap
    from exactflow.linear.targets import cayley_rotation as cayley_rotation
    from exactflow.linear.targets import circulant as circulant
    from exactflow.linear.targets import conv1x1 as conv1x1
    from exactflow.linear.targets import permutation as permutation
    from exactflow.linear.targets import random_matrix as random_matrix
    from exactflow.linear.targets import toeplitz as toeplitz
    from exactflow.proving.theory import theorems as theorems

_HOMES = {
    "CouplingFlow": "flows.flow",
    "ExactFlowError": "errors",
    "LinearCoupling": "flows.linear",
    "approximate": "laws.universal",
    "balance": "floats.balancing",
    "circulant": "linear.targets",
    "conv1x1": "linear.targets",
    "explain": "linear.factor",
    "factor": "linear.factor",
    "interpolate": "linear.interpolation",
    "load": "files.store",
    "minimal_depth": "linear.depth",
    "append_swap": "linear.targets",
    "permutation": "linear.targets",
    "random_matrix": "linear.targets",
    "cayley_rotation": "linear.targets",
    "save": "files.store",
    "theorems": "proving.theory",
    "to_module": "interop",
    "toeplitz": "linear.targets",
    "verify": "flows.verification",
    "whiten": "laws.gaussian",
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
