"""``exactflow prove``: anyone's proof scripts, one table.

Exit codes: 0 every claim passed, 1 one is refuted, 2 a script is none or did not run to its end,
3 something was not run, because a tool is not installed.
"""

import argparse
import json
import os
from collections.abc import Iterator
from functools import partial
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from exactflow.claims import Options
from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.files.parallel import parallel_map
from exactflow.proving.script import EXIT_CODES, Outcome, run_script
from exactflow.proving.sites import read_script
from exactflow.proving.table import print_table, summary


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("files", nargs="*", metavar="FILE", help="proof scripts, in # %%%% cells")
    command.add_argument(
        "--template", action="store_true", help="print a proof script to begin with, and run none"
    )
    running_arguments(command)


def running_arguments(command: argparse.ArgumentParser) -> None:
    """Add what ``python -m proofs`` takes as well: all but the scripts."""
    running = command.add_argument_group("how the scripts run")
    Options.add_to(running)
    running.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="run N scripts at once (default: 1)"
    )
    output = command.add_argument_group("what is shown")
    form = output.add_mutually_exclusive_group()
    form.add_argument("-v", "--verbose", action="store_true", help="what the scripts print, too")
    form.add_argument("-q", "--quiet", action="store_true", help="what failed, and nothing else")
    form.add_argument("--json", action="store_true", help="one JSON object per script")


def run(arguments: argparse.Namespace) -> int:
    """Run the scripts and show what came of them; return the exit code of all, as `check` does.

    Raises `InvalidInputError` for what is no script, and for places that cannot be written.
    """
    if getattr(arguments, "template", False):
        print(resources("exactflow.proving").joinpath("my_theorem.py").read_text("utf-8"), end="")
        return 0
    if not arguments.files:
        raise InvalidInputError("expected a FILE or --template: exactflow prove my_theorem.py")
    for path in arguments.files:
        read_script(path)
    if arguments.plot:
        _check_folder(arguments.plot)
    outcomes = []
    for outcome in _outcomes(arguments):
        outcomes.append(outcome)
        if arguments.json:
            print(_json(outcome), flush=True)
    is_shown = not (arguments.json or arguments.quiet)
    if is_shown:
        print_table(outcomes, arguments.verbose)
    if not arguments.json:
        print(*(f"{outcome.failure}\n" for outcome in outcomes if outcome.failure), sep="", end="")
    if is_shown:
        print(*summary(outcomes), sep="\n")
    codes = {EXIT_CODES[outcome.verdict] for outcome in outcomes}
    return next(code for code in (1, 2, 3, 0) if code in codes)


def _check_folder(folder: Path) -> None:
    """Refuse, before the work, a folder that is none, or that cannot be written."""
    place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise InvalidInputError(
            f"expected a folder that can be written for pictures, got {str(folder)!r}"
        )


def _outcomes(arguments: argparse.Namespace) -> Iterator[Outcome]:
    """Run the scripts; what they print is seen at once, or in order where several run."""
    is_alone = arguments.jobs == 1
    run_one = partial(
        run_script,
        options=Options(arguments.plot, arguments.full),
        echo=arguments.verbose and is_alone,
    )
    files = [str(path) for path in arguments.files]
    for outcome in parallel_map(run_one, files, jobs=arguments.jobs, label="script"):
        if arguments.verbose and not is_alone:
            print(outcome.printed, end="")
        yield outcome


def _json(outcome: Outcome) -> str:
    names = "theorem", "checked", "evidence", "instances", "seconds", "verdict", "missing", "line"
    claims = [_rounded(common.fields(claim, *names)) for claim in outcome.claims]
    found = common.fields(outcome, "verdict", "failure", "line", "seconds")
    return json.dumps({"script": outcome.path, "claims": claims} | _rounded(found))


def _rounded(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"seconds": round(record["seconds"], 3)}
