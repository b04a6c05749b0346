"""Run one proof script as ``python SCRIPT`` would, and keep what came of it."""

import contextlib
import io
import os
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TextIO

from exactflow.claims import RUNNING, Claim, Claims, Evidence, Options, ProofError, Running
from exactflow.errors import MissingExtraError, VerificationError
from exactflow.proving.sites import read_script, sites

EXIT_CODES = {"passed": 0, "refuted": 1, "broken": 2, "incomplete": 3}


@dataclass
class Outcome:
    """Result of a script: its claims, unreached ones last, and place and reason if it stopped."""

    path: str
    claims: list[Claim] = field(default_factory=list)
    failure: str = ""
    line: int = 0
    is_refuted: bool = False
    seconds: float = 0.0
    printed: str = ""

    @property
    def verdict(self) -> str:
        """Return "refuted" if a claim failed, "broken" if the script did not run to its end,
        "incomplete" if something was not run for want of a tool, or else "passed".
        """
        if self.is_refuted:
            return "refuted"
        if self.failure:
            return "broken"
        return "passed" if all(claim.passed for claim in self.claims) else "incomplete"


def run_script(
    path: str | Path, options: Options, *, echo: bool = False, told: Path | None = None
) -> Outcome:
    """Run a script and return what came of it; whatever it raises is in there.

    `options` is what `proof_options` gives to it, `echo` whether what it prints is seen, too, and
    `told` a file to which a line is added as each claim begins. Raises `InvalidInputError` where
    there is no such script.
    """
    outcome, text = Outcome(str(path)), read_script(path)
    running, printed = Running(str(path), options, told), _Printed(sys.stdout if echo else None)
    token, start = RUNNING.set(running), time.perf_counter()
    try:
        with _as_main(Path(path)) as namespace, contextlib.redirect_stdout(printed):
            exec(compile(text, str(path), "exec", dont_inherit=True), namespace)
    except MissingExtraError as error:
        _not_run(running, str(error), echo)
    except (SystemExit, Exception) as error:  # it is no proof; the other scripts still run
        _stopped(outcome, running, error)
    finally:
        RUNNING.reset(token)
    outcome.seconds, outcome.printed = time.perf_counter() - start, printed.getvalue()
    outcome.claims = [claim for claims in running.found for claim in claims.recorded]
    if not outcome.failure:
        _judge(outcome)
    else:
        theorem = running.found[-1].theorem if running.found else Path(path).stem
        outcome.claims += _unreached(text, theorem, [claim.line for claim in outcome.claims])
    return outcome


def _unreached(text: str, theorem: str, met: list[int]) -> Iterator[Claim]:
    """Yield an unreached Claim for each check that a stopped script never ran."""
    with contextlib.suppress(SyntaxError):
        for site in sites(text):
            if not any(site.line <= line <= site.end_line for line in met):
                kind: Evidence | Literal[""] = (
                    Evidence[site.evidence] if site.evidence in Evidence.__members__ else ""
                )
                unmet = Claim(theorem, site.checked, kind, 0, 0.0, False, line=site.line)
                yield replace(unmet, is_reached=False)


def _judge(outcome: Outcome) -> None:
    """Find what is wrong with a script that ran to its end."""
    failed = [claim for claim in outcome.claims if claim.verdict == "FAILED"]
    if failed:
        outcome.is_refuted, outcome.line = True, failed[0].line
        outcome.failure = (
            f"{outcome.path}:{outcome.line}: the claim {failed[0].checked!r} failed, "
            "and the script went on"
        )
    elif not outcome.claims:
        outcome.failure = (
            f"{outcome.path}: expected a script that checks claims, got none: "
            "exactflow prove --template prints one to begin with"
        )


@contextlib.contextmanager
def _as_main(path: Path) -> Iterator[dict[str, Any]]:
    """Give a script what Python gives it: its folder on the path, `sys.argv`, a `__main__`.

    At the end the next script finds all as it was: working directory, filters of warnings, and
    what was imported from the folder, for the next folder may have such names.
    """
    module, folder = ModuleType("__main__"), str(path.parent.resolve())
    module.__file__ = str(path)
    before = sys.modules["__main__"], sys.argv, list(sys.path), set(sys.modules)
    sys.modules["__main__"], sys.argv, sys.path[:0] = module, [str(path)], [folder]
    try:
        with contextlib.chdir(os.getcwd()), warnings.catch_warnings():
            yield vars(module)
    finally:
        sys.modules["__main__"], sys.argv, sys.path[:] = before[:3]
        for name in set(sys.modules) - before[3]:
            if os.path.dirname(getattr(sys.modules[name], "__file__", None) or "") == folder:
                del sys.modules[name]


class _Printed(io.StringIO):
    """A buffer for printed text, which may also echo it."""

    def __init__(self, echo: TextIO | None) -> None:
        super().__init__()
        self.echo = echo

    def write(self, text: str) -> int:
        if self.echo is not None:
            self.echo.write(text)
        return super().write(text)


def _not_run(running: Running, missing: str, echo: bool) -> None:
    """Record that an extra is missing, if no claim says so."""
    claims = running.found[-1] if running.found else Claims(Path(running.path).stem)
    if not any(claim.missing for claim in claims.recorded):
        with contextlib.redirect_stdout(sys.stdout if echo else io.StringIO()):
            claims.not_run("what needs an extra", Evidence.NUMERIC, missing)


def _stopped(outcome: Outcome, running: Running, error: BaseException) -> None:
    """Record the place where a script stopped, the claim, and the reason."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [i for i, frame in enumerate(frames) if frame.filename == running.path]
    if inside:
        outcome.line = frames[inside[-1]].lineno or 0
    elif isinstance(error, SyntaxError) and error.filename == running.path:
        outcome.line = error.lineno or 0
    claims = [claim for claims in running.found for claim in claims.recorded]
    is_inside = bool(claims) and claims[-1].verdict == "FAILED"
    where = f"{running.path}:{outcome.line}: "
    where += f"in the claim {claims[-1].checked!r} [{claims[-1].evidence}]: " if is_inside else ""
    outcome.is_refuted = isinstance(error, ProofError | VerificationError)
    if outcome.is_refuted:
        outcome.failure = f"{where}{error}"
    elif isinstance(error, SystemExit):
        outcome.failure = (
            f"{where}expected a script that runs to its end, got sys.exit({error.code!r}): "
            "leave it out, the runner sets the exit code"
        )
    else:
        trace = traceback.format_list(frames[inside[0] :]) if inside else []
        reason = "".join(traceback.format_exception_only(error))
        outcome.failure = f"{where}{type(error).__name__}\n{''.join(trace)}{reason}".rstrip()
