"""Pickling of fields and their elements, which SymPy 1.14 does not pickle itself.

Flows hold elements of fields, and are sent to other processes and copied by `copy.deepcopy`.
Importing this module tells `pickle` and `copy` how to build polynomial rings, fields of rational
functions, Gaussian numbers, prime fields and their FLINT elements again.
"""

import copyreg
from typing import Any

from flint import fmpz_mod, nmod
from sympy import GF
from sympy.polys.domains.finitefield import FiniteField
from sympy.polys.domains.gaussiandomains import GaussianInteger, GaussianRational
from sympy.polys.fields import FracField
from sympy.polys.rings import PolyRing


def _residue(value: int, prime: int) -> Any:
    return GF(prime)(value)


def _reduce_residue(x: Any) -> tuple:
    minus_one = int(0 * x - 1)  # fmpz_mod has no attribute for its modulus
    return _residue, (int(x), minus_one + 1)


for _kind in (PolyRing, FracField):
    copyreg.pickle(_kind, lambda x: (type(x), (x.symbols, x.domain, x.order)))
for _kind in (GaussianInteger, GaussianRational):
    copyreg.pickle(_kind, lambda x: (type(x), (x.x, x.y)))
copyreg.pickle(FiniteField, lambda field: (FiniteField, (int(field.mod), field.sym)))
for _kind in (nmod, fmpz_mod):
    copyreg.pickle(_kind, _reduce_residue)
