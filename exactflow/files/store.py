"""Save results to files, and load them: `exactflow.save` and `exactflow.load`.

A certificate claims something about the caller's matrix: that a flow equals the matrix, or is
within a bound of it; that a flow generates the Gaussian whose covariance is the matrix; or that the
matrix has a certain minimal depth. A certificate is written or read only if the stand-alone checker
accepts it.
"""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import format_up
from exactflow.exact.typing import MatrixLike
from exactflow.files.arrays import ARRAY_SUFFIXES, read_arrays, write_arrays
from exactflow.files.atomic import (
    check_writable,
    prefixing_content_errors_with_file_name,
    write_atomically,
)
from exactflow.files.certificate import (
    certificate_text,
    read_accepted_flow_and_content,
    require_accepted_verdict,
)
from exactflow.files.depth_certificate import depth_certificate_text, read_obstruction
from exactflow.floats.balancing import Balanced
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import CoordinateLayout, pad_coordinates_or_empty
from exactflow.flows.verification import Verification, require_equal
from exactflow.laws.gaussian import Whitening
from exactflow.linear.depth import MinimalDepth

_RESULTS_WITH_FLOW = Balanced | MinimalDepth | Verification


def save(result: Any, path: str | Path, *, target: "MatrixLike | None" = None) -> None:
    """Write the certificate of a result to a .json file, which appears complete or not at all.

    With the suffix ``.npz``, ``.safetensors`` or ``.pt`` the layers are written in float64, if
    their entries are float64 numbers (`exactflow.files.arrays`).

    Parameters
    ----------
    result : the result of `factor`, `verify`, `balance`, `whiten` or `minimal_depth`, or a
        `CouplingFlow`.
    path : the file; its suffix tells the type.
    target : the matrix that the result is about, in any form that `factor` takes. Only `balance`
        needs it: its layers are near the matrix, but not equal.

    Raises
    ------
    InvalidInputError
        Another type of result or suffix, a path that cannot be written, a missing target, a target
        for a file of layers, or a claim that the checker cannot decide.
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
    _check_is_path(path, ": the order is save(result, path)")
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", *ARRAY_SUFFIXES):
        raise InvalidInputError(
            f"expected the suffix .json (a certificate) or {', '.join(ARRAY_SUFFIXES)} "
            f"(float64 layers), got the file name {str(path)!r}"
        )
    if target is not None and suffix != ".json":
        raise InvalidInputError(
            f"a {suffix} file holds layers, and no matrix that they are compared with: leave out "
            "target=.., or save a certificate (.json)"
        )
    matrix = None if target is None else as_square_matrix(target)
    check_writable(path)
    if isinstance(result, MinimalDepth) and suffix == ".json":
        data = depth_certificate_text_if_about_target(result, matrix).encode()
        require_accepted_verdict(data, only_at_random_vectors=False)
        write_atomically(path, data)
    elif suffix == ".json":
        write_accepted_flow_certificate(result, path, matrix, {})
    else:
        write_arrays(_flow_or_whitening_generator(result), path)


def depth_certificate_text_if_about_target(
    answer: MinimalDepth, target: DomainMatrix | None
) -> str:
    """Return the text of a certificate for a result of `minimal_depth`.

    Raises an error if the result is about another matrix than `target`, unless `target` is None.
    """
    if target is not None:
        if target.shape != answer.matrix.shape:
            shapes = " x ".join(map(str, answer.matrix.shape)), " x ".join(map(str, target.shape))
            raise InvalidInputError(
                f"expected a {shapes[0]} matrix as target, like the matrix of the answer, got "
                f"{shapes[1]}"
            )
        require_equal(answer.matrix, target, "the answer is about another matrix than target")
    return depth_certificate_text(answer)


def write_accepted_flow_certificate(
    result: Any, path: str | Path, target: DomainMatrix | None, provenance: Mapping[str, object]
) -> str:
    """Write the certificate of the flow of a result, and return the checker's verdict in words.

    If the checker does not accept the certificate, raise an error and write nothing.
    """
    flow = _flow_or_whitening_generator(result)
    claim = _claim_keywords(result, flow, target)
    data = certificate_text(flow, **claim, provenance=provenance).encode()
    try:
        verdict = require_accepted_verdict(data, only_at_random_vectors=True)
    except VerificationError as error:
        raise VerificationError(f"{_describe_false_claim(result, claim)}: {error}") from None
    write_atomically(path, data)
    return verdict


def load(path: str | Path) -> "CouplingFlow | MinimalDepth":
    """Load a result from a file that `save` or a command wrote, if the checker accepts the file.

    A certificate of `minimal_depth` gives the answer, any other certificate gives its flow: for
    `whiten`, the flow from noise to data. A file of float64 layers gives a flow.

    Raises
    ------
    CertificateError
        The file is no readable certificate, the checker cannot decide it, or a witness has a form
        that `minimal_depth` does not write.
    VerificationError
        The claim is false.
    InvalidInputError
        The file of layers cannot be read.
    """
    _check_is_path(path)
    if Path(path).suffix.lower() in ARRAY_SUFFIXES:
        return read_arrays(path)
    flow, content = read_accepted_flow_and_content(path)
    if "obstructions" not in content:
        return flow
    layout = CoordinateLayout(flow.partition, flow.order or tuple(range(flow.dimension)))
    target, scales, p = flow.domain_matrix().to_dense(), content["scales"], layout.partition[0]
    inner = layout.flip_and_reorder_matrix(target)
    with prefixing_content_errors_with_file_name(path):
        reasons = tuple(read_obstruction(o, inner, scales, p) for o in content["obstructions"])
    return MinimalDepth(flow.depth, flow.depth, scales, flow, reasons, target, layout)


def _check_is_path(path: object, remedy: str = "") -> None:
    if not isinstance(path, str | PathLike):
        raise InvalidInputError(f"expected a file name as path, got {type(path).__name__}{remedy}")


def _flow_or_whitening_generator(result: Any) -> CouplingFlow:
    """Return the flow of a result; for a result of `whiten`, the flow from noise to data."""
    if isinstance(result, Whitening):
        return result.rounded_generator
    flow = result.flow if isinstance(result, _RESULTS_WITH_FLOW) else result
    if not isinstance(flow, CouplingFlow):
        raise InvalidInputError(
            f"cannot certify a {type(result).__name__}: expected the result of factor, verify, "
            "balance, whiten or minimal_depth"
        )
    return flow


def _describe_false_claim(result: Any, claim_keywords: Mapping[str, Any]) -> str:
    """Return a sentence that says that the claim about the target, a keyword, is false."""
    if isinstance(result, Whitening):
        return "target is not the covariance that the flow generates"
    if isinstance(result, Balanced):
        return f"target is not within {format_up(result.error, 2)} of the product of the layers"
    pads = claim_keywords["pads"]
    padded = f", taken without coordinates {pads[0]} and {pads[1]} (the pads)," if pads else ""
    return f"the flow{padded} does not equal target"


def _claim_keywords(result: Any, flow: CouplingFlow, target: DomainMatrix | None) -> dict[str, Any]:
    """Return the keywords of `certificate_text` for the claim about the flow of a result."""
    if isinstance(result, Whitening):
        places = sorted(range(result.dimension), key=result.order.__getitem__)
        own = result.covariance.exact_matrix.extract(places, places)
        return {"covariance": own if target is None else target, "within": result.generator_error}
    if isinstance(result, Balanced) and target is None:
        raise InvalidInputError(
            "a certificate for a result of balance needs the matrix that was balanced: pass "
            "target=W"
        )
    is_padded = target is not None and target.shape[0] == flow.dimension - 2
    pads = pad_coordinates_or_empty(flow.partition, flow.dimension - 2) if is_padded else ()
    claim = {"target": target, "pads": pads}
    if isinstance(result, Balanced):
        claim["within"] = result.error
    return claim
