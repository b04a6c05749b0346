"""Depth certificates: a matrix, as many layers as it needs, and why fewer do not do, as a file.

The format is version 1 of the project's depth certificate; `exactflow.checker` checks it with
the standard library alone and shares no code with this module. The witnesses are those that the
head of the checker lists; its equations are numbered as `equations` there returns them.
"""

import json
from collections.abc import Mapping, Sequence
from functools import singledispatch
from pathlib import Path

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.depth import MinimalDepth, Obstruction
from exactflow.depth.chain import ChainObstruction, ScaledObstruction
from exactflow.depth.kernels import KernelObstruction
from exactflow.depth.multipliers import MultiplierObstruction
from exactflow.depth.obstructions import (
    EntryObstruction,
    IntertwinerObstruction,
    LinearObstruction,
    residuals,
)
from exactflow.depth.opposed import OpposedObstruction, ScaledEntryObstruction
from exactflow.depth.proportions import ProportionObstruction
from exactflow.depth.similarity import (
    CoefficientObstruction,
    DivisorObstruction,
    UnitBlocksObstruction,
)
from exactflow.depth.tight import TightObstruction
from exactflow.errors import InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.normalforms import elementary_divisors
from exactflow.exact.numbers import format_rational
from exactflow.files.atomic import write_bytes
from exactflow.flows.result import Evidence
from exactflow.version import __version__

__all__ = ["depth_certificate_text", "witness", "write_depth_certificate"]


def depth_certificate_text(
    answer: MinimalDepth, provenance: Mapping[str, object] | None = None
) -> str:
    """Return the certificate of what `minimal_depth` found: the same text for the same answer.

    Parameters
    ----------
    answer : one that is decided, over QQ or GF(p).
    provenance : free entries about where the matrix came from; tool and version are added.

    Raises
    ------
    InvalidInputError
        The answer is an interval, or certified but not exact, or over another field: the format
        has no word for these.

    >>> from exactflow.depth import minimal_depth
    >>> *lines, provenance = depth_certificate_text(minimal_depth([[1, 2], [3, 7]])).splitlines()
    >>> print("\\n".join(lines))
    {"format": "exactflow-depth-certificate",
     "version": 1,
     "field": "QQ",
     "target": [["1", "2"], ["3", "7"]],
     "partition": [1, 1],
     "scales": "additive",
     "depth": 2,
     "layers": [{"moves": "first", "scale": ["1"], "shift": [["2"]]},
      {"moves": "second", "scale": ["1"], "shift": [["3"]]}],
     "obstructions": [{"pattern": "U", "kind": "linear", "multiplier": [[["0"]], [["1"]], [["0"]]]},
      {"pattern": "L", "kind": "linear", "multiplier": [[["1"]], [["0"]], [["0"]]]}],
    """
    flow = answer.flow
    _check_certifiable(answer)
    layers = [
        {
            "moves": layer.moves,
            "scale": _entries(layer.scale_elements, layer.field),
            "shift": _rows(layer.shift_matrix),
        }
        for layer in flow.layers
    ]
    record = {"tool": "exactflow", "version": __version__}
    members = {
        "format": "exactflow-depth-certificate",
        "version": 1,
        "field": f"GF({flow.field.mod})" if flow.field.is_FiniteField else "QQ",
        "target": _rows(flow.domain_matrix().to_dense()),
        "partition": list(flow.partition),
        "scales": answer.scales,
        "depth": flow.depth,
        "layers": layers,
        "obstructions": [{"pattern": o.pattern, **witness(o)} for o in answer.obstructions],
        "provenance": record | dict(provenance or {}),
    }
    return "{" + ",\n ".join(f'"{key}": {_text(value)}' for key, value in members.items()) + "}\n"


def write_depth_certificate(
    answer: MinimalDepth, path: str | Path, provenance: Mapping[str, object] | None = None
) -> None:
    """Write `depth_certificate_text` to a file, which appears as a whole or not at all."""
    write_bytes(path, depth_certificate_text(answer, provenance).encode())


def _check_certifiable(answer: MinimalDepth) -> None:
    if not answer.is_decided:
        raise InvalidInputError(
            f"expected a decided depth for a certificate, got from {answer.lower} to "
            f"{answer.upper}: certify the layers alone, with exactflow factor -o"
        )
    if answer.evidence is not Evidence.EXACT:
        raise InvalidInputError(
            f"expected layers that equal the matrix for a depth certificate, got {answer.count}: "
            "its existence.check() is evidence in its place"
        )
    field = answer.flow.field
    if not (field.is_QQ or field.is_FiniteField):
        raise InvalidInputError(
            f"expected a matrix over QQ or GF(p) for a depth certificate, got {field}: "
            "the checks of its obstructions are evidence in its place"
        )


def _text(value: object) -> str:
    """Return JSON, objects of a list on lines of their own."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + ",\n  ".join(map(json.dumps, value)) + "]"
    return json.dumps(value)


def _entries(values: Sequence, field: Domain) -> list[str]:
    if field.is_FiniteField:
        return [str(int(field.to_int(x)) % field.mod) for x in values]
    return [format_rational(x) for x in values]


def _rows(M: DomainMatrix) -> list[list[str]]:
    return [_entries(row, M.domain) for row in M.to_list()]


def _polynomial(f: Sequence, field: Domain) -> list[str]:
    """Return the coefficients of a polynomial, ascending."""
    return _entries(f[::-1], field)


def _linear(*multiplier: DomainMatrix) -> dict[str, object]:
    return {"kind": "linear", "multiplier": [_rows(W) for W in multiplier]}


@singledispatch
def witness(obstruction: Obstruction) -> dict[str, object]:
    """Return the kind of an obstruction and its witness, as the format writes them."""
    raise InvalidInputError(
        f"expected an obstruction that the format knows, got {type(obstruction).__name__}: "
        "use one that minimal_depth returns"
    )


@witness.register
def _(obstruction: EntryObstruction) -> dict[str, object]:
    return _misfit([(R, False) for R in _residuals(obstruction).values()])


@witness.register
def _(obstruction: ScaledEntryObstruction) -> dict[str, object]:
    A, B, C, D = obstruction.blocks
    if len(obstruction.pattern) == 2:
        inverse = linalg.inverse_or_none(D)
        schur = D - D if inverse is None else A - B * inverse * C
        return _misfit([(D, True), (schur, inverse is not None)])
    equations = _residuals(obstruction)
    if obstruction.pattern:
        equations["A = I"] = A
    return _misfit([(R, R is A) for R in equations.values()])


def _residuals(obstruction: Obstruction) -> dict[str, DomainMatrix]:
    return residuals(len(obstruction.pattern), obstruction.blocks)


def _misfit(equations: list[tuple[DomainMatrix, bool]]) -> dict[str, object]:
    """Return the multiplier that picks an entry of a matrix which ought to be 0, or, where it is
    marked, a positive diagonal.
    """
    multiplier = [R - R for R, _ in equations]
    for at, (R, is_diagonal) in enumerate(equations):
        for i, row in enumerate(R.to_list()):
            for j, x in enumerate(row):
                if (x <= 0) if is_diagonal and i == j else x:
                    to, at_row = (linalg.unit_vector(len(row), k, R.domain) for k in (j, i))
                    multiplier[at] = to * at_row.transpose()
                    return _linear(*multiplier)
    raise InvalidInputError("expected an obstruction that holds, got one whose entries all fit")


@witness.register
def _(obstruction: LinearObstruction) -> dict[str, object]:
    return _linear(obstruction.P, obstruction.Q, obstruction.R)


@witness.register
def _(obstruction: ProportionObstruction) -> dict[str, object]:
    return _linear(obstruction.P, obstruction.Q, obstruction.R)


@witness.register
def _(obstruction: IntertwinerObstruction) -> dict[str, object]:
    return _linear(obstruction.P, obstruction.L, obstruction.R)


@witness.register
def _(obstruction: CoefficientObstruction) -> dict[str, object]:
    return {"kind": "trace", "k": obstruction.k}


@witness.register
def _(obstruction: DivisorObstruction) -> dict[str, object]:
    factor = _polynomial(obstruction.f, obstruction.matrix.domain)
    return {"kind": "similarity", "factors": [factor]}


@witness.register
def _(obstruction: UnitBlocksObstruction) -> dict[str, object]:
    field = obstruction.matrix.domain
    return {"kind": "similarity", "factors": [_polynomial((field.one, -field.one), field)]}


@witness.register
def _(obstruction: ChainObstruction) -> dict[str, object]:
    parts, field = obstruction.parts, obstruction.matrix.domain
    divisors = (elementary_divisors(M) for M in (parts.Du, parts.Na))
    factors = {f: None for of in divisors for f in of} if obstruction.f is None else [obstruction.f]
    return {"kind": "chain", "factors": [_polynomial(f, field) for f in factors]}


@witness.register
def _(obstruction: TightObstruction) -> dict[str, object]:
    parts, field = obstruction.parts, obstruction.matrix.domain
    divisors = (elementary_divisors(M) for M in (parts.Du, parts.Na))
    factors = {f: None for of in divisors for f in of}
    return {"kind": "chain", "factors": [_polynomial(f, field) for f in factors]}


@witness.register
def _(obstruction: ScaledObstruction) -> dict[str, object]:
    return _linear(obstruction.multiplier)


@witness.register
def _(obstruction: MultiplierObstruction) -> dict[str, object]:
    terms = [
        [[format_rational(x), *map(str, exponents)] for exponents, x in p.items()]
        for p in obstruction.multipliers
    ]
    return {"kind": "linear", "multiplier": terms}


@witness.register
def _(obstruction: KernelObstruction) -> dict[str, object]:
    return _linear(obstruction.Q)


@witness.register
def _(obstruction: OpposedObstruction) -> dict[str, object]:
    return {"kind": "opposed", "k": obstruction.k}
