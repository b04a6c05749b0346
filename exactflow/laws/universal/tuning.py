"""Chosen constants of this subpackage: accuracies, lengths of numbers, and limits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tuning:
    """Choices that no theorem makes, each with its reason. No bound depends on them for its truth.

    Parameters
    ----------
    precision : of the balls, in bits: terms of bounds are to have some twenty correct digits.
    bits : of the grid of atoms, beside those that eps and their number ask for.
    least_exponent : of eps, below which bounds are lost in what is added to be safe, 2^-1000.
    most_atoms : what takes about a minute and a gigabyte.
    """

    precision: int = 96
    bits: int = 24
    least_exponent: int = 900
    most_atoms: int = 2**20


TUNING = Tuning()
