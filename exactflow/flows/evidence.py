"""The kinds of evidence: proof scripts name them, and many need nothing else of this package."""

from enum import StrEnum


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
