"""The items of the pytest plugin: certificates, and the claims of proof scripts."""

import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from functools import cached_property
from typing import Any, NoReturn

import pytest

from exactflow import checker
from exactflow.errors import InvalidInputError, printable
from exactflow.files.checking import WORDS, check_certificate, run_exactflow
from exactflow.proving.claim_sites import ClaimSite, find_claim_sites, read_script
from exactflow.proving.script_run import EXIT_CODES

_CODES = {word: code for code, word in WORDS.items()} | {"probably verified": 3} | EXIT_CODES


def _fail_without_traceback(text: str) -> NoReturn:
    """Fail a test with a text and no traceback; during the setup, pytest counts it as an error."""
    pytest.fail(text, pytrace=False)


def _fail_skip_or_xfail_incomplete(config: pytest.Config, text: str) -> NoReturn:
    """Fail, skip or xfail an incomplete test with a text, as --exactflow-incomplete says."""
    outcome = config.option.exactflow_incomplete
    if outcome == "fail":
        _fail_without_traceback(text)
    (pytest.skip if outcome == "skip" else pytest.xfail)(text)


class CertificateFile(pytest.File):
    """A file with a certificate, collected as one item."""

    def collect(self) -> Iterable[pytest.Item]:
        yield CertificateItem.from_parent(self, name="verified")


class CertificateItem(pytest.Item):
    """The test that a certificate is verified.

    The checker runs in the setup, so that pytest reports a malformed file as an error, and not as
    a failure. `record` is the record of ``exactflow check --json`` for the certificate.
    """

    record: dict[str, Any]

    def setup(self) -> None:
        """Run the whole check of the certificate; fail if the certificate is malformed.

        The check runs in this process. With --exactflow-timeout it runs in another process, and the
        verdict is "incomplete" if the check takes longer.
        """
        option, path = self.config.option, str(self.path)
        within = option.exactflow_within
        if option.exactflow_timeout is None:
            bound = None if within is None else checker.read_bound(within, "--exactflow-within")
            found = check_certificate(path, bound_if_smaller=bound, quick=option.exactflow_quick)
            self.record = vars(found)
        else:
            words = ["check", "--json", *["--quick"] * option.exactflow_quick]
            words += [] if within is None else [f"--within={within}"]
            record, problem = _run_exactflow_for_printed_record(self.config, [*words, path])
            lines = [f"c incomplete: {problem}", "s NOT VERIFIED"]
            unknown: dict[str, Any] = {"verdict": "incomplete", "kind": "", "lines": lines}
            unknown["largest_difference"] = None
            self.record = unknown if record is None else record
        if self.record["verdict"] == "malformed":
            _fail_without_traceback(f"{self.record['lines'][0]}\n{self.path}")

    def runtest(self) -> None:
        """Report the verdict of the check, which the setup ran. Fail if it is "refuted". If it is
        "incomplete", fail, skip or xfail, as --exactflow-incomplete says.
        """
        verdict, kind, largest = (
            self.record[name] or "" for name in ("verdict", "kind", "largest_difference")
        )
        evidence = "exact" if largest == "0" or kind == "depth" else "certified"
        self.user_properties += [
            ("exactflow_verdict", verdict),
            ("exactflow_kind", kind),
            ("exactflow_evidence", evidence if verdict == "verified" else ""),
            ("exactflow_largest_difference", largest),
        ]
        head = {"refuted": "NOT VERIFIED", "incomplete": "INCOMPLETE"}.get(verdict)
        if head is not None:
            *said, reason = (line[2:] for line in self.record["lines"][:-1])
            text = "\n".join([reason, f"{self.path}: {head}", *said])
            if verdict == "refuted":
                _fail_without_traceback(text)
            _fail_skip_or_xfail_incomplete(self.config, text)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, f"{self.path.name}: {self.name}"


def _run_exactflow_for_printed_record(
    config: pytest.Config, arguments: list[str]
) -> tuple[dict[str, Any] | None, str]:
    """Run an exactflow command in pytest's root folder, for at most --exactflow-timeout. Return the
    record that the command prints, and its stderr; if there is no record, None and the reason.

    A record is not accepted if its verdict differs from the exit code.
    """
    limit = config.option.exactflow_timeout
    exit_code, out, err = run_exactflow(arguments, limit, cwd=config.rootpath)
    if exit_code is None:
        return None, err
    with suppress(IndexError, ValueError, KeyError):
        record = json.loads(out.splitlines()[-1])
        if _CODES[record["verdict"]] == exit_code:
            return record, err
    return None, f"the process ended with {exit_code}\n{err}".rstrip()


class ScriptFile(pytest.File):
    """A proof script; it runs at most once, in a process of its own."""

    @cached_property
    def sites(self) -> list[ClaimSite]:
        """The places where the script checks claims; empty if its text is not Python."""
        try:
            return find_claim_sites(read_script(self.path))
        except InvalidInputError:  # the error is reported when the script runs
            return []

    def collect(self) -> Iterable[pytest.Item]:
        times = Counter(site.checked for site in self.sites)
        for site in self.sites:
            name = printable(" ".join(site.checked.split()))
            name += f", line {site.line}" if site.is_computed or times[site.checked] > 1 else ""
            yield ClaimItem.from_parent(self, name=name, site=site)
        yield ScriptEndItem.from_parent(self, name="runs to its end")

    @cached_property
    def record(self) -> dict[str, Any]:
        """The record of ``exactflow prove --json`` for the script."""
        words = ["prove", "--json", str(self.path)]
        record, text = _run_exactflow_for_printed_record(self.config, words)
        unknown = {"claims": [], "verdict": "incomplete", "failure": text, "line": 0}
        return unknown | {"has_ended": False} if record is None else record

    @property
    def unreached_claims_of_complete_run(self) -> list[dict[str, Any]]:
        """The claims that the script did not reach, although it ran to its end with all tools.

        The list is empty if the script did not run to its end, or if a missing tool kept the script
        from running a claim.
        """
        claims = self.record["claims"]
        if not self.record["has_ended"] or any(claim["missing"] for claim in claims):
            return []
        return [claim for claim in claims if claim["verdict"] == "not reached"]

    @property
    def failure_text(self) -> str:
        """The reason why the script failed, and then the place and the claim; "" if it passed."""
        text, place = self.record["failure"], f"{self.path}:{self.record['line']}: "
        failed = (claim for claim in self.record["claims"] if claim["verdict"] == "FAILED")
        places = [f"{place}in the claim {c['checked']!r} [{c['evidence']}]: " for c in failed]
        for where in (*places, place):
            if text.startswith(where):
                return f"{text.removeprefix(where)}\n{where.removesuffix(': ')}"
        return text


class FailureReportingRank(IntEnum):
    """The place of an item in the order in which items report a failure of their script.

    Every item with a failed claim fails. If there is none, the first item of least rank fails.
    """

    FAILED_CLAIM = 0
    SCRIPT = 1
    UNREACHED = 2
    NONE = 3


class _ItemReportingSharedScriptRun(pytest.Item):
    """One of the tests that report the run of a proof script, which they share.

    With ``--dist loadgroup`` one worker of pytest-xdist runs all tests for the script.
    """

    parent: ScriptFile

    def __init__(self, *, parent: ScriptFile, line: int = 1, **keywords: Any) -> None:
        super().__init__(parent=parent, **keywords)
        self.line = line
        if self.config.pluginmanager.hasplugin("xdist"):
            self.add_marker(pytest.mark.xdist_group(str(self.path)))

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, self.line - 1, f"{self.path.name}: {self.name}"

    def failure_reporting_rank(self) -> FailureReportingRank:
        """Return the place of this item in the order in which items report a failure."""
        return FailureReportingRank.SCRIPT

    def runtest(self) -> None:
        """If the script failed, fail or skip: fail if this item has to report the failure."""
        failure, role = self.parent.record["failure"], self.failure_reporting_rank()
        if not failure or role is FailureReportingRank.NONE:
            return
        items = [
            item for item in self.session.items if isinstance(item, _ItemReportingSharedScriptRun)
        ]
        own = [item for item in items if item.parent is self.parent]
        first = min(own, key=lambda item: item.failure_reporting_rank())
        if role is FailureReportingRank.FAILED_CLAIM or first is self:
            _fail_without_traceback(
                f"not reached: {failure}"
                if role is FailureReportingRank.UNREACHED
                else self.parent.failure_text
            )
        pytest.skip(f"not reached: {failure}")


class ClaimItem(_ItemReportingSharedScriptRun):
    """The test that the claims at one place of a script hold; a place in a loop has several."""

    def __init__(self, *, site: ClaimSite, **keywords: Any) -> None:
        super().__init__(line=site.line, **keywords)
        self.site = site
        if site.evidence:
            self.add_marker(getattr(pytest.mark, site.evidence.lower()))

    @property
    def claims(self) -> list[dict[str, Any]]:
        """The claims that the run of the script recorded at the place of this item."""
        claims, sites = self.parent.record["claims"], self.parent.sites
        return [c for c in claims if self.site.is_place_of_claim(c["line"], c["checked"], sites)]

    def failure_reporting_rank(self) -> FailureReportingRank:
        verdicts = {claim["verdict"] for claim in self.claims}
        if "FAILED" in verdicts:
            return FailureReportingRank.FAILED_CLAIM
        return (
            FailureReportingRank.UNREACHED
            if verdicts <= {"not reached"}
            else FailureReportingRank.NONE
        )

    def runtest(self) -> None:
        """Fail if a claim of the item failed or was not reached; skip if a tool is missing."""
        claims, every = self.claims, self.parent.record["claims"]
        for claim in claims:
            pairs = claim["checked"], f"{claim['evidence']}, {claim['verdict']}"
            self.user_properties.append(("exactflow_claim", printable(": ".join(pairs))))
        reached = [claim for claim in claims if claim["verdict"] != "not reached"]
        missing = [c["missing"] for c in reached or every if c["verdict"] == "not run"]
        is_failed = self.failure_reporting_rank() is FailureReportingRank.FAILED_CLAIM
        if missing and not is_failed:
            pytest.skip(missing[0])
        if not is_failed and any(
            claim in self.parent.unreached_claims_of_complete_run for claim in claims
        ):
            _fail_skip_or_xfail_incomplete(
                self.config, f"not reached, though the script ended:\n{self.path}"
            )
        super().runtest()


class ScriptEndItem(_ItemReportingSharedScriptRun):
    """The test that a script runs to its end, checks claims, and reaches every claim.

    A claim that has an item of its own fails in its own item, not in this one.
    """

    def runtest(self) -> None:
        record, items = self.parent.record, self.session.items
        if record["verdict"] != "incomplete" or not record["has_ended"]:
            super().runtest()
            return
        shown = [item for item in items if isinstance(item, ClaimItem)]
        claims = [claim for item in shown if item.parent is self.parent for claim in item.claims]
        unreached = self.parent.unreached_claims_of_complete_run
        if record["failure"] and not (unreached and all(claim in claims for claim in unreached)):
            _fail_skip_or_xfail_incomplete(self.config, self.parent.failure_text)
