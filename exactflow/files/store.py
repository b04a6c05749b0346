"""Results as files, and back: `exactflow.save` and `exactflow.load`.

A certificate holds what was claimed, about the matrix of the caller: that a flow equals it, is
within a bound of it, generates a Gaussian, rounds to a bijection of integers, or that its depth is
so many layers. Nothing is written that the stand-alone checker refutes.

The layers of a lossless flow are those on the grid and then a scaling by the step, so that the
checker's claim is that their product is ``within`` so much of W. The provenance holds what makes
the map of integers out of them: y = moved + floor(T kept + 1/2), in `layers` but for the scalings
at the end, for inputs up to `limit`; the entries of T are multiples of 2^-bits. Nothing else is
needed to run it elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow import checker
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.files.arrays import ARRAY_SUFFIXES, read_arrays, write_arrays
from exactflow.files.atomic import check_place, named, read_bytes, write_bytes
from exactflow.files.certificate import accepted, certificate_text, read_certificate
from exactflow.files.depth_certificate import depth_certificate_text, read_obstruction
from exactflow.floats.balancing import Balanced
from exactflow.floats.lossless.bijection import Lossless
from exactflow.floats.lossless.gridded import checked_grid, on_layers_of
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import Pose, pads_of
from exactflow.flows.verification import Verification, first_difference
from exactflow.laws.gaussian import Whitening
from exactflow.linear.depth import MinimalDepth

__all__ = ["load", "read_lossless", "save", "write_claim"]

_ROUNDING = "moved + floor(shift * kept + 1/2)"
_WITH_FLOW = Balanced | Lossless | MinimalDepth | Verification


def save(result: Any, path: str | Path, target: "MatrixLike | None" = None) -> None:
    """Write the certificate of a result to a .json file; the whole file appears, or none.

    With another suffix, ``.npz``, ``.safetensors`` or ``.pt``, the layers are written in float64,
    where that holds them exactly (`exactflow.files.arrays`).

    Parameters
    ----------
    result : what `factor`, `verify`, `balance`, `whiten`, `exactflow.floats.lossless.lossless` or
        `minimal_depth` returned; or a `CouplingFlow`.
    path : the file, told by its suffix.
    target : the matrix that was asked about, in any form that `factor` takes. It may be left out
        but for `balance` and `lossless`, whose layers are only near it.

    Raises
    ------
    InvalidInputError
        A result or a suffix that is none of these, a place that cannot be written, or no target
        where one is needed.
    VerificationError
        The claim is false of this target; nothing is written.

    Examples
    --------
    >>> import tempfile
    >>> from exactflow import balance, minimal_depth
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(balance([[0.5, 1], [0, 2]]), f"{folder}/w.json", target=[[0.5, 1], [0, 2]])
    ...     save(minimal_depth([[1, 2], [3, 7]]), f"{folder}/depth.json")
    ...     print(load(f"{folder}/w.json").matrix().shape, load(f"{folder}/depth.json").depth)
    (2, 2) 2
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", *ARRAY_SUFFIXES):
        raise InvalidInputError(
            f"expected .json (a certificate) or {', '.join(ARRAY_SUFFIXES)} (float64 layers) as "
            f"suffix, got {str(path)!r}"
        )
    matrix = None if target is None else as_matrix(target)
    check_place(path)
    if isinstance(result, MinimalDepth) and suffix == ".json":
        if matrix is not None and first_difference(*matrix.unify(result.matrix, fmt="dense")):
            raise VerificationError("expected the matrix of the answer as target, got another one")
        write_bytes(path, accepted(depth_certificate_text(result), quick=False)[0])
    elif suffix == ".json":
        write_claim(result, path, matrix, {})
    else:
        write_arrays(_flow(result), path)


def write_claim(
    result: Any,
    path: str | Path,
    target: DomainMatrix | None,
    provenance: Mapping[str, object],
) -> str:
    """Write the certificate of the flow of a result; return what the checker says of it."""
    flow = _flow(result)
    claim = _claim(result, flow, target)
    claim["provenance"] = {**provenance, **claim.get("provenance", {})}
    data, said = accepted(certificate_text(flow, **claim))
    write_bytes(path, data)
    return said


def load(path: str | Path) -> "CouplingFlow | Lossless | MinimalDepth":
    """Return what a file of `save`, or of the command line, holds; its claim is checked again.

    A certificate of `exactflow.floats.lossless.lossless` or `minimal_depth` gives the result back,
    another one the flow that it is about: of `whiten` the one that generates. Layers in float64
    are a flow.

    Raises
    ------
    CertificateError
        No readable certificate.
    VerificationError
        It is one, and false.
    InvalidInputError
        No readable file of layers.
    """
    if Path(path).suffix.lower() in ARRAY_SUFFIXES:
        return read_arrays(path)
    flow = read_certificate(path)
    content = checker.read_json(read_bytes(path), "certificate")
    if "obstructions" in content:
        return _depth(flow, content)
    rounding = content.get("provenance", {}).get("rounding")
    if rounding != _ROUNDING or "target" not in content or "pads" in content:
        return flow
    with named(path):
        return _lossless(flow, content)


def read_lossless(path: str | Path) -> Lossless:
    """Read a lossless flow: the same map, with the same limit, after its claim is checked.

    >>> import tempfile
    >>> from exactflow.floats.lossless import lossless
    >>> W = [[0, -1], [1, 0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(lossless(W), f"{folder}/L.json", target=W)
    ...     print(read_lossless(f"{folder}/L.json").forward([1000, -3]))
    [   3 1000]

    Raises what `load` does, and `CertificateError` for a file of anything else.
    """
    found = load(path)
    if not isinstance(found, Lossless):
        raise CertificateError(
            f"{Path(path).name}: expected the certificate of a lossless flow, as exactflow "
            "lossless writes it, got another one"
        )
    return found


def _depth(flow: CouplingFlow, content: Mapping[str, Any]) -> MinimalDepth:
    """Return the answer that a depth certificate holds, from its flow and its content."""
    pose = Pose(flow.partition, flow.order or tuple(range(flow.dimension)))
    target, scales, p = flow.domain_matrix().to_dense(), content["scales"], pose.partition[0]
    inner = pose.inner(target)
    reasons = tuple(read_obstruction(o, inner, scales, p) for o in content["obstructions"])
    return MinimalDepth(flow.depth, flow.depth, scales, flow, reasons, target, pose)


def _lossless(flow: CouplingFlow, content: Mapping[str, Any]) -> Lossless:
    """Return the lossless flow that a certificate holds, from its flow and its content."""
    made = content["provenance"]
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


def _flow(result: Any) -> CouplingFlow:
    """Return the flow that a certificate is about."""
    if isinstance(result, Whitening):
        return result.generator
    flow = result.flow if isinstance(result, _WITH_FLOW) else result
    if not isinstance(flow, CouplingFlow):
        raise InvalidInputError(
            "expected what factor, verify, balance, whiten, lossless or minimal_depth returned, "
            f"got {type(result).__name__}, of which the certificate has no claim"
        )
    return flow


def _claim(result: Any, flow: CouplingFlow, target: DomainMatrix | None) -> dict[str, Any]:
    """Return what is claimed of the flow of a result, as keywords of `certificate_text`."""
    if isinstance(result, Whitening):
        places = sorted(range(result.dimension), key=result.order.__getitem__)
        own = result.covariance.whole.extract(places, places)
        return {"covariance": own if target is None else target, "within": result.generator_error}
    if isinstance(result, Balanced | Lossless) and target is None:
        raise InvalidInputError(
            f"expected target=W for what {flow.method} returned, the matrix that it is near, got "
            "none"
        )
    pads = () if target is None else pads_of(flow.partition, target.shape[0])
    claim = {"target": target, "pads": pads}
    if isinstance(result, Balanced):
        claim["within"] = result.error
    if isinstance(result, Lossless):
        made = {"rounding": _ROUNDING, "bits": result.bits, "limit": result.limit}
        claim |= {"within": result.error, "provenance": made}
    return claim
