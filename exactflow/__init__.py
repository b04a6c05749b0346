"""exactflow: what affine-coupling normalizing flows represent exactly, and in how many layers.

A name is imported when it is first asked for, so that ``exactflow check`` and ``exactflow --help``
do not wait for SymPy.
"""

from importlib import import_module

__version__ = "0.2.0"

_HOMES = {
    "CouplingFlow": "flows.flow",
    "ExactFlowError": "errors",
    "LinearCoupling": "flows.linear",
    "approximate": "universal",
    "balance": "balancing",
    "circulant": "targets",
    "conv1x1": "targets",
    "factor": "factorization",
    "minimal_depth": "depth",
    "pad": "targets",
    "permutation": "targets",
    "random_matrix": "targets",
    "rotation": "targets",
    "to_module": "interop",
    "toeplitz": "targets",
    "verify": "flows.verification",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'exactflow' has no attribute {name!r}")
    value = getattr(import_module(f"exactflow.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
