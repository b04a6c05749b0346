"""Chosen constants of this subpackage: accuracies, and limits of searches."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoundTuning:
    """Choices that no theorem makes, each with its reason. No bound depends on them for its truth.

    Parameters
    ----------
    precision, most_precision : of the balls, in bits: doubled from the first until two sides agree.
    widths : how near, in binary logarithms, the two sides of a slope are to be: the first that can
        be certified. Each trial costs as much as a step of the search.
    least_slope : a slope smaller than the first trial by 2^-64 is none to speak of.
    first_step : of the search for a slope, in binary logarithms.
    cells_per_eps : curved laws are cut into cells as fine as this part of eps, which takes the
        square or more of it: a finer cut changes the bounds by less than a third.
    parts_of_eps : on a line atoms are merged, and laws cut, as finely as this part of eps.
    few_atoms, least_atoms, most_atoms : on a line atoms are merged if they are more than the
        second; the third is shared by the d lines of a frame, each of which has at least the
        first. A thousand take about a tenth of a second, a slope.
    direction_bits : the length of rational numbers in a reflection.
    most_clusters, cluster_growth : clusters are cut until they are so many, and looked at whenever
        their number has grown by a quarter.
    few_clusters : differences of the centers of so many clusters are tried as directions.
    most_components : a product with more components is replaced by one component; a quantization
        with as many atoms is fine enough.
    bits : the length of the grid of cells, beside that of eps.
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
