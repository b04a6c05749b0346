"""Constants of the bounds: accuracies, and limits of searches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoundTuning:
    """Constants that no theorem prescribes. The bounds hold for all values, but are sharper for
    some.

    Parameters
    ----------
    precision, most_precision : the precision of the balls, in bits. It is doubled from the first
        number, at most to the second, until the lower and the upper bound agree.
    widths : distances of the two bounds from a slope, in binary logarithms; the first that can be
        certified is taken. Each trial takes as long as a step of the search.
    least_slope : the search ends at 2^-least_slope times the slope at which it begins.
    first_step : the first step of the search for a slope, in binary logarithms.
    cells_per_eps : laws that are no mixtures are quantized within eps / cells_per_eps. A finer
        quantization changes the bounds by less than a third, but has at least the square of the
        number of atoms.
    parts_of_eps : on a line, atoms are merged, and laws quantized, within eps / parts_of_eps.
    few_atoms, least_atoms, most_atoms : atoms on a line are merged if there are more than
        `least_atoms`. All lines of a frame have at most `most_atoms` in sum, but each line may have
        `few_atoms`.
    direction_bits : bits of the rational numbers in a reflection.
    most_clusters, cluster_growth : clusters are cut until there are `most_clusters`; a bound is
        computed whenever their number has grown by the factor `cluster_growth`.
    few_clusters : the differences between the means of this number of clusters are tried as
        directions.
    most_components : a product with more components is replaced by one component; a quantization
        with as many atoms is fine enough.
    bits : the spacing of the grid of a quantization is at most 2^-bits times the tolerance.
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
