"""Constants of the bounds: accuracies, and limits of searches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoundTuning:
    """Constants that no theorem prescribes. They change how good a bound is, never its truth.

    Parameters
    ----------
    precision, most_precision : bits of the balls: doubled from the first, at most to the second,
        until the lower and the upper bound agree.
    widths : distances between the two bounds of a slope, in binary logarithms; the first that can
        be certified is taken. Each trial takes as long as a step of the search.
    least_slope : the search ends at 2^-64 of the first slope.
    first_step : the first step of the search for a slope, in binary logarithms.
    cells_per_eps : curved laws are quantized within eps over this number; a finer quantization
        changes the bounds by less than a third, and has the square of the atoms or more.
    parts_of_eps : on a line, atoms are merged and laws quantized within eps over this number.
    few_atoms, least_atoms, most_atoms : atoms on a line are merged if they are more than
        `least_atoms`. The lines of a frame share `most_atoms`, and each has `few_atoms` at least. A
        thousand atoms take about 0.1 s per slope.
    direction_bits : bits of the rational numbers in a reflection.
    most_clusters, cluster_growth : clusters are cut until they are so many; a bound is computed
        whenever their number has grown by a quarter.
    few_clusters : differences of the centers of so many clusters are tried as directions.
    most_components : a product with more components is replaced by one component; a quantization
        with as many atoms is fine enough.
    bits : bits of the grid of atoms, in addition to those of eps.
    """

    precision: int = 128
    most_precision: int = 2**14
    widths: tuple[float, ...] = (2.0**-36, 2.0**-32, 2.0**-28, 2.0**-24)
    least_slope: float = 64.0
    first_step: float = 0.5
    cells_per_eps: int = 4
    parts_of_eps: int = 64
    few_atoms: int = 32
    least_atoms: int = 256
    most_atoms: int = 2048
    direction_bits: int = 60
    most_clusters: int = 4096
    cluster_growth: float = 1.25
    few_clusters: int = 3
    most_components: int = 2**14
    bits: int = 40


TUNING = BoundTuning()
