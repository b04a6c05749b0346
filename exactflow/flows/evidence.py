"""The kinds of evidence, and proofs that can be checked again."""

from abc import ABC, abstractmethod
from enum import StrEnum

from exactflow.errors import VerificationError


class Evidence(StrEnum):
    """The kinds of evidence, which are never mixed.

    - *exact*: equal in exact arithmetic, on the instances named;
    - *for all n*: an identity in noncommuting symbols, so for blocks of every size;
    - *certified*: a rigorous enclosure of a real number;
    - *numeric*: computed in floating point, at any precision;
    - *formally proved*: accepted by a proof assistant.
    """

    EXACT = "exact"
    FOR_ALL_N = "for all n"
    CERTIFIED = "certified"
    NUMERIC = "numeric"
    FORMAL = "formally proved"


class Checkable(ABC):
    """A proof that can be checked again, by `check`, which raises, or by `is_valid`."""

    @abstractmethod
    def check(self) -> None:
        """Check the proof again, or raise `VerificationError` with the part that fails."""

    def is_valid(self) -> bool:
        """Whether `check` succeeds."""
        try:
            self.check()
        except VerificationError:
            return False
        return True
