"""Results as files, and back: `exactflow.save` and `exactflow.load`.

A certificate holds what was claimed, about the matrix of the caller: that a flow equals it, is
within a bound of it, generates a Gaussian, or that its depth is so many layers. Nothing is written
or read that the stand-alone checker does not accept.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.files.arrays import ARRAY_SUFFIXES, read_arrays, write_arrays
from exactflow.files.atomic import check_place, write_bytes
from exactflow.files.certificate import accepted, certificate_text, read_checked
from exactflow.files.depth_certificate import depth_certificate_text, read_obstruction
from exactflow.floats.balancing import Balanced
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import CoordinateLayout, pads_of
from exactflow.flows.verification import Verification, first_difference
from exactflow.laws.gaussian import Whitening
from exactflow.linear.depth import MinimalDepth

_WITH_FLOW = Balanced | MinimalDepth | Verification


def save(result: Any, path: str | Path, *, target: "MatrixLike | None" = None) -> None:
    """Write the certificate of a result to a .json file; the whole file appears, or none.

    With another suffix, ``.npz``, ``.safetensors`` or ``.pt``, the layers are written in float64,
    where that holds them exactly (`exactflow.files.arrays`).

    Parameters
    ----------
    result : what `factor`, `verify`, `balance`, `whiten` or `minimal_depth` returned; or a
        `CouplingFlow`.
    path : the file, told by its suffix.
    target : the matrix that was asked about, in any form that `factor` takes. It may be left out
        but for `balance`, whose layers are only near it.

    Raises
    ------
    InvalidInputError
        A result or a suffix that is none of these, a place that cannot be written, no target
        where one is needed, or a claim that the checker cannot decide.
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
        write_bytes(path, accepted(depth_text(result, matrix), quick=False)[0])
    elif suffix == ".json":
        write_claim(result, path, matrix, {})
    else:
        write_arrays(_flow(result), path)


def depth_text(answer: MinimalDepth, target: DomainMatrix | None) -> str:
    """Return the certificate of an answer of `minimal_depth`, which must be about the target."""
    if target is not None and first_difference(*target.unify(answer.matrix, fmt="dense")):
        raise VerificationError("expected the matrix of the answer as target, got another one")
    return depth_certificate_text(answer)


def write_claim(
    result: Any, path: str | Path, target: DomainMatrix | None, provenance: Mapping[str, object]
) -> str:
    """Write the certificate of the flow of a result; return what the checker says of it."""
    flow = _flow(result)
    claim = _claim(result, flow, target)
    data, said = accepted(certificate_text(flow, **claim, provenance=provenance))
    write_bytes(path, data)
    return said


def load(path: str | Path) -> "CouplingFlow | MinimalDepth":
    """Load a result that `save` or a command wrote, if the stand-alone checker accepts its claim.

    A certificate of `minimal_depth` gives the answer back, another one the flow that it is about:
    of `whiten` the one that generates. Layers in float64 are a flow.

    Raises
    ------
    CertificateError
        No readable certificate, or one that the checker cannot decide.
    VerificationError
        It is one, and false.
    InvalidInputError
        No readable file of layers.
    """
    if Path(path).suffix.lower() in ARRAY_SUFFIXES:
        return read_arrays(path)
    flow, content = read_checked(path)
    return _depth(flow, content) if "obstructions" in content else flow


def _depth(flow: CouplingFlow, content: Mapping[str, Any]) -> MinimalDepth:
    """Return the answer that a depth certificate holds, from its flow and its content."""
    layout = CoordinateLayout(flow.partition, flow.order or tuple(range(flow.dimension)))
    target, scales, p = flow.domain_matrix().to_dense(), content["scales"], layout.partition[0]
    inner = layout.inner(target)
    reasons = tuple(read_obstruction(o, inner, scales, p) for o in content["obstructions"])
    return MinimalDepth(flow.depth, flow.depth, scales, flow, reasons, target, layout)


def _flow(result: Any) -> CouplingFlow:
    """Return the flow that a certificate is about."""
    if isinstance(result, Whitening):
        return result.generator
    flow = result.flow if isinstance(result, _WITH_FLOW) else result
    if not isinstance(flow, CouplingFlow):
        raise InvalidInputError(
            "expected what factor, verify, balance, whiten or minimal_depth returned, "
            f"got {type(result).__name__}, of which the certificate has no claim"
        )
    return flow


def _claim(result: Any, flow: CouplingFlow, target: DomainMatrix | None) -> dict[str, Any]:
    """The claim about the flow of a result, as keywords of `certificate_text`."""
    if isinstance(result, Whitening):
        places = sorted(range(result.dimension), key=result.order.__getitem__)
        own = result.covariance.whole.extract(places, places)
        return {"covariance": own if target is None else target, "within": result.generator_error}
    if isinstance(result, Balanced) and target is None:
        raise InvalidInputError(
            "expected target=W for what balance returned, the matrix that it is near, got none"
        )
    pads = () if target is None else pads_of(flow.partition, target.shape[0])
    claim = {"target": target, "pads": pads}
    if isinstance(result, Balanced):
        claim["within"] = result.error
    return claim
