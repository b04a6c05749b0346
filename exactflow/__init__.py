"""Exact normalizing flows of affine couplings: does x come back, and how few layers suffice?

A trained flow, of PyTorch (extra "torch") or of a flow library (its extra):
    diagnose(model, x)          facts about each layer: round trip, condition, log-determinant
    convert(model, x)           couplings in the place of linear layers, certified

A matrix:
    factor(M)                   at most six coupling layers whose product equals M
    minimal_depth(M)            how few layers suffice, and why not fewer
    explain(M)                  the proof on this matrix, step by step
    balance(W)                  float64 layers with small entries, certified
    verify(flow, M)             whether a flow equals a matrix; save and load: certificates

Points, a covariance, a distribution:
    interpolate(points, images), whiten(Sigma), approximate(target, eps)

A theorem:
    theorems                    the table; theorems["six layers"].check(M), .challenge()

To make matrices: permutation, cayley_rotation, random_matrix, circulant, toeplitz, conv1x1.
More in exactflow.linear.masks, .linear.padding, .floats.lossless, .laws.conditioning, .testing.
On the command line: exactflow --help.  Words of evidence: help("exactflow.claims.Evidence").
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from exactflow.files.version import __version__ as __version__

if TYPE_CHECKING:  # type checkers and editors read the names of `_HOMES` here
    from exactflow.errors import ExactFlowError as ExactFlowError
    from exactflow.files.store import load as load
    from exactflow.files.store import save as save
    from exactflow.floats.balancing import balance as balance
    from exactflow.flows.flow import CouplingFlow as CouplingFlow
    from exactflow.flows.linear import LinearCoupling as LinearCoupling
    from exactflow.flows.verification import verify as verify
    from exactflow.interop import convert as convert
    from exactflow.interop import diagnose as diagnose
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
    "append_swap": "linear.targets",
    "approximate": "laws.universal",
    "balance": "floats.balancing",
    "cayley_rotation": "linear.targets",
    "circulant": "linear.targets",
    "conv1x1": "linear.targets",
    "convert": "interop",
    "diagnose": "interop",
    "explain": "linear.factor",
    "factor": "linear.factor",
    "interpolate": "linear.interpolation",
    "load": "files.store",
    "minimal_depth": "linear.depth",
    "permutation": "linear.targets",
    "random_matrix": "linear.targets",
    "save": "files.store",
    "theorems": "proving.theory",
    "to_module": "interop",
    "toeplitz": "linear.targets",
    "verify": "flows.verification",
    "whiten": "laws.gaussian",
}
"""The module of each public name. A name is imported when it is first asked for, so that
``exactflow check`` and ``exactflow --help`` do not wait for SymPy.
"""
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(
            f"module 'exactflow' has no attribute {name!r}{_hint_at_module_or_similar_names(name)}"
        )
    from exactflow.errors import MissingExtraError

    try:
        value = getattr(import_module(f"exactflow.{_HOMES[name]}"), name)
    except MissingExtraError as error:
        # the error is raised when the name is called, since help(exactflow) looks up each name
        return _make_raising_stand_in(name, error)
    globals()[name] = value
    return value


def _make_raising_stand_in(name: str, error: Exception) -> Callable[..., NoReturn]:
    """Return a function that raises `error` when it is called. It replaces the public function
    `name`, which needs a missing extra.
    """

    def raise_error(*arguments: Any, **options: Any) -> NoReturn:
        raise error.with_traceback(None)

    raise_error.__name__ = raise_error.__qualname__ = name
    raise_error.__doc__ = f"Raise MissingExtraError: {error}."
    return raise_error


def _hint_at_module_or_similar_names(name: str) -> str:
    """Return the end of an error text: the import of a module with this name, or public names that
    are spelled alike; "" if there are none.
    """
    if name.startswith("_") or not name.isidentifier():
        return ""
    root = Path(__file__).parent
    files = [*root.rglob(f"{name}.py"), *root.rglob(f"{name}/__init__.py")]
    modules = [path.relative_to(root).with_suffix("").parts for path in files]
    if modules:
        parts = min((m[:-1] if m[-1] == "__init__" else m for m in modules), key=len)
        return f": import {'.'.join(['exactflow', *parts])}"
    from exactflow.errors import hint_at_similar_name

    return hint_at_similar_name(name, __all__)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
