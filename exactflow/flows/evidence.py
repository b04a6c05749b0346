"""The kinds of evidence for a result, and a base class of proofs that can be checked again."""

from abc import ABC, abstractmethod
from enum import StrEnum

from exactflow.errors import VerificationError


class Evidence(StrEnum):
    """The kinds of evidence for a claim; each claim has exactly one kind.

    - *exact*: an equality in exact arithmetic, for the instances that the claim names;
    - *for all n*: an identity in noncommuting symbols, and therefore for blocks of every size;
    - *certified*: a rigorous enclosure of a real number;
    - *numeric*: a computation in floating point, at any precision;
    - *formally proved*: a proof that a proof assistant accepts.
    """

    EXACT = "exact"
    FOR_ALL_N = "for all n"
    CERTIFIED = "certified"
    NUMERIC = "numeric"
    FORMAL = "formally proved"


class Checkable(ABC):
    """A proof that can be checked again: `check` raises an error, `is_valid` returns a bool."""

    @abstractmethod
    def check(self) -> None:
        """Check the proof again; raise a `VerificationError` that names the part that fails."""

    def is_valid(self) -> bool:
        """Whether `check` raises no `VerificationError`."""
        try:
            self.check()
        except VerificationError:
            return False
        return True
