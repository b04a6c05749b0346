"""What `factor` returns does not become deeper or longer: certificates of earlier results.

They lie in test_regression/; ``--force-regen`` writes them anew.
"""

import pytest
from matrices import POSITIVE

from exactflow import circulant, factor, permutation

CASES = {
    "needs six": (POSITIVE["needs six"], {}),
    "Pascal d=8, generic": (POSITIVE["Pascal d=8"], {}),
    "random d=4, fewest": (POSITIVE["random d=4"], {"method": "commutator"}),
    "a cycle of nine, with a mask": (
        permutation([*range(1, 9), 0]),
        {"partition": [1, 0, 1, 0, 1, 0, 1, 0, 1]},
    ),
    "a circulant of five, uneven": (circulant([3, 1, 0, 0, 1]), {"partition": (1, 4)}),
}


@pytest.mark.parametrize("name", CASES)
def test_certificates(certificate_regression, name):
    M, options = CASES[name]
    certificate_regression.check(factor(M, **options), M)
