"""The flow libraries by name, and the library of a module."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exactflow.errors import require

if TYPE_CHECKING:
    from exactflow.interop.library import Library, ModelCall

PACKAGES = {
    "torch": "torch",
    "normflows": "normflows",
    "nflows": "nflows",
    "glasflow": "glasflow",
    "freia": "FrEIA",
    "zuko": "zuko",
    "flowjax": "flowjax",
}
"""The package of each library."""

LIBRARIES = tuple(PACKAGES)

_NAMES = {package: name for name, package in PACKAGES.items() if name != "torch"}


def load_library(name: str) -> "Library":
    """Import a library; raise `MissingExtraError` if it is not installed."""
    require(PACKAGES[name], name, "modules of that library")
    found: Library = import_module(f"exactflow.interop.libraries.{name}").LIBRARY
    return found


def library_of(module: Any) -> "Library":
    """Return the library of a module's class, or of its nearest base class; else plain PyTorch."""
    homes = (kind.__module__.split(".")[0] for kind in type(module).__mro__)
    return load_library(next((_NAMES[home] for home in homes if home in _NAMES), "torch"))


def package_of(module: Any) -> str:
    """Return the name of the package that defines a module's class."""
    return type(module).__module__.split(".")[0]


def find_model_call(model: Any, context: Any = None) -> "ModelCall":
    """Find out how a model or a layer is called, given a context."""
    return library_of(model).model_call(model, context)
