"""Certificates: a flow and the matrix that it equals, as a file that a referee can check.

The format is version 1 of the project's certificate format; `exactflow.checker` checks it with the
standard library alone and shares no code with this module's writer.
"""

import json
from collections.abc import Callable
from pathlib import Path

import sympy
from sympy import GF, QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow import __version__, checker
from exactflow.errors import CertificateError, InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.numbers import format_rational, parse_rational
from exactflow.files.atomic import write_bytes
from exactflow.flows.flow import CouplingFlow, LinearCoupling
from exactflow.flows.verification import verify

__all__ = ["certificate_text", "read_certificate", "write_certificate"]


def certificate_text(flow: CouplingFlow, provenance: dict[str, object] | None = None) -> str:
    """Return the certificate that `flow` equals its own matrix: the same text for the same flow.

    The format knows no order of coordinates: of a flow with one, it certifies the relabelled flow,
    whose matrix is M[order, order], and the provenance records the order.

    Parameters
    ----------
    flow : a flow over QQ, GF(p) or an algebraic number field.
    provenance : free entries about where the target came from; tool, version and method are added.

    >>> from exactflow import factor
    >>> print(certificate_text(factor([[2, 0], [0, 1]])).splitlines()[0])
    {"format": "exactflow-certificate",
    """
    field, entry = _field(flow.field)
    record = {"tool": "exactflow", "version": __version__, "method": flow.method}
    if flow.order:
        record["order"] = list(flow.order)
        flow = flow.flow
    target = flow.domain_matrix()
    layers = ",".join(_layer_text(layer, flow.field, entry) for layer in flow.layers)
    members = {
        "format": json.dumps("exactflow-certificate"),
        "version": "1",
        "field": json.dumps(field),
        "partition": json.dumps(list(flow.partition)),
        "target": _matrix_text(target, entry, " "),
        "layers": f"[{layers}\n ]",
    }
    if flow.flips:
        members["flips"] = json.dumps(list(flow.flips))
    members["provenance"] = json.dumps(record | (provenance or {}), sort_keys=True)
    return "{" + ",\n ".join(f'"{key}": {text}' for key, text in members.items()) + "}\n"


def write_certificate(
    flow: CouplingFlow, path: str | Path, provenance: dict[str, object] | None = None
) -> None:
    """Write `certificate_text` to a file: either the whole file appears or nothing changes."""
    write_bytes(path, certificate_text(flow, provenance).encode())


def read_certificate(path: str | Path) -> CouplingFlow:
    """Read the flow of a certificate, and check that it equals the certificate's target.

    Raises
    ------
    CertificateError
        The file is missing or no well-formed certificate.
    VerificationError
        It is well formed and false: the first differing entry is named.
    """
    try:
        data = Path(path).read_bytes()
        checker.read_certificate(data)
    except OSError as error:
        raise CertificateError(
            f"expected a readable certificate, got {str(path)!r}: {error.strerror or error}"
        ) from None
    except checker.MalformedError as error:
        raise CertificateError(str(error)) from None
    content = checker.read_json(data, "certificate")
    field, element = _reader(content["field"])

    def matrix(rows: list) -> DomainMatrix:
        entries = [[element(entry) for entry in row] for row in rows]
        return linalg.from_entries(entries, (len(rows), len(rows[0])), field)

    partition = tuple(content["partition"])
    layers = [
        LinearCoupling(
            partition,
            layer["moves"],
            matrix(layer["shift"]),
            matrix([[entry] for entry in layer["scale"]]),
        )
        for layer in content["layers"]
    ]
    method = content.get("provenance", {}).get("method", "")
    flow = CouplingFlow(layers, partition, content.get("flips", ()), str(method), field=field)
    verify(flow, matrix(content["target"]))
    return flow


def _reader(field: object) -> tuple[Domain, Callable]:
    """Return the field that a certificate names, and how it reads an element."""
    if isinstance(field, dict):
        coefficients = [_rational(c) for c in reversed(field["modulus"])]
        modulus = sympy.Poly(coefficients, sympy.Symbol("x"), domain=QQ)
        index = max(modulus.count_roots() - 1, 0)  # the largest real root, where there is one
        number_field = QQ.alg_field_from_poly(modulus, root_index=index)
        return number_field, lambda entry: number_field([_rational(c) for c in reversed(entry)])
    if field == "QQ":
        return QQ, _rational
    prime_field = GF(int(field[3:-1]))
    return prime_field, lambda entry: prime_field(int(parse_rational(entry)))


def _rational(text: str):
    value = parse_rational(text)
    return QQ(value.numerator, value.denominator)


Entry = Callable[[object], str]


def _field(field: Domain) -> tuple[object, Entry]:
    """Return the certificate's name of a field, and how it writes an element."""
    if field.is_QQ:
        return "QQ", lambda x: f'"{format_rational(x)}"'
    if field.is_FiniteField:
        return f"GF({field.mod})", lambda x: f'"{int(field.to_int(x)) % field.mod}"'
    if field.is_AlgebraicField:
        minimal = field.mod.to_list()
        modulus = [format_rational(c / minimal[0]) for c in reversed(minimal)]
        return {"modulus": modulus}, lambda x: json.dumps(
            [format_rational(c) for c in reversed(x.to_list())]
        )
    raise InvalidInputError(
        f"expected a flow over QQ, GF(p) or an algebraic number field, got {field}: "
        "put numbers in the place of the symbols"
    )


def _layer_text(layer: LinearCoupling, field: Domain, entry: Entry) -> str:
    scale = ", ".join(entry(field.convert_from(s, layer.field)) for s in layer.scale_elements)
    members = [f'"moves": "{layer.moves}"', f'"scale": [{scale}]']
    if field.is_AlgebraicField and not all(s.is_Rational for s in layer.scale):
        members.append('"sign": "unchecked"')
    shift = _matrix_text(layer.shift_matrix.convert_to(field), entry, "    ")
    return "\n  {" + ",\n   ".join([*members, f'"shift": {shift}']) + "}"


def _matrix_text(M: DomainMatrix, entry: Entry, indent: str) -> str:
    zero = entry(M.domain.zero)
    rows = (", ".join(entry(x) if x else zero for x in row) for row in M.to_list())
    return "[" + f",\n{indent}".join(f"[{row}]" for row in rows) + "]"
