"""The fixture `certificate_regression`: compare a flow with the certificate of an earlier run."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exactflow import checker
from exactflow.errors import InvalidInputError, VerificationError
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.files.atomic import write_atomically
from exactflow.files.certificate import certificate_text, read_accepted_flow_and_content
from exactflow.files.store import depth_certificate_text_if_about_target
from exactflow.flows.flow import CouplingFlow
from exactflow.linear.depth import MinimalDepth

WRITERS = pytest.StashKey[dict[Path, tuple["CertificateRegression", str]]]()
"""Path of each certificate of this run -> the fixture that checked it last, and its text."""


@dataclass(frozen=True)
class CertificateRegression:
    """The recorded certificates of one test, in a folder with the name of the test's file."""

    request: pytest.FixtureRequest

    def check(
        self,
        result: CouplingFlow | MinimalDepth,
        target: "MatrixLike | None" = None,
        *,
        basename: str = "",
        **certificate_keywords: Any,
    ) -> None:
        """Compare a result with its certificate from an earlier run. Fail if the result is about
        another matrix, or has more layers or longer entries.

        The first run writes the certificate and fails, so that nobody takes this run for a check.

        Parameters
        ----------
        result : a flow over QQ, GF(p) or an algebraic number field; or a result of `minimal_depth`
            over QQ or GF(p), which takes no `certificate_keywords`.
        target : the matrix that the flow equals; by default the matrix of the flow.
        basename : the name of the file, for a test with several flows; by default the name of the
            test.
        certificate_keywords : other keywords of `certificate_text`, as ``within=Fraction(1, 99)``.

        Raises
        ------
        AssertionError
            The claim is false or undecided, the target has changed, or there are more layers or
            longer entries than before. Or another flow of this run has a certificate of the same
            name.
        CertificateError
            The file is no well-formed certificate.
        """
        __tracebackhide__ = True
        name = basename or re.sub(r"\W", "_", self.request.node.name)
        kind = "depth" if isinstance(result, MinimalDepth) else "cert"
        path = self.request.path.with_suffix("") / f"{name}.{kind}.json"
        text = _flow_or_depth_certificate_text(result, target, certificate_keywords)
        report = checker.check(text.encode())
        if report.verdict is not checker.Verdict.VERIFIED:
            *lines, reason = (line[2:] for line in report.lines)
            raise AssertionError("\n".join([reason, "the flow is not as claimed:", *lines]))
        self._require_name_of_no_other_flow(path, text)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
            pytest.fail(f"no certificate before this run: {path} written, run again", pytrace=False)
        flow = result.flow if isinstance(result, MinimalDepth) else result
        problem = _describe_regression_or_empty(flow, text, path)
        regenerates = self.request.config.getoption("force_regen", False)
        if regenerates and (problem or path.read_text("utf-8") != text):
            write_atomically(path, text.encode())
            pytest.fail(f"--force-regen: {path} written anew", pytrace=False)
        if problem:
            raise AssertionError(
                f"{problem}\n{path}\nif the new result is right, run pytest with --force-regen"
            )

    def _require_name_of_no_other_flow(self, path: Path, text: str) -> None:
        """Raise AssertionError if another flow of this run has a certificate at the same path.

        A test that runs again may have another flow there.
        """
        __tracebackhide__ = True
        writers = self.request.config.stash.setdefault(WRITERS, {})
        writer, other_text = writers.get(path, (self, text))
        is_same_test_again = (
            writer is not self and writer.request.node.nodeid == self.request.node.nodeid
        )
        if other_text != text and not is_same_test_again:
            raise AssertionError(
                f"{writer.request.node.nodeid} has written another certificate of the same name, "
                f"{path.name}: pass a name of its own as basename=.."
            )
        writers[path] = self, text


def _flow_or_depth_certificate_text(
    result: CouplingFlow | MinimalDepth,
    target: "MatrixLike | None",
    certificate_keywords: dict[str, Any],
) -> str:
    """Return the text of a certificate for a result of this run.

    `certificate_keywords` are keywords of `certificate_text`.
    """
    if not isinstance(result, MinimalDepth):
        if not hasattr(result, "domain_matrix"):
            raise InvalidInputError(
                f"expected a flow or a result of minimal_depth, got {type(result).__name__}: pass "
                "the flow of another result, as balance(M).flow"
            )
        return certificate_text(result, target, **certificate_keywords)
    if certificate_keywords:
        raise InvalidInputError(
            "keywords that describe a flow's claim do not apply to a result of minimal_depth: "
            f"leave out {', '.join(certificate_keywords)}"
        )
    try:
        return depth_certificate_text_if_about_target(
            result, None if target is None else as_square_matrix(target)
        )
    except VerificationError as error:
        raise AssertionError(str(error)) from None


def _describe_regression_or_empty(flow: CouplingFlow, certificate: str, recorded_path: Path) -> str:
    """Say in one sentence why a flow is worse than the recorded flow; "" if it is not worse.

    `certificate` is about the flow; the recorded certificate is in the file `recorded_path`.
    """
    try:
        recorded, before = read_accepted_flow_and_content(recorded_path)
    except VerificationError as error:
        return f"the recorded certificate is false: {error}"
    now = json.loads(certificate)
    for key in ("format", "field", "partition", "scales", "within", "pads"):
        if before.get(key) != now.get(key):
            return f"{key}: expected {before.get(key)}, as recorded, got {now.get(key)}"
    for key in ("target", "covariance"):
        if entry := _describe_changed_matrix_entry_or_empty(before.get(key, []), now.get(key, [])):
            return f"{key}: {entry}"
    if flow.depth > recorded.depth:
        return f"expected at most {recorded.depth} layers, as recorded, got {flow.depth}"
    bits = [max((layer.bits or 0 for layer in each), default=0) for each in (recorded, flow)]
    if bits[1] > bits[0]:
        return f"expected entries of at most {bits[0]} bits, as recorded, got {bits[1]}"
    return ""


def _describe_changed_matrix_entry_or_empty(recorded_rows: list, rows_now: list) -> str:
    """Return a sentence on the first changed entry of a matrix in JSON; "" if none has changed."""
    if len(recorded_rows) != len(rows_now):
        return f"expected {len(recorded_rows)} rows, as recorded, got {len(rows_now)}"
    for i, rows in enumerate(zip(recorded_rows, rows_now, strict=True)):
        for j, (was, found) in enumerate(zip(*rows, strict=True)):
            if was != found:
                return f"expected {was} at entry ({i}, {j}), as recorded, got {found}"
    return ""
