"""Run one proof script in a process of its own, and judge what it recorded.

The verdict is that of every claim which the script contains. It comes from the record that the
process of the script wrote, read after its end, and never from what the script printed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from exactflow.claims import RECORD, Claim, Evidence, Options
from exactflow.errors import InvalidInputError, printable
from exactflow.proving.sites import read_script, sites

MOST_PRINTED = 2**24
"""Characters of the output of a script that are kept, the last ones."""
EXIT_CODES = {"passed": 0, "refuted": 1, "broken": 2, "incomplete": 3}
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from exactflow.proving.process import main; main(json.loads(sys.argv[2]))"
)


@dataclass
class Outcome:
    """Result of a script: its claims, unreached ones last, and place and reason if it did not pass.

    `is_undecided` says whether its process ended without a verdict, reached no end of a claim, or
    raised `UndecidedClaimError`, and `has_ended` whether the script ran to its end.
    """

    path: str
    claims: list[Claim] = field(default_factory=list)
    failure: str = ""
    line: int = 0
    is_refuted: bool = False
    is_undecided: bool = False
    has_ended: bool = True
    seconds: float = 0.0
    printed: str = ""

    @property
    def verdict(self) -> str:
        """Return "refuted" if a claim failed, "incomplete" if one was not reached, or not run for
        want of a tool, or if the process ended before the script, "broken" if the script did not
        run to its end, or else "passed".
        """
        if self.is_refuted:
            return "refuted"
        if self.failure and not self.is_undecided:
            return "broken"
        is_decided = not self.is_undecided and all(claim.passed for claim in self.claims)
        return "passed" if is_decided else "incomplete"


def run_script(
    path: str | Path, options: Options, *, echo: bool = False, told: Path | None = None
) -> Outcome:
    """Run a script and return what came of it; whatever it raises is in there.

    `options` is what `proof_options` gives to it, `echo` whether what it prints is seen, too, and
    `told` a file to which a line is added as each claim begins. Raises `InvalidInputError` where
    there is no such script.
    """
    text, start = read_script(path), time.perf_counter()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        record = Path(folder, "record")
        job = {"path": path, "record": record, "told": told} | asdict(options)
        code, printed = _run(job, Path(folder, "printed"), echo)
        events = _events(record)
    outcome = _judged(str(path), text, events, code)
    outcome.failure = "\n".join(printable(line) for line in outcome.failure.split("\n"))
    outcome.seconds, outcome.printed = time.perf_counter() - start, printed
    return outcome


def _run(job: dict[str, Any], output: Path, echo: bool) -> tuple[int, str]:
    """Run a script in a new process; return the exit code of this, and the end of what was printed.

    The output goes to a file: a process that the script leaves behind may hold a pipe for ever.
    PYTHONOPTIMIZE would switch off what the script asserts.
    """
    said = json.dumps(sys.path), json.dumps(job, default=str)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONOPTIMIZE"}
    environment[RECORD] = str(job["record"])
    printed, is_over = "", False
    with (
        output.open("wb") as sink,
        output.open(encoding="utf-8", errors="replace") as source,
        subprocess.Popen(
            [sys.executable, "-P", "-c", _CHILD, *said], stdout=sink, env=environment
        ) as process,
    ):
        try:
            while not is_over:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(0.1)
                is_over = process.poll() is not None
                piece = source.read()
                printed = (printed + piece)[-MOST_PRINTED:]
                if echo:
                    print(end=piece, flush=True)
        except BaseException:
            process.kill()
            raise
        return process.returncode, printed


def _events(record: Path) -> list[dict[str, Any]]:
    """The events of a record; a process that is killed may leave half of a line."""
    events: list[dict[str, Any]] = []
    with suppress(FileNotFoundError):
        for line in record.read_text("utf-8").splitlines():
            with suppress(ValueError):
                events.append(json.loads(line))
    return events


def _judged(path: str, text: str, events: list[dict[str, Any]], code: int) -> Outcome:
    """Judge the script of this text by the events that it recorded, and by its exit code."""
    end = next((event for event in events if "failure" in event), None)
    claims, theorem = _recorded(events), Path(path).stem
    if end is not None:
        theorem = end["theorem"] or theorem
        if end["missing"] and not any(claim.missing for claim in claims):
            needs = Claim(theorem, "what needs an extra", Evidence.NUMERIC, 0, 0.0, False)
            claims.append(replace(needs, missing=end["missing"]))
    claims += _unmet(text, theorem, claims)
    failed = [claim for claim in claims if claim.verdict == "FAILED"]
    if end is not None and end["failure"]:
        verdict = bool(failed) or end["is_refuted"], end["is_undecided"]
        return Outcome(path, claims, end["failure"], end["line"], *verdict, has_ended=False)
    if failed:
        place = f"{path}:{failed[0].line}: "
        reason = f"{place}the claim {failed[0].checked!r} failed, and the script went on"
        return Outcome(path, claims, reason, failed[0].line, True, has_ended=end is not None)
    if end is None or code:
        when = "after the script" if end else "before the script did"
        reason = f"{path}: its process ended with exit code {code}, {when}"
        return Outcome(path, claims, reason, is_undecided=True, has_ended=end is not None)
    if not claims:
        template = "exactflow prove --template prints one to begin with"
        reason = f"{path}: expected a script that checks claims, got none: {template}"
        return Outcome(path, claims, reason)
    lost = [claim for claim in claims if not claim.is_reached]
    if lost and not any(claim.missing for claim in claims):
        reason = f"{path}:{lost[0].line}: the process of the script did not reach the end of the "
        reason += f"claim {lost[0].checked!r}"
        return Outcome(path, claims, reason, lost[0].line, is_undecided=True)
    return Outcome(path, claims)


def _recorded(events: list[dict[str, Any]]) -> list[Claim]:
    """The claims of a record: what is known of each at its end, or else at its beginning."""
    found: dict[str, list[Claim]] = {}
    for event in events:
        if "claim" in event:
            kind = Evidence(event["claim"]["evidence"])
            found.setdefault(event["number"], []).append(
                Claim(**event["claim"] | {"evidence": kind})
            )
    claims = ([claim for claim in told if claim.is_reached] or told[-1:] for told in found.values())
    return [claim for group in claims for claim in group]


def _unmet(text: str, theorem: str, claims: Sequence[Claim]) -> Iterator[Claim]:
    """Yield an unreached Claim for each check of a script that is met by none of these claims; one
    that was not run, for want of a tool, stands for the check of the same words.
    """
    not_run = {claim.checked for claim in claims if claim.missing}
    with suppress(InvalidInputError):  # of a text that is not Python: the run says it
        for site in sites(text):
            is_met = any(site.line <= claim.line <= site.end_line for claim in claims)
            if not is_met and site.checked not in not_run:
                kind: Evidence | Literal[""] = Evidence[site.evidence] if site.evidence else ""
                unmet = Claim(theorem, site.checked, kind, 0, 0.0, False, line=site.line)
                yield replace(unmet, is_reached=False)
