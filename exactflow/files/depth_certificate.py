"""Depth certificates: files with a matrix, its layers, and obstructions to fewer layers.

The format is version 1 of the project's depth certificate, or version 2 if the halves differ in
size or a mask orders the coordinates. `exactflow.checker` checks a file with the standard library
alone and shares no code with this module. The docstring of `exactflow.checker` lists the witnesses
of obstructions. The multipliers of equations come in the order of `checker.layer_equations`.
"""

import json
from collections.abc import Mapping
from typing import Any

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import checker
from exactflow.errors import CertificateError, InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_field
from exactflow.exact.typing import Element
from exactflow.files.certificate import (
    field_name_writer_and_decimals,
    join_json_members,
    rows_as_json_values,
)
from exactflow.files.version import __version__
from exactflow.flows.evidence import Evidence
from exactflow.flows.result import DepthScales
from exactflow.linear.depth import MinimalDepth
from exactflow.linear.depth.obstruction import KINDS, Obstruction
from exactflow.linear.depth.pattern import PatternInstance, Reason, SplitMatrix


def depth_certificate_text(
    answer: MinimalDepth, provenance: Mapping[str, object] | None = None
) -> str:
    """Return the text of a certificate for a result of `minimal_depth`.

    Equal results give equal texts. `provenance` has free entries about the origin of the matrix;
    tool and version are added.
    Raises `InvalidInputError` if the format cannot express the answer: an undecided depth, layers
    that are certified but not exact, or another field than QQ or GF(p).

    >>> from exactflow.linear.depth import minimal_depth
    >>> lines = depth_certificate_text(minimal_depth([[1, 2], [3, 7]])).splitlines()
    >>> print(*lines[6:9], sep="\\n")
     "depth": 2,
     "layers": [{"moves": "first", "scale": ["1"], "shift": [["2"]]},
      {"moves": "second", "scale": ["1"], "shift": [["3"]]}],
    """
    flow = answer.flow
    _check_certifiable(answer)
    field, write_entry, _ = field_name_writer_and_decimals(flow.field)
    layers = [
        {
            "moves": layer.moves,
            "scale": list(map(write_entry, layer.scale_elements)),
            "shift": rows_as_json_values(layer.shift_matrix, write_entry),
        }
        for layer in flow.layers
    ]
    record = {"tool": "exactflow", "version": __version__}
    members: dict[str, Any] = {
        "format": "exactflow-depth-certificate",
        "version": 2 if flow.order or len(set(flow.partition)) > 1 else 1,
        "field": field,
        "target": rows_as_json_values(answer.matrix, write_entry),
        "partition": list(flow.partition),
        **({"order": list(flow.order)} if flow.order else {}),
        "scales": answer.scales,
        "depth": flow.depth,
        "layers": layers,
        "obstructions": [
            {"pattern": o.pattern, **kind_and_witness_json_members(o)} for o in answer.obstructions
        ],
        "provenance": record | dict(provenance or {}),
    }
    texts = {}
    for key, value in members.items():
        if key in ("layers", "obstructions"):  # one line for each object
            texts[key] = "[" + ",\n  ".join(map(json.dumps, value)) + "]"
        else:
            texts[key] = json.dumps(value)
    return join_json_members(texts)


def _check_certifiable(answer: MinimalDepth) -> None:
    if not answer.is_decided:
        raise InvalidInputError(
            f"the minimal depth is not decided (between {answer.lower} and {answer.upper}): "
            "call save(answer.flow, path) instead, which certifies only the layers"
        )
    if answer.evidence is not Evidence.EXACT:
        raise InvalidInputError(
            "a certificate needs exact layers, and these layers are only proved to exist: "
            "call answer.existence.check() instead"
        )
    field, uneven = answer.flow.field, len(set(answer.layout.partition)) > 1
    longer = next((o.pattern_text for o in answer.obstructions if not o.kind_row.written), "")
    unsupported = {
        f"a matrix over {format_field(field)}, only over QQ or GF(p)": not (
            field.is_QQ or field.is_FiniteField
        ),
        "flips or pads": answer.layout.flips or answer.layout.pads,
        "positive scales with halves of two sizes": uneven and answer.scales == "positive",
        f"obstructions to patterns of more than five letters, such as {longer}": longer,
    }
    if found := next((case for case, is_found in unsupported.items() if is_found), None):
        raise InvalidInputError(
            f"depth certificates do not support {found}: call check() on each of "
            "answer.obstructions instead"
        )


def kind_and_witness_json_members(obstruction: Obstruction) -> dict[str, object]:
    """Return the two JSON members that describe an obstruction: "kind", and the witness. The
    witness is named "k", "factors" or "multiplier".
    """
    row, found = obstruction.kind_row, obstruction.witness
    _, write_entry, _ = field_name_writer_and_decimals(obstruction.matrix.domain)
    written: object
    if row.key == "k":
        written = found
    elif row.key == "factors":
        written = [list(map(write_entry, reversed(f))) for f in found]
    else:
        written = [
            [[write_entry(x), *map(str, exponents)] for exponents, x in W.items()]
            if isinstance(W, Mapping)
            else rows_as_json_values(W, write_entry)
            for W in found
        ]
    return {"kind": row.written, row.key: written}


def read_obstruction(
    written_obstruction: Mapping[str, Any],
    matrix_in_layer_order: DomainMatrix,
    scales: DepthScales,
    first_half_size: int | None = None,
) -> Obstruction:
    """Return the obstruction that an element of a certificate's list "obstructions" describes.

    The checker must have accepted the certificate. `matrix_in_layer_order` is the target with its
    coordinates in the order of the layers; by default its halves have equal sizes. If a
    certificate has the same word for several of `KINDS`, return an obstruction whose check
    succeeds. Raises `CertificateError` if there is none: the checker accepts more witnesses, such
    as reducible factors.
    """
    instance = PatternInstance(
        written_obstruction["pattern"], SplitMatrix(matrix_in_layer_order, first_half_size), scales
    )
    found = [
        Obstruction.from_unchecked_reason(instance, Reason(kind, read))
        for kind, row in KINDS.items()
        if row.written == written_obstruction["kind"]
        and len(instance.pattern) in row.letters.get(scales, ())
        for read in [_read_witness(row.key, written_obstruction[row.key], instance)]
        if row.key != "multiplier" or any(isinstance(W, dict) for W in read) == (kind == "signs")
    ]
    valid = next((o for o in found if o.is_valid()), None)
    if valid is None:
        raise CertificateError(
            f"the checker accepts the witness against {instance.pattern or 'the identity'}, but it "
            "is of a form that minimal_depth does not write: call minimal_depth on the matrix "
            "instead"
        )
    return valid


def _read_witness(json_key: str, json_value: Any, instance: PatternInstance) -> Any:
    """Return the witness in the JSON member `json_key`: a number for "k", coefficients of
    polynomials for "factors", and matrices or terms of polynomials for "multiplier".
    """
    field, d = instance.matrix.domain, instance.matrix.shape[0]

    def parse_target_field_element(text: str) -> Element:
        return field.convert_from(QQ(*map(checker.parse_integer, text.split("/"))), QQ)

    if json_key == "k":
        return json_value
    if json_key == "factors":
        return tuple(tuple(map(parse_target_field_element, reversed(f))) for f in json_value)
    if instance.scales == "positive" and any(len(row) == d + 1 for W in json_value for row in W):
        polynomials: list[dict[tuple[int, ...], Element]] = [{} for _ in json_value]
        for terms, W in zip(polynomials, json_value, strict=True):
            for coefficient, *written in W:
                exponents = tuple(int(checker.read_rational(x, "exponent")) for x in written)
                c = parse_target_field_element(coefficient)
                terms[exponents] = terms.get(exponents, field.zero) + c
        return tuple(polynomials)
    rows = ([[parse_target_field_element(x) for x in row] for row in W] for W in json_value)
    return tuple(linalg.from_entries(W, (len(W), len(W[0])), field) for W in rows)
