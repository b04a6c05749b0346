"""Errors with one base class; a message states the problem and the remedy."""

import re
from collections.abc import Iterable, Sequence
from importlib import import_module
from traceback import TracebackException
from types import ModuleType

__all__ = [
    "CertificateError",
    "ExactFlowError",
    "FieldTooSmallError",
    "InvalidInputError",
    "MethodError",
    "MissingExtraError",
    "OrientationError",
    "ProcessDiedError",
    "SingularMatrixError",
    "UndecidedClaimError",
    "VerificationError",
]


class ExactFlowError(Exception):
    """Base class of all errors that exactflow raises on purpose."""


class InvalidInputError(ExactFlowError, ValueError):
    """The input has a wrong shape, entry, type or option."""


class SingularMatrixError(ExactFlowError, ValueError):
    """The matrix has no inverse, so no flow represents it."""


class OrientationError(ExactFlowError, ValueError):
    """No flow of couplings with positive scales represents a matrix of negative determinant."""


class MethodError(ExactFlowError, ValueError):
    """The chosen construction does not apply to this matrix."""


class FieldTooSmallError(ExactFlowError, ValueError):
    """The field has fewer elements than the construction needs."""


class MissingExtraError(ExactFlowError, ImportError):
    """An optional library is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra, self.purpose = extra, purpose
        super().__init__(
            f"{purpose} needs the extra {extra}, which is not installed: run "
            f"python -m pip install 'exactflow[{extra}]'"
        )

    def __reduce__(self) -> tuple:  # pickle needs the arguments of __init__, not the message
        return type(self), (self.extra, self.purpose), self.__dict__


def printable(text: object) -> str:
    r"""Escape control characters in a text, for a message; of more than 2000 characters, omit those
    in the middle.

    >>> print(printable("two\nlines of \x1b[31mred"))
    two\nlines of \x1b[31mred
    """
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return shown if len(shown) <= 2000 else f"{shown[:1000]} .. {shown[-1000:]}"


def join_names(names: Sequence[object], most_names: int = 8) -> str:
    """Join names with commas; names after the first `most_names` are only counted.

    >>> join_names(["a", "b", "c"]), join_names(["a", "b", "c"], most_names=1)
    ('a, b, c', 'a and 2 more')
    """
    rest = f" and {len(names) - most_names} more" if len(names) > most_names else ""
    return ", ".join(map(str, names[:most_names])) + rest


def hint_at_similar_name(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """Return the end of a message, such as ": did you mean factor?": at most three of `names` that
    contain the whole name as words, or the one that is spelled alike. If there is none, the end is
    `otherwise` after a colon, or "".

    >>> hint_at_similar_name("fcator", ["factor", "depth"])
    ': did you mean factor?'
    >>> hint_at_similar_name("six", ["six layers", "six is sharp", "sixty"])
    ": did you mean 'six layers' or 'six is sharp'?"
    >>> hint_at_similar_name("--within", ["--partition"], "see --help")
    ': see --help'
    """
    # imported only here, since the pytest plugin imports this file in every run
    from difflib import get_close_matches

    names = list(names)
    words = re.compile(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", re.IGNORECASE)
    similar = [other for other in names if name and words.search(other)][:3]
    similar = similar or get_close_matches(name, names, 1, 0.7)
    quoted = (repr(other) if " " in other else other for other in similar)
    hint = f"did you mean {' or '.join(quoted)}?" if similar else otherwise
    return f": {hint}" if hint else ""


def safe_error_message(error: BaseException) -> str:
    """Return the message of any exception; a placeholder if the exception's ``__str__`` fails."""
    return str(TracebackException(type(error), error, None))


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import and return an optional module.

    Raises `MissingExtraError` if this module is missing. Any other error of the import is raised
    unchanged.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise MissingExtraError(extra, purpose) from None


class ProcessDiedError(ExactFlowError):
    """A process ended before its work was finished, so that there is no verdict."""


class VerificationError(ExactFlowError):
    """A flow does not equal the matrix that it is claimed to equal, or an identity is false."""


class UndecidedClaimError(ExactFlowError):
    """An assertion is neither proved nor refuted."""


class CertificateError(ExactFlowError, ValueError):
    """A file is not a well-formed certificate."""
