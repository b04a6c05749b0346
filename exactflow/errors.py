"""Errors with one base class; a message says what was expected, what came, and the remedy."""

from importlib import import_module
from types import ModuleType

__all__ = [
    "CertificateError",
    "ExactFlowError",
    "FieldTooSmallError",
    "InvalidInputError",
    "MethodError",
    "MissingExtraError",
    "OrientationError",
    "SingularMatrixError",
    "VerificationError",
    "require",
]


class ExactFlowError(Exception):
    """Base class of all errors that exactflow raises on purpose."""


class InvalidInputError(ExactFlowError, ValueError):
    """The input is not what the function takes: a wrong shape, entry, type or option."""


class SingularMatrixError(ExactFlowError, ValueError):
    """The matrix has no inverse, so no flow represents it."""


class OrientationError(ExactFlowError, ValueError):
    """The determinant is negative, so no flow of couplings with positive scales represents it."""


class MethodError(ExactFlowError, ValueError):
    """The chosen construction does not apply to this matrix."""


class FieldTooSmallError(ExactFlowError, ValueError):
    """The field has fewer elements than the construction needs."""


class MissingExtraError(ExactFlowError, ImportError):
    """An optional library is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra, self.purpose = extra, purpose
        super().__init__(
            f"expected the extra {extra} for {purpose}, which is not installed: "
            f"python -m pip install 'exactflow[{extra}]'"
        )

    def __reduce__(self) -> tuple:  # workers send their errors; the message alone makes none
        return type(self), (self.extra, self.purpose), self.__dict__


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import and return an optional module.

    Raises `MissingExtraError` if it is this module that is missing; whatever else goes wrong in
    its import is shown as it is.

    >>> require("no_such_library", "torch", "a .pt file")
    Traceback (most recent call last):
    ...
    exactflow.errors.MissingExtraError: expected the extra torch for a .pt file, which is not \
installed: python -m pip install 'exactflow[torch]'
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise MissingExtraError(extra, purpose) from None


class VerificationError(ExactFlowError):
    """A flow does not equal the matrix that it is claimed to equal."""


class CertificateError(ExactFlowError, ValueError):
    """A file is not a well-formed certificate."""
