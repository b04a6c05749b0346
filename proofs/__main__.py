"""Run the proof scripts of this folder by name, as ``exactflow prove`` does.

    python -m proofs                 every script: exactflow prove --all
    python -m proofs six_layers ..   some of them: exactflow prove six_layers ..
    python -m proofs -v              with every claim, and the output of the scripts
    python -m proofs --plot DIR      and write the pictures that scripts draw
    python -m proofs --full          with the large settings
    python -m proofs -j 1            one after the other

Exit code 0 if every claim holds; claims whose tools are not installed are listed as not run. Exit
code 1 if a claim failed, 2 for an unknown name or a script that does not run to its end, 3 if a
claim was not reached.
"""

import sys
from collections.abc import Sequence

from exactflow.__main__ import end_process_at_signals
from exactflow.cli import ArgumentParser, prove, run_reporting_errors
from exactflow.files.progress_line import show_progress


def main(argv: Sequence[str] | None = None) -> int:
    """Run the scripts named on the command line, or all of them."""
    return run_reporting_errors(lambda: _run_scripts(argv))


def _run_scripts(argv: Sequence[str] | None) -> int:
    parser = ArgumentParser(prog="python -m proofs", description="Run the proof scripts.")
    parser.add_argument(
        "scripts", nargs="*", metavar="NAME", help="names of theorems (default: all)"
    )
    prove.add_execution_and_output_options(parser)
    arguments = parser.parse_args(argv)
    arguments.all = not arguments.scripts
    with show_progress("proofs"):
        return prove.run(arguments)


if __name__ == "__main__":
    end_process_at_signals()
    sys.exit(main())
