"""Certificates of lossless flows: the claim about W, and the map itself, to be rebuilt.

The layers are those on the grid and then a scaling by the step, so that the checker's claim is that
their product is ``within`` so much of W. The provenance holds what makes the map of integers out of
them: y = moved + floor(T kept + 1/2), in `layers` but for the scalings at the end, for inputs up to
`limit`; the entries of T are multiples of 2^-bits. Nothing else is needed to run it elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exactflow import checker
from exactflow.errors import CertificateError, InvalidInputError
from exactflow.exact.coerce import as_matrix
from exactflow.files.atomic import named, read_bytes
from exactflow.files.certificate import read_certificate
from exactflow.flows.flow import CouplingFlow
from exactflow.lossless.assembly import checked_grid, on_layers_of
from exactflow.lossless.bijection import Lossless

__all__ = ["claim", "is_lossless", "lossless_of", "read_lossless"]

_ROUNDING = "moved + floor(shift * kept + 1/2)"


def claim(result: Lossless) -> dict[str, Any]:
    """Return what `exactflow.files.certificate.certificate_text` is told beside flow and target."""
    made = {"rounding": _ROUNDING, "bits": result.bits, "limit": result.limit}
    return {"within": result.error, "provenance": made}


def read_lossless(path: str | Path) -> Lossless:
    """Read a lossless flow: the same map, with the same limit, after its claim is checked.

    >>> import tempfile
    >>> from exactflow import save
    >>> from exactflow.lossless import lossless
    >>> W = [[0, -1], [1, 0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(lossless(W), f"{folder}/L.json", target=W)
    ...     print(read_lossless(f"{folder}/L.json").forward([1000, -3]))
    [   3 1000]

    Raises
    ------
    CertificateError
        The file is missing or no well-formed certificate of a lossless flow.
    VerificationError
        Its claim about the matrix is false.
    """
    flow = read_certificate(path)
    with named(path):
        return lossless_of(flow, checker.read_json(read_bytes(path), "certificate"))


def is_lossless(content: Mapping[str, Any]) -> bool:
    """Return whether a certificate of this content is that of a lossless flow."""
    rounding = content.get("provenance", {}).get("rounding")
    return rounding == _ROUNDING and "target" in content and "pads" not in content


def lossless_of(flow: CouplingFlow, content: Mapping[str, Any]) -> Lossless:
    """Return the lossless flow of a certificate, from its flow and its content.

    Raises `CertificateError` where that makes none.
    """
    made = content.get("provenance", {})
    if not is_lossless(content):
        raise CertificateError(
            "expected the certificate of a lossless flow, as exactflow lossless writes it, got "
            "another one"
        )
    try:
        bits, limit = checked_grid(made.get("bits", 0), made.get("limit", 0))
        result = on_layers_of(flow, as_matrix(content["target"]), bits, limit)
    except InvalidInputError as error:
        raise CertificateError(str(error)) from None
    if result.flow != flow:
        raise CertificateError(
            f"expected layers that alternate, with shifts in units of 2^-{bits}, then the step of "
            "each half, got others"
        )
    return result
