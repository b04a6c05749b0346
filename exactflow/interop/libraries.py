"""The flow libraries by name, and couplings with the interface of each."""

from importlib import import_module
from typing import TYPE_CHECKING

from exactflow.errors import require

if TYPE_CHECKING:
    from torch import nn

    from exactflow.interop.plain import Bijection

__all__ = ["LIBRARIES", "of_library"]

LIBRARIES = ("torch", "normflows", "nflows", "glasflow", "freia", "zuko")


def of_library(couplings: "Bijection", library: str, shape: tuple[int, ...]) -> "nn.Module":
    """Return couplings, or an identity, as a module of a library, for data of this shape.

    Raises `MissingExtraError` where the library is not installed.
    """
    if library == "torch":
        return couplings
    require("FrEIA" if library == "freia" else library, library, "modules of that library")
    home = import_module(f"exactflow.interop.for_{library}")
    if library == "freia":
        return home.Couplings([shape], couplings=couplings)
    return home.Couplings(couplings)
