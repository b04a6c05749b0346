"""Matrices from blocks, over any field, for the tests of this folder."""

from sympy import QQ

from exactflow.exact import linalg
from exactflow.exact.linalg import Blocks


def diagonal(*entries, field=QQ):
    return linalg.diagonal([field.convert(x) for x in entries], field)


def matrix(rows, field=QQ):
    entries = [[field.convert(x) for x in row] for row in rows]
    return linalg.from_entries(entries, (len(rows), len(rows[0])), field)


def blocks(A, B, C, D):
    return linalg.join(Blocks(A, B, C, D)).to_dense()
