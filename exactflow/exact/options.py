"""Options that are one word of a few, checked in one way."""

from collections.abc import Sequence

from exactflow.errors import InvalidInputError


def check_option(name: str, value: object, options: Sequence[str]) -> None:
    """Raise `InvalidInputError` unless a value is one of the words of an option."""
    if not (isinstance(value, str) and value in options):
        choices = ", ".join(map(repr, options))
        raise InvalidInputError(f"expected {name} to be one of {choices}, got {value!r}")
