"""Run one proof script in a process of its own, and judge the claims that it recorded.

The verdict is about every claim that the script contains. It is read, after the end of the process,
from the record that the process wrote, and never from the output of the script. The process calls
`run_script_and_record_end`, which runs the script as ``python SCRIPT`` would.
"""

import json
import os
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Literal

from exactflow.claims import (
    RECORD,
    SCRIPT_RUNS,
    Claim,
    Evidence,
    Options,
    ProofError,
    ScriptRun,
    append_event,
)
from exactflow.errors import (
    ExactFlowError,
    InvalidInputError,
    MissingExtraError,
    UndecidedClaimError,
    VerificationError,
    printable,
    safe_error_message,
)
from exactflow.exact.progress import listening_to_stages
from exactflow.files.parallel import wait_and_exit_with_parent
from exactflow.proving.claim_sites import find_claim_sites, read_script

MOST_PRINTED_CHARACTERS = 2**24
"""Only this many characters at the end of a script's output are kept."""
EXIT_CODES = {"passed": 0, "refuted": 1, "broken": 2, "incomplete": 3}
_CHILD = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from exactflow.proving.script_run import run_script_and_record_end; "
    "run_script_and_record_end(json.loads(sys.argv[2]))"
)


@dataclass
class Outcome:
    """Result of running a proof script.

    Attributes
    ----------
    claims : the claims in the order of the script, with the unreached claims last.
    failure, line : the reason why the script did not pass, and its line; "" and 0 if it passed.
    is_refuted : a claim failed, or the script raised `ProofError` or `VerificationError`.
    is_undecided : the process of the script ended without a verdict or did not reach the end of a
        claim, or the script raised `UndecidedClaimError`.
    has_ended : the script ran to its end.
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
    def verdict(self) -> Literal["refuted", "broken", "incomplete", "passed"]:
        """The verdict in one word, the first that applies:

        - "refuted": a claim failed;
        - "broken": the script raised another error;
        - "incomplete": a claim was not reached, or not run because a tool is missing, or the
          process ended before the script;
        - "passed".
        """
        if self.is_refuted:
            return "refuted"
        if self.failure and not self.is_undecided:
            return "broken"
        is_decided = not self.is_undecided and all(claim.passed for claim in self.claims)
        return "passed" if is_decided else "incomplete"


def run_script(
    path: str | Path, options: Options, *, echo: bool = False, progress_file: Path | None = None
) -> Outcome:
    """Run a script and return its outcome; an error that the script raises is in the outcome.

    Parameters
    ----------
    options : returned by `proof_options` in the script.
    echo : whether to print the output of the script.
    progress_file : a file to which a line is added as each claim begins.

    Raises
    ------
    InvalidInputError
        There is no such script.
    """
    text, start = read_script(path), time.perf_counter()
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        record = Path(folder, "record")
        job = {"path": path, "record": record, "progress_file": progress_file} | asdict(options)
        code, printed = _run_for_exit_code_and_end_of_output(job, Path(folder, "printed"), echo)
        recorded_lines = record.read_text("utf-8").splitlines() if record.exists() else []
    events = []
    for line in recorded_lines:
        with suppress(ValueError):  # a killed process has only half written a line
            events.append(json.loads(line))
    outcome = _judge_script(str(path), text, events, code)
    outcome.failure = "\n".join(printable(line) for line in outcome.failure.split("\n"))
    outcome.seconds, outcome.printed = time.perf_counter() - start, printed
    return outcome


def _run_for_exit_code_and_end_of_output(
    job: dict[str, Any], output_file: Path, echo: bool
) -> tuple[int, str]:
    """Run a script in a new process; return its exit code and the end of its output.

    The output goes to `output_file`, since a process that the script leaves behind can keep a pipe
    open forever. PYTHONOPTIMIZE is not passed on: it would switch off the script's assert
    statements.
    """
    said = json.dumps(sys.path), json.dumps(job, default=str)
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONOPTIMIZE"}
    environment[RECORD] = str(job["record"])
    printed, is_over = "", False
    with (
        output_file.open("wb") as sink,
        output_file.open(encoding="utf-8", errors="replace") as source,
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
                printed = (printed + piece)[-MOST_PRINTED_CHARACTERS:]
                if echo:
                    print(end=piece, flush=True)
        except BaseException:
            process.kill()
            raise
        return process.returncode, printed


def _judge_script(path: str, text: str, events: list[dict[str, Any]], exit_code: int) -> Outcome:
    """Return the outcome of a script, from its text, the recorded events, and the exit code."""
    end = next((event for event in events if "failure" in event), None)
    claims, theorem = _last_claim_states(events), Path(path).stem
    if end is not None:
        theorem = end["theorem"] or theorem
        if end["missing"] and not any(claim.missing for claim in claims):
            needs = Claim(theorem, "the claims that need an extra", Evidence.NUMERIC, 0, 0.0, False)
            claims.append(replace(needs, missing=end["missing"]))
    claims += _unreached_claims(text, theorem, claims)
    failed = [claim for claim in claims if claim.verdict == "FAILED"]
    if end is not None and end["failure"]:
        verdict = bool(failed) or end["is_refuted"], end["is_undecided"]
        return Outcome(path, claims, end["failure"], end["line"], *verdict, has_ended=False)
    if failed:
        place = f"{path}:{failed[0].line}: "
        reason = f"{place}the claim {failed[0].checked!r} failed, and the script went on"
        return Outcome(path, claims, reason, failed[0].line, True, has_ended=end is not None)
    if end is None or exit_code:
        when = "after the script" if end else "before the script did"
        reason = f"{path}: its process ended with exit code {exit_code}, {when}"
        return Outcome(path, claims, reason, is_undecided=True, has_ended=end is not None)
    if not claims:
        template = "`exactflow prove --template` prints a script to begin with"
        reason = f"{path}: the script checks no claims: {template}"
        return Outcome(path, claims, reason)
    lost = [claim for claim in claims if not claim.is_reached]
    if lost and not any(claim.missing for claim in claims):
        reason = f"{path}:{lost[0].line}: the process of the script did not reach the end of the "
        reason += f"claim {lost[0].checked!r}"
        return Outcome(path, claims, reason, lost[0].line, is_undecided=True)
    return Outcome(path, claims)


def _last_claim_states(events: list[dict[str, Any]]) -> list[Claim]:
    """Return each recorded claim in its state after the check, or before an unfinished check."""
    found: dict[str, list[Claim]] = {}
    for event in events:
        if "claim" in event:
            kind = Evidence(event["claim"]["evidence"])
            claim = Claim(**event["claim"] | {"evidence": kind})
            found.setdefault(event["number"], []).append(claim)
    claims = []
    for states in found.values():
        claims += [claim for claim in states if claim.is_reached] or states[-1:]
    return claims


def _unreached_claims(text: str, theorem: str, recorded_claims: Sequence[Claim]) -> Iterator[Claim]:
    """Yield an unreached `Claim` for each check in the text for which no claim was recorded.

    If a claim was not run because a tool is missing, the checks of claims with the same text do not
    count as unreached.
    """
    not_run = {claim.checked for claim in recorded_claims if claim.missing}
    with suppress(InvalidInputError):  # the run reports a text that is not Python
        sites = find_claim_sites(text)
        for site in sites:
            has_claim = any(
                site.is_place_of_claim(claim.line, claim.checked, sites)
                for claim in recorded_claims
            )
            if not has_claim and site.checked not in not_run:
                kind: Evidence | Literal[""] = Evidence[site.evidence] if site.evidence else ""
                unreached = Claim(theorem, site.checked, kind, 0, 0.0, False, line=site.line)
                yield replace(unreached, is_reached=False)


# ---------------------------------------------------- functions that run in the script's process


def run_script_and_record_end(job: dict[str, Any]) -> None:
    """Run the script of a job in this process, and record how the script ended.

    A process that the script forked returns to this function, too, at the end of the script; this
    process exits without a record.
    """
    threading.Thread(target=wait_and_exit_with_parent, args=[os.getppid()], daemon=True).start()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    record, progress_file = Path(job["record"]), job["progress_file"] and Path(job["progress_file"])
    options = Options(job["plot"] and Path(job["plot"]), job["full"])
    run = ScriptRun(job["path"], options, record, progress_file)
    SCRIPT_RUNS.append(run)
    end: dict[str, Any] = {"failure": "", "line": 0, "missing": ""}
    end |= {"is_refuted": False, "is_undecided": False}
    try:
        with listening_to_stages(_make_rate_limited_stage_appender(run)):
            # execute the script as Python does: set `sys.path`, `sys.argv` and module `__main__`
            path, module = job["path"], ModuleType("__main__")
            module.__file__, folder = path, str(Path(path).parent.resolve())
            sys.modules["__main__"], sys.argv, sys.path[:0] = module, [path], [folder]
            exec(compile(read_script(path), path, "exec", dont_inherit=True), vars(module))
    except MissingExtraError as error:
        end["missing"] = str(error)
    except BaseException as error:  # a script that raises any exception has proved nothing
        end |= _stop_event(run, error)
    if run.is_main_process:
        append_event(record, end | {"theorem": run.theorem})
    else:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(1 if end["failure"] else 0)


def _make_rate_limited_stage_appender(run: ScriptRun) -> Callable[[str, float | None], None]:
    """Return a function that appends a stage of the work to the progress file of the run. It skips
    a stage less than 0.2 seconds after the last one.
    """
    last = 0.0

    def append_stage_unless_too_frequent(stage: str, _fraction_done: float | None) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            run.append_progress_line(stage)

    return append_stage_unless_too_frequent


def _stop_event(run: ScriptRun, error: BaseException) -> dict[str, Any]:
    """Return the event for an error that stopped a script: the reason, the line and the claim."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [i for i, frame in enumerate(frames) if frame.filename == run.path]
    line = 0
    if inside:
        line = frames[inside[-1]].lineno or 0
    elif isinstance(error, SyntaxError) and error.filename == run.path:
        line = error.lineno or 0
    claims = [claim for stopping, claim in run.stopped if stopping is error]
    where = f"{run.path}:{line}: "
    where += f"in the claim {claims[0].checked!r} [{claims[0].evidence}]: " if claims else ""
    is_assertion = isinstance(error, AssertionError) and bool(claims)
    is_refuted = isinstance(error, ProofError | VerificationError) or is_assertion
    is_undecided = isinstance(error, UndecidedClaimError)
    if isinstance(error, SystemExit):
        reason = (
            f"the script called sys.exit({error.code!r}) before its end: leave the call out, the "
            "runner sets the exit code"
        )
    elif (isinstance(error, ExactFlowError) or is_assertion) and safe_error_message(error):
        reason = safe_error_message(error)
    else:
        trace = traceback.format_list(frames[inside[0] :]) if inside else []
        words = traceback.format_exception_only(error)
        reason = f"{type(error).__name__}\n{''.join([*trace, *words])}".rstrip()
    verdict = {"is_refuted": is_refuted, "is_undecided": is_undecided}
    return {"failure": f"{where}{reason}", "line": line} | verdict
