"""Flow certificates: files with a flow and the matrix that it equals, for a referee to check.

Files are written in version 2 of the project's certificate format: the claim is about the user's
matrix, in the user's order of coordinates. Versions 1 and 2 are read. `exactflow.checker` checks
both with the standard library alone and shares no code with this module's writer.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import sympy
from sympy import GF, QQ, QQ_I
from sympy.external.pythonmpq import PythonMPQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix
from sympy.polys.polyerrors import UnificationFailed

from exactflow import checker
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix, is_equal
from exactflow.exact.numbers import format_field, format_rational, format_up, to_fraction
from exactflow.exact.typing import Element, MatrixLike
from exactflow.files.atomic import explain_malformed_certificate, read_file_or_stdin
from exactflow.files.roots import find_root_index_or_largest_real, root_member_or_decimals
from exactflow.files.version import __version__
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling

FieldName: TypeAlias = str | dict
"""The name of a field in a certificate: "QQ", "GF(p)", or the modulus of a number field."""

EntryWriter: TypeAlias = Callable[[Element], object]
"""A function that writes an element of a field as JSON."""


def certificate_text(
    flow: CouplingFlow,
    target: "MatrixLike | None" = None,
    *,
    pads: Sequence[int] = (),
    within: "Element | str" = None,
    covariance: "MatrixLike | None" = None,
    provenance: Mapping[str, object] | None = None,
) -> str:
    """Return a certificate of the claim that a flow equals a matrix; equal flows give equal texts.

    A given target is not compared with the flow: the checker does so. If the generator of a number
    field is real, it is named as a root of its minimal polynomial. If the generator is not
    real, its decimals are in the provenance, and the claim is an identity that holds at every root.

    Parameters
    ----------
    flow : a flow over QQ, GF(p) or an algebraic number field.
    target : the matrix, in any form that `factor` takes; by default the matrix of the flow.
    pads : coordinates of the flow that `target` lacks; their inputs and outputs are zero.
    within : a rational bound, as a number or as text such as "1/1000"; the claim is then that no
        entry differs from the entry of `target` or `covariance` by more than the bound.
    covariance : a symmetric matrix over QQ, instead of `target`: the claim is then about Q Q^T,
        where Q is the matrix of the flow: the flow generates N(0, covariance) from white noise.
    provenance : free entries about the origin of the target; tool, version and method are added.

    Raises
    ------
    InvalidInputError
        A flow over another field, a target of another size or field, or both target and covariance.

    Examples
    --------
    >>> from exactflow import factor
    >>> print(certificate_text(factor([[2, 0], [0, 1]])).splitlines()[0])
    {"format": "exactflow-certificate",
    """
    if covariance is not None and (target is not None or pads):
        raise InvalidInputError(
            "the argument covariance=.. cannot be combined with target=.. or pads=..: pass "
            "covariance alone, or leave it out"
        )
    role = "target" if covariance is None else "covariance"
    own = [i for i in range(flow.dimension) if i not in set(pads)]
    if target is None and covariance is None:
        matrix = flow.domain_matrix()
        matrix = matrix.extract(own, own) if pads else matrix
    else:
        matrix = as_square_matrix(target if covariance is None else covariance)
    if matrix.shape[0] != len(own):
        raise InvalidInputError(
            f"expected a {len(own)} x {len(own)} matrix as {role}, like the flow, got "
            f"{matrix.shape[0]} x {matrix.shape[1]}"
        )
    if covariance is not None and not is_equal(matrix, matrix.transpose()):
        raise InvalidInputError(
            "expected a symmetric covariance, got a matrix that differs from its transpose"
        )
    try:
        field = flow.field.unify(matrix.domain)
    except UnificationFailed:
        fields = [format_field(field) for field in (flow.field, matrix.domain)]
        raise InvalidInputError(
            f"expected a {role} over {fields[0]}, like the flow, got a matrix over {fields[1]}"
        ) from None
    field = QQ_I.as_AlgebraicField() if field == QQ_I else field
    name, write_entry, decimals = field_name_writer_and_decimals(field)
    layers = [_layer_json_text(layer, field, name, write_entry) for layer in flow]
    record: dict[str, object] = {"tool": "exactflow", "version": __version__, "method": flow.method}
    members = {
        "format": json.dumps("exactflow-certificate"),
        "version": "2",
        "field": json.dumps(name),
        "partition": json.dumps(list(flow.partition)),
        role: _matrix_json_text(matrix.convert_to(field), write_entry, " "),
        "layers": f"[{','.join(layers)}\n ]",
    }
    lists = {"flips": flow.flips, "order": flow.order, "pads": pads}
    members |= {key: json.dumps(list(found)) for key, found in lists.items() if found}
    if within is not None:
        members["within"] = json.dumps(format_rational(to_fraction(within)))
    record |= dict(provenance or {})
    if decimals:
        record["generator"] = decimals
    members["provenance"] = json.dumps(record, sort_keys=True)
    return join_json_members(members)


def join_json_members(members: Mapping[str, str]) -> str:
    """Return the text of a JSON object, one member a line, from the JSON text of each member."""
    return "{" + ",\n ".join(f'"{key}": {text}' for key, text in members.items()) + "}\n"


def require_accepted_verdict(certificate: bytes, *, only_at_random_vectors: bool) -> str:
    """Check a certificate; return the verdict in words, or raise an error unless it is accepted.

    With `only_at_random_vectors`, an equality is tested there and not computed in full. Raises
    `VerificationError` with the first differing entry if the claim is false, and
    `InvalidInputError` if the checker cannot decide the claim.
    """
    report = checker.check(certificate, quick=only_at_random_vectors)
    if report.verdict is checker.Verdict.REFUTED:
        refuted = checker.check(certificate) if only_at_random_vectors else report
        raise VerificationError(refuted.lines[-1][2:])
    if report.verdict is checker.Verdict.INCOMPLETE:
        raise InvalidInputError(
            f"the checker cannot decide this certificate: {_join_report_reasons(report)}; use the "
            "flow in Python, without a certificate"
        )
    if report.largest:
        return f"within {format_up(report.largest, 2)} in all entries"
    return report.lines[-1][2:]


def _join_report_reasons(report: checker.Report) -> str:
    """Return the reasons in a report, in one line.

    The first two lines of a report tell the size and the target; the reasons follow them.
    """
    lines = (line[2:].removeprefix("incomplete: ") for line in report.lines[2:] or report.lines)
    return "; ".join(lines)


def read_accepted_flow_and_content(path: str | Path) -> tuple[CouplingFlow, dict[str, Any]]:
    """Read a certificate file that the checker accepts; return its flow and its JSON content.

    Raises
    ------
    CertificateError
        The file is missing or malformed, or the checker cannot decide its claim.
    VerificationError
        The claim is false; the first differing entry is named.
    """
    try:
        data = read_file_or_stdin(path, "certificate")
    except InvalidInputError as error:
        raise CertificateError(str(error)) from None
    name = Path(path).name
    try:
        report = checker.check(data)
    except checker.MalformedError as error:
        raise CertificateError(f"{name}: {explain_malformed_certificate(data, error)}") from None
    if report.verdict is checker.Verdict.REFUTED:
        raise VerificationError(f"{name}: {_join_report_reasons(report)}")
    if report.verdict is checker.Verdict.INCOMPLETE:
        raise CertificateError(
            f"{name}: the checker cannot decide this claim: {_join_report_reasons(report)}"
        )
    content = checker.read_json(data, "certificate")
    provenance = content.get("provenance", {})
    field, parse = _read_field_and_entry_parser(content["field"], provenance.get("generator"))
    partition = tuple(content["partition"])
    layers = []
    for layer in content["layers"]:
        entries = [[parse(entry) for entry in row] for row in layer["shift"]]
        shift = linalg.from_entries(entries, (len(entries), len(entries[0])), field)
        scale = [*map(parse, layer["scale"])]
        # the checker has verified the shapes and the signs
        layers.append(LinearCoupling.trusted(partition, layer["moves"], shift, scale))
    method = str(provenance.get("method", ""))
    flips, order = (content.get(key, ()) for key in ("flips", "order"))
    flow = CouplingFlow(layers, partition, flips=flips, method=method, field=field, order=order)
    return flow, content


def _read_field_and_entry_parser(
    field_name: FieldName, generator_decimals: object
) -> tuple[Domain, Callable[[Any], Element]]:
    """Return the field that a certificate names, and a function that reads an element from JSON.

    If the generator of a number field is not real, `generator_decimals` tells which root it is.
    """
    if isinstance(field_name, dict):
        coefficients = [_parse_rational(c) for c in reversed(field_name["modulus"])]
        modulus = sympy.Poly(coefficients, sympy.Symbol("x"), domain=QQ)
        between = field_name.get("root", ())
        index = find_root_index_or_largest_real(modulus, between, generator_decimals)
        root = sympy.rootof(modulus, index, radicals=modulus.degree() < 3)
        if modulus.degree() > 1:
            number_field = QQ.algebraic_field(root)
        else:
            number_field = QQ.alg_field_from_poly(modulus, root_index=0)
        return number_field, lambda entry: number_field(
            [_parse_rational(c) for c in reversed(entry)]
        )
    if field_name == "QQ":
        return QQ, _parse_rational
    prime_field = GF(int(field_name[3:-1]))
    return prime_field, lambda entry: prime_field(checker.parse_integer(entry))


def _parse_rational(text: str) -> Element:
    return QQ(*map(checker.parse_integer, text.split("/")))


def field_name_writer_and_decimals(field: Domain) -> tuple[FieldName, EntryWriter, list[str]]:
    """Return the name of a field in certificates; a function that writes an element as JSON; and
    the decimals of the generator. The decimals are [] if the generator is real, or there is none.
    """
    if field.is_QQ:  # for long numbers of FLINT and gmpy, str is faster than format_rational
        return "QQ", lambda x: format_rational(x) if isinstance(x, PythonMPQ) else str(x), []
    if field.is_FiniteField:
        return f"GF({field.mod})", lambda x: str(int(field.to_int(x)) % field.mod), []
    if field.is_AlgebraicField:
        minimal = field.mod.to_list()
        monic = [c / minimal[0] for c in minimal]
        named, decimals = root_member_or_decimals(
            field, sympy.Poly(monic, sympy.Symbol("x"), domain=QQ)
        )
        name = {"modulus": [format_rational(c) for c in reversed(monic)]} | named
        return name, lambda x: [format_rational(c) for c in reversed(x.to_list())], decimals
    raise InvalidInputError(
        f"expected a flow over QQ, GF(p) or an algebraic number field, got {format_field(field)}: "
        "substitute numbers for the symbols"
    )


def rows_as_json_values(M: DomainMatrix, write_entry: EntryWriter) -> list[list]:
    """Return the rows of a matrix as lists of JSON values; `write_entry` writes one entry."""
    zero = write_entry(M.domain.zero)
    return [[write_entry(x) if x else zero for x in row] for row in M.to_list()]


def _layer_json_text(
    layer: LinearCoupling, field: Domain, field_name: FieldName, write_entry: EntryWriter
) -> str:
    scale = [*map(write_entry, linalg.convert_elements(layer.scale_elements, layer.field, field))]
    members = [f'"moves": "{layer.moves}"', f'"scale": {json.dumps(scale)}']
    is_real = isinstance(field_name, str) or "root" in field_name
    if not is_real and not all(s.is_Rational for s in layer.scale):
        members.append('"sign": "unchecked"')
    shift = _matrix_json_text(layer.shift_matrix.convert_to(field), write_entry, "    ")
    return "\n  {" + ",\n   ".join([*members, f'"shift": {shift}']) + "}"


def _matrix_json_text(M: DomainMatrix, write_entry: EntryWriter, row_indent: str) -> str:
    return "[" + f",\n{row_indent}".join(map(json.dumps, rows_as_json_values(M, write_entry))) + "]"
