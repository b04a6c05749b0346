"""The truth of the tests, by an arithmetic of its own: nothing of exactflow is imported.

A matrix is a tuple of rows of Fractions, or of integers modulo a prime. An element of QQ[x]/(m) is
the matrix by which it multiplies 1, x, x^2, .., so that one product of matrices is all the
arithmetic that there is. A flow is read as a certificate writes it.
"""

from fractions import Fraction
from itertools import product
from math import prod
from operator import mul


def identity(d):
    return tuple(tuple(int(i == j) for j in range(d)) for i in range(d))


def times(A, B, mod=0):
    """The product of two matrices, modulo a prime if there is one."""
    columns = list(zip(*B, strict=True))
    rows = ([sum(map(mul, row, column)) for column in columns] for row in A)
    return tuple(tuple(x % mod for x in row) if mod else tuple(row) for row in rows)


def eliminated(rows):
    """Rows of Fractions in echelon form, and the factor by which the determinant has changed."""
    rows, sign, k = [list(map(Fraction, row)) for row in rows], 1, 0
    for j in range(len(rows[0])):
        pivot = next((i for i in range(k, len(rows)) if rows[i][j]), None)
        if pivot is None:
            continue
        if pivot != k:
            rows[k], rows[pivot], sign = rows[pivot], rows[k], -sign
        for i in range(k + 1, len(rows)):
            if rows[i][j]:
                ratio = rows[i][j] / rows[k][j]
                rows[i] = [x - ratio * y for x, y in zip(rows[i], rows[k], strict=True)]
        k += 1
    return rows, sign


def determinant(M):
    rows, sign = eliminated(M)
    return prod((rows[i][i] for i in range(len(rows))), start=Fraction(sign))


def rank(rows):
    return sum(map(any, eliminated(rows)[0])) if rows else 0


def inverse(M):
    """The inverse: what is beside M once M is the identity."""
    d = len(M)
    rows, _ = eliminated([[*row, *one] for row, one in zip(M, identity(d), strict=True)])
    for k in reversed(range(d)):
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(k):
            ratio = rows[i][k]
            rows[i] = [x - ratio * y for x, y in zip(rows[i], rows[k], strict=True)]
    return tuple(tuple(row[d:]) for row in rows)


class Field:
    """QQ, GF(p) or QQ[x]/(m), named as in a certificate: elements are blocks, 1 x 1 if they can."""

    def __init__(self, name):
        modulus = name["modulus"] if isinstance(name, dict) else ["0", "1"]
        self.prime = 0 if name == "QQ" or isinstance(name, dict) else int(name[3:-1])
        self.degree = n = len(modulus) - 1
        last = [-Fraction(c) for c in modulus[:n]]
        self.x = tuple(
            tuple(last[i] if j == n - 1 else int(i == j + 1) for j in range(n)) for i in range(n)
        )

    def number(self, entry):
        value = Fraction(entry)
        if not self.prime:
            return value
        return value.numerator * pow(value.denominator, -1, self.prime) % self.prime

    def block(self, entry):
        """The matrix by which an element multiplies, from its coefficients, 1 first."""
        coefficients = entry if isinstance(entry, list | tuple) else [entry]
        found = tuple((0,) * self.degree for _ in range(self.degree))
        for c in map(self.number, reversed(coefficients)):
            found = times(found, self.x)
            found = tuple(
                tuple(x + c * (i == j) for j, x in enumerate(row)) for i, row in enumerate(found)
            )
        return found

    def coefficients(self, entry):
        """The coefficients of an element, reduced: that by which it multiplies 1."""
        return [row[0] for row in self.block(entry)]

    def matrix(self, entries, d):
        """The d x d matrix with these entries, by place, and zeros, written in blocks."""
        n = self.degree
        rows = [[0] * (d * n) for _ in range(d * n)]
        for (i, j), entry in entries.items():
            for k, row in enumerate(self.block(entry)):
                rows[i * n + k][j * n : (j + 1) * n] = row
        return tuple(map(tuple, rows))


def matrix_of(flow):
    """The matrix of a flow, in blocks: flips first, then the layers, in the user's coordinates."""
    field, (p, q) = Field(flow["field"]), flow["partition"]
    order, flips = flow.get("order") or range(p + q), flow.get("flips", ())
    found = field.matrix({(i, i): -1 if i in flips else 1 for i in range(p + q)}, p + q)
    for layer in flow["layers"]:
        moved, kept = order[:p], order[p:]
        if layer["moves"] == "second":
            moved, kept = kept, moved
        entries = {(i, i): 1 for i in kept}
        for i, scale, row in zip(moved, layer["scale"], layer["shift"], strict=True):
            entries[i, i] = scale
            entries |= {(i, j): x for j, x in zip(kept, row, strict=True)}
        found = times(field.matrix(entries, p + q), found, field.prime)
    return found


def is_true(claim):
    """Whether the flow of a certificate has the target or the covariance that is claimed."""
    field, d, pads = Field(claim["field"]), sum(claim["partition"]), claim.get("pads", [])
    derived, rows = matrix_of(claim), claim.get("covariance", claim.get("target"))
    if "covariance" in claim:
        derived = times(derived, zip(*derived, strict=True), field.prime)
    others = [i for i in range(d) if i not in pads]
    entries = {
        (i, j): x
        for i, row in zip(others, rows, strict=True)
        for j, x in zip(others, row, strict=True)
    }
    expected, bound = field.matrix(entries, d), Fraction(claim.get("within", 0))
    return all(
        abs(derived[i][j] - expected[i][j]) <= bound
        for i in range(len(derived))
        for j in range(len(derived))
        if j // field.degree not in pads
    )


def sheared(M, p, upper, mod):
    """All products of a shear and M: to each row of one half, any combination of the other's."""
    moved, kept = (M[:p], M[p:]) if upper else (M[p:], M[:p])
    combinations = times(product(range(mod), repeat=len(kept)), kept, mod)
    for added in product(combinations, repeat=len(moved)):
        rows = tuple(
            tuple((x + y) % mod for x, y in zip(row, more, strict=True))
            for row, more in zip(moved, added, strict=True)
        )
        yield rows + kept if upper else kept + rows


def all_sheared(matrices, p, upper, mod):
    """The union of these products for several matrices; one that is in it adds nothing new."""
    found = set()
    for M in matrices:
        if M not in found:
            found.update(sheared(M, p, upper, mod))
    return found
