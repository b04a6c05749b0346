"""The process of one proof script, which runs it as ``python SCRIPT`` would."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import ModuleType
from typing import Any

from exactflow.claims import RUNNING, Options, ProofError, Running, add_event
from exactflow.errors import MissingExtraError, UndecidedClaimError, VerificationError, error_text
from exactflow.exact.progress import listening_to_stages
from exactflow.files.parallel import exit_with_parent
from exactflow.proving.sites import read_script


def main(job: dict[str, Any]) -> None:
    """Run the script of a job, and record how it ended; a process forked by it records no end."""
    threading.Thread(target=exit_with_parent, args=[os.getppid()], daemon=True).start()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    record, told = Path(job["record"]), job["told"] and Path(job["told"])
    options = Options(job["plot"] and Path(job["plot"]), job["full"])
    running = Running(job["path"], options, record, told)
    RUNNING.append(running)
    end: dict[str, Any] = {"failure": "", "line": 0, "missing": ""}
    end |= {"is_refuted": False, "is_undecided": False}
    try:
        with listening_to_stages(_telling(running)):
            _execute(job["path"])
    except MissingExtraError as error:
        end["missing"] = str(error)
    except BaseException as error:  # whatever the script raises is no proof
        end |= _stopped(running, error)
    if running.is_own_process:
        add_event(record, end | {"theorem": running.theorem})
    else:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(1 if end["failure"] else 0)


def _telling(running: Running) -> Callable[[str, float | None], None]:
    """Return a function that tells the runner the stages of the work, five a second at most."""
    last = 0.0

    def tell(what: str, done: float | None) -> None:
        nonlocal last
        if time.monotonic() - last > 0.2:
            last = time.monotonic()
            running.tell(what)

    return tell


def _execute(path: str) -> None:
    """Execute a script with what Python gives it: its folder on the path, `sys.argv`, a
    `__main__`.
    """
    module, folder = ModuleType("__main__"), str(Path(path).parent.resolve())
    module.__file__ = path
    sys.modules["__main__"], sys.argv, sys.path[:0] = module, [path], [folder]
    exec(compile(read_script(path), path, "exec", dont_inherit=True), vars(module))


def _stopped(running: Running, error: BaseException) -> dict[str, Any]:
    """Return the place where a script stopped, the claim, and the reason."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [i for i, frame in enumerate(frames) if frame.filename == running.path]
    line = 0
    if inside:
        line = frames[inside[-1]].lineno or 0
    elif isinstance(error, SyntaxError) and error.filename == running.path:
        line = error.lineno or 0
    claims = [claim for stopping, claim in running.stopped if stopping is error]
    where = f"{running.path}:{line}: "
    where += f"in the claim {claims[0].checked!r} [{claims[0].evidence}]: " if claims else ""
    is_assertion = isinstance(error, AssertionError) and bool(claims)
    is_refuted = isinstance(error, ProofError | VerificationError) or is_assertion
    is_undecided = isinstance(error, UndecidedClaimError)
    if isinstance(error, SystemExit):
        reason = (
            f"expected a script that runs to its end, got sys.exit({error.code!r}): "
            "leave it out, the runner sets the exit code"
        )
    elif (is_refuted or is_undecided) and error_text(error):
        reason = error_text(error)
    else:
        trace = traceback.format_list(frames[inside[0] :]) if inside else []
        words = traceback.format_exception_only(error)
        reason = f"{type(error).__name__}\n{''.join([*trace, *words])}".rstrip()
    verdict = {"is_refuted": is_refuted, "is_undecided": is_undecided}
    return {"failure": f"{where}{reason}", "line": line} | verdict
