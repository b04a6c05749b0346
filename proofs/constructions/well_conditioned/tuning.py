"""Chosen constants of this subpackage: accuracies, lengths of numbers, and limits."""

from dataclasses import dataclass

__all__ = ["TUNING", "PathTuning"]


@dataclass(frozen=True)
class PathTuning:
    """Choices that no theorem makes, each with its reason. No bound depends on them for its truth.

    Parameters
    ----------
    precision : of the balls, in bits: terms of bounds are to have some twenty correct digits.
    bits : the length of the rational numbers that stand for floats: seven digits, short in exact
        arithmetic, and what they are off is in the bounds.
    grid : how many places a function is looked at where only the choice of knots and steps, and
        never a bound, depends on what is seen there.
    transport_part : eps divided by this is for the transport. A finer transport is steeper, and
        next to knots the bound is looser: with 4, uniform laws take twice as many layers.
    shells : twice the radii of the shells of pads. A bound on a shell is that of its outer end, so
        these are near each other where there is mass; beyond the last there is 10^-15 of it.
    standard : a law of deviation between 1/2 and 2, at most 2 from zero, is left as it is: a layer
        of constant scale would not save another.
    steepest_strength : where T is nearly the identity, strengths are those for a velocity of
        Lipschitz constant 1/64, so that they stay finite.
    radius : how far in deviations the condition numbers of rescalings hold: 1 in 16,000 pads is
        farther.
    most_pairs, most_knots, most_reach : where searches end: 16,384 layers; knots, whose number is
        squared in the time of a bound; labels, 12 deviations.
    most_units : layers of constant scale, whose product, 24 bits of each, is in every number after
        them.
    many_knots : where layers are given and no eps, knots from which on a finer transport takes
        minutes.
    cells_per_piece, cells_per_label : the cells in which a transport is compared with its law, in a
        piece and for a unit of label: twice as many lower the bound by less than a tenth.
    """

    precision: int = 96
    bits: int = 24
    grid: int = 2049
    transport_part: int = 2
    shells: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
    standard: int = 2
    steepest_strength: int = 64
    radius: int = 4
    most_pairs: int = 2**12
    most_knots: int = 2000
    most_reach: int = 12
    most_units: int = 2**10
    many_knots: int = 128
    cells_per_piece: int = 4
    cells_per_label: int = 16


TUNING = PathTuning()
