"""What cells of a measure owe: their error against integrals in closed form."""

import numpy as np
import pytest
from sympy import QQ


def assert_cells(target, squares, tolerance):
    """E|X - c|^2 = E|X|^2 - sum w |c|^2, for the whole and for every coordinate."""
    whole = target.quantize(tolerance, 60)
    found = [target.quantize_coordinate(i, tolerance, 60) for i in range(target.dimension)]
    for cells, square in zip([whole, *found], [sum(squares), *squares], strict=True):
        assert sum(cells.weights, QQ.zero) == 1
        assert min(cells.weights) > 0
        assert len(cells.weights) == len(cells.centers)
        weights, centers = np.array(cells.weights, dtype=float), cells.centers.astype(float) / 2**60
        left = square - weights @ (centers**2).sum(axis=1)
        assert float(cells.error) ** 2 >= left - 1e-9
        if cells is whole:  # a coordinate may have the error of the whole
            assert float(cells.error) ** 2 == pytest.approx(left, rel=1e-6, abs=1e-12)
        assert float(cells.error) <= float(tolerance) * (1 + 1e-9)
