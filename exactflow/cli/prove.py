"""``exactflow prove``: run proof scripts in processes of their own, and print a table of claims."""

import argparse
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from importlib.resources import files as resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from exactflow.claims import Options
from exactflow.cli import common
from exactflow.errors import InvalidInputError, hint_at_similar_name
from exactflow.exact.progress import report_stage
from exactflow.files.ctrl_c import raising_keyboard_interrupt_at_first_ctrl_c
from exactflow.files.parallel import parallel_map
from exactflow.proving.claim_sites import read_script
from exactflow.proving.results_table import print_table, summarize_claims
from exactflow.proving.script_run import EXIT_CODES as CODE_OF_VERDICT
from exactflow.proving.script_run import Outcome, run_script

EXAMPLES = (
    "exactflow prove lower_bound_open_set",
    "exactflow prove --template > my_theorem.py",
    "exactflow prove my_theorem.py",
)
EXIT_CODES = {
    0: "every claim holds",
    1: "a claim is refuted",
    2: "a script is missing, or did not run to its end",
    3: "a claim was not reached, a tool is missing for a script of yours, or a process ended early",
}

LONGEST_FIRST = (
    "formal",
    "depth_for_conditioning",
    "forced_conditioning",
    "affine_depth",
    "universal_approximation",
    "universal_in_kl",
)
"""Scripts of theorems to start first, so that no core waits for them at the end."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "scripts",
        nargs="*",
        metavar="NAME|FILE",
        help="names of theorems, whose scripts come with exactflow, or proof scripts of your own",
    )
    command.add_argument("--all", action="store_true", help="run the script of every theorem")
    command.add_argument(
        "--template", action="store_true", help="print a proof script to begin with, and run none"
    )
    add_execution_and_output_options(command)


def add_execution_and_output_options(command: argparse.ArgumentParser) -> None:
    """Add the options of execution and of output; ``python -m proofs`` has the same options."""
    running = command.add_argument_group("execution")
    Options.add_to(running)
    jobs = "run N scripts at once, each in a process of one thread (default: one per core)"
    common.add_jobs_and_backend_options(running, jobs, None)
    form = command.add_argument_group("output").add_mutually_exclusive_group()
    form.add_argument(
        "-v", "--verbose", action="store_true", help="print each claim, and the scripts' output"
    )
    form.add_argument("-q", "--quiet", action="store_true", help="print failures only")
    form.add_argument("--json", action="store_true", help="print one JSON object per script")


def run(arguments: argparse.Namespace) -> int:
    """Run the scripts and print the table of claims; return one exit code for all.

    The exit code is 1 if a script has the code 1, else 2 if one has 2, else 3 if one has 3, else 0.
    """
    if getattr(arguments, "template", False):
        template = resources("exactflow.proving").joinpath("my_theorem.py.txt")
        print(template.read_text("utf-8"), end="")
        return 0
    files, titles = _resolve_scripts_and_theorem_titles(arguments.scripts, arguments.all)
    if (folder := arguments.plot) is not None:
        place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not place.is_dir() or not os.access(place, os.W_OK):
            raise InvalidInputError(
                f"expected a writable folder for pictures as --plot, got {str(folder)!r}"
            )
    outcomes = _run_scripts_and_print_output(files, arguments)
    if not (arguments.json or arguments.quiet):
        print(summarize_claims(outcomes))
        print_table(outcomes, titles, arguments.verbose)
    if not arguments.json:
        print(*(f"{outcome.failure}\n" for outcome in outcomes if outcome.failure), sep="", end="")
    codes = set()
    for outcome in outcomes:
        lacks_only_tools = outcome.verdict == "incomplete" and not outcome.is_undecided
        # this is excused in the scripts of our theorems, since few readers have all tools
        if not (lacks_only_tools and outcome.path in titles):
            codes.add(CODE_OF_VERDICT[outcome.verdict])
    return next((code for code in (1, 2, 3) if code in codes), 0)


def _resolve_scripts_and_theorem_titles(
    names_or_paths: list[str], is_all: bool
) -> tuple[list[str], dict[str, str]]:
    """Return the paths of the scripts to run; and script path -> title, for all theorems. There are
    no titles if all scripts are given as paths.
    """
    scripts = names_or_paths
    if is_all == bool(scripts):
        raise InvalidInputError(
            "expected names of theorems, FILEs, or --all alone: `exactflow theorems` lists the "
            "names, and `exactflow prove --template` prints a script to begin with"
        )
    titles: dict[str, str] = {}
    if is_all or any(Path(name).suffix != ".py" for name in scripts):
        # imported only for theorems, since the import takes longer than a short script
        from exactflow.proving.theorem_scripts import find_theorem_scripts
        from exactflow.proving.theory import theorems

        ours = {name: str(path) for name, path in find_theorem_scripts().items()}
        titles = {path: f"{theorems[name].number} {name}" for name, path in ours.items()}
        names = theorems if is_all else scripts
        scripts = [ours[theorems[name].name] if name in theorems else name for name in names]
    for path in scripts:
        if not Path(path).suffix and not Path(path).exists():
            names = [name.replace(" ", "_") for name in theorems]
            hint = hint_at_similar_name(path, names, "`exactflow theorems` lists the theorems")
            raise InvalidInputError(
                f"expected a theorem, such as six_layers, or a proof script (.py), got {path!r}"
                f"{hint}"
            )
        read_script(path)
    return scripts, titles


@raising_keyboard_interrupt_at_first_ctrl_c()  # so that Ctrl-C also ends the scripts' processes
def _run_scripts_and_print_output(files: list[str], arguments: argparse.Namespace) -> list[Outcome]:
    """Run the scripts, the longest first, and return the outcomes in the order of the files.

    With --verbose, the output of the scripts is printed, and with --json, their outcomes. If one
    script runs at a time, its output is printed at once, otherwise when it has ended.
    """
    jobs = 1 if arguments.jobs is None else arguments.jobs
    if arguments.jobs is None and len(files) > 1:
        # imported only here, since the import takes as long as a short script
        from joblib import cpu_count

        jobs = int(cpu_count())
    is_alone = arguments.backend is None and (jobs == 1 or len(files) == 1)
    rank = {name: place for place, name in enumerate(LONGEST_FIRST)}
    # by index, since a file can be given twice
    order = sorted(range(len(files)), key=lambda i: rank.get(Path(files[i]).stem, len(rank)))
    outcomes = {}
    with TemporaryDirectory() as folder:
        begun = Path(folder) / "claims"
        run_one = partial(
            run_script,
            options=Options(arguments.plot, arguments.full),
            echo=arguments.verbose and is_alone,
            # with a backend, a worker can be on another machine, which cannot write to the file
            progress_file=begun if arguments.backend is None else None,
        )
        with _showing_last_claim_and_counting_scripts(begun, len(files)) as increment_count:
            outcomes_in_order = parallel_map(
                run_one,
                [files[index] for index in order],
                jobs=jobs,
                backend=arguments.backend,
                result_if_lost=_incomplete_outcome_of_lost_worker,
            )
            for index, outcome in zip(order, outcomes_in_order, strict=True):
                increment_count()
                outcomes[index] = outcome
                if arguments.verbose and not is_alone:
                    print(outcome.printed, end="")
                if arguments.json:
                    print(_outcome_json(outcome), flush=True)
    return [outcomes[index] for index in range(len(files))]


def _incomplete_outcome_of_lost_worker(path: str) -> Outcome:
    """Return the outcome "incomplete" of a script whose worker process died."""
    failure = f"{path}: the worker process ended before the script ended"
    return Outcome(path, failure=failure, is_undecided=True, has_ended=False)


@contextmanager
def _showing_last_claim_and_counting_scripts(
    claims_file: Path, script_count: int
) -> Iterator[Callable[[], None]]:
    """Show the last line of a file as progress in a terminal, until the context ends.

    Scripts append each claim to the file when they begin it. The context yields a function, which
    the caller calls whenever a script has ended.
    """
    count, is_over = 0, threading.Event()

    def increment_ended_script_count() -> None:
        nonlocal count
        count += 1

    def keep_showing_last_claim_until_over() -> None:
        while not is_over.wait(0.2):
            with suppress(OSError, IndexError):
                claim = claims_file.read_text("utf-8").splitlines()[-1]
                report_stage(f"{count} of {script_count} scripts; {claim}", count / script_count)

    thread = threading.Thread(
        target=copy_context().run, args=[keep_showing_last_claim_until_over], daemon=True
    )
    thread.start()
    try:
        yield increment_ended_script_count
    finally:
        is_over.set()
        thread.join()


def _outcome_json(outcome: Outcome) -> str:
    names = "theorem", "checked", "evidence", "instances", "seconds", "verdict", "missing", "line"
    claims = [_round_seconds(common.get_attributes(claim, *names)) for claim in outcome.claims]
    found = common.get_attributes(outcome, "verdict", "failure", "line", "has_ended", "seconds")
    return json.dumps({"script": outcome.path, "claims": claims} | _round_seconds(found))


def _round_seconds(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"seconds": round(record["seconds"], 3)}
