"""Claims: write a proof script of your own, which says what it checked and by which evidence.

>>> from sympy import Matrix
>>> from exactflow import factor
>>> from exactflow.claims import Claims, Evidence
>>> claims = Claims("My flows")
>>> with claims.check("a shear takes one layer", Evidence.EXACT) as check:
...     for x in (1, 10**9):
...         check.equal(factor(Matrix([[1, x], [0, 1]])).depth, 1, f"x = {x}")
My flows: a shear takes one layer [exact]
    x = 1
    x = 1000000000

The script stops with `ProofError` at the first instance that fails. Under the name ``claims`` the
runner of the scripts in proofs/ (``python -m proofs``) finds what was recorded and prints a table.
`proof_options` gives the script its options: pictures, and the large settings.

Five words are kept apart: see `Evidence`.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from exactflow.errors import ExactFlowError, MissingExtraError, require
from exactflow.exact.numbers import format_short
from exactflow.flows.result import Evidence

__all__ = ["Check", "Claim", "Claims", "Evidence", "Options", "ProofError", "proof_options"]


class ProofError(ExactFlowError):
    """A check of a proof script failed, or checked nothing."""


@dataclass(frozen=True)
class Claim:
    """One row of the table: what was checked, how, on how many instances, and the outcome.

    `missing` says what has to be installed where the claim was not run; then it did not pass.
    """

    theorem: str
    checked: str
    evidence: Evidence
    instances: int
    seconds: float
    passed: bool
    missing: str = ""


class Check:
    """The instances of one claim: each call states one of them, and fails or counts.

    What fails is named by its label, or where that is empty by `checked`, the text of the claim.
    """

    def __init__(self, checked: str) -> None:
        self.checked = checked
        self.instances = 0

    def equal(self, derived: object, expected: object, label: str = "") -> None:
        """Count one instance of ``derived == expected``, or raise `ProofError`."""
        if derived != expected:
            raise ProofError(
                f"{label or self.checked}: expected {format_short(expected)}, "
                f"derived {format_short(derived)}"
            )
        self._counted(label)

    def true(self, condition: bool, label: str, shown: bool = True) -> None:
        """Count one instance of a condition that holds, or raise `ProofError`.

        Where a table follows, a label need not be `shown`: it then names only what fails.
        """
        if condition is not True:
            raise ProofError(f"{label or self.checked}: expected to hold, got {condition!r}")
        self._counted(label if shown else "")

    def _counted(self, label: str) -> None:
        self.instances += 1
        if label:
            print(f"    {label}")


class Claims:
    """The claims of one proof script, which binds one such object to the name ``claims``.

    >>> claims = Claims("Arithmetic")
    >>> with claims.check("1 + 1 = 2", Evidence.EXACT) as check:
    ...     check.equal(1 + 1, 2, "one and one")
    Arithmetic: 1 + 1 = 2 [exact]
        one and one
    >>> [(claim.instances, claim.passed) for claim in claims.recorded]
    [(1, True)]
    """

    def __init__(self, theorem: str) -> None:
        self.theorem = theorem
        self.recorded: list[Claim] = []

    @contextmanager
    def check(self, checked: str, evidence: Evidence) -> Iterator[Check]:
        """Record one claim: passed if the block ends, failed if it raises or checks nothing.

        With `MissingExtraError` it is neither, but recorded as not run.
        """
        print(f"{self.theorem}: {checked} [{evidence}]")
        check, start, passed, missing = Check(checked), time.perf_counter(), False, ""
        try:
            yield check
            if not check.instances:
                raise ProofError(f"{checked}: expected at least one instance, got none")
            passed = True
        except MissingExtraError as error:
            missing = str(error)
            raise
        finally:
            seconds = time.perf_counter() - start
            self.recorded.append(
                Claim(self.theorem, checked, evidence, check.instances, seconds, passed, missing)
            )

    def not_run(self, checked: str, evidence: Evidence, missing: str) -> None:
        """Record a claim that could not be run, and what has to be installed for it."""
        print(f"{self.theorem}: {checked} [{evidence}] not run: {missing}")
        self.recorded.append(Claim(self.theorem, checked, evidence, 0, 0.0, False, missing))


@dataclass(frozen=True)
class Options:
    """How a proof script runs: pictures into the folder `plot`, large settings if `full`."""

    plot: Path | None = None
    full: bool = False

    def picture(self, name: str, draw: Callable) -> None:
        """Write NAME.png by ``draw(pyplot, path)`` where pictures are asked for.

        In a notebook every picture is shown, below its cell, and written only if asked for.
        """
        show = _notebook_display()
        if self.plot is None and show is None:
            return
        try:
            pyplot = require("matplotlib.pyplot", "plot", "pictures")
        except MissingExtraError as error:
            print(f"{name}.png: not drawn: {error}")
            return
        if show is None:
            pyplot.switch_backend("agg")
        with TemporaryDirectory() as scratch:
            folder = self.plot or Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            draw(pyplot, folder / f"{name}.png")
            if show is not None:
                show((folder / f"{name}.png").read_bytes(), name.replace("_", " "))

    @staticmethod
    def add_to(parser: argparse.ArgumentParser) -> None:
        """Add the options ``--plot DIR`` and ``--full``."""
        parser.add_argument("--plot", type=Path, metavar="DIR", help="write pictures to a folder")
        parser.add_argument("--full", action="store_true", help="the large settings")


def _notebook_display() -> Callable[[bytes, str], object] | None:
    """Return what shows a PNG and its name in the notebook that runs this, None outside of one."""
    if (marimo := sys.modules.get("marimo")) is not None and marimo.running_in_notebook():
        return lambda png, name: marimo.output.append(marimo.image(png, alt=name))
    if (ipython := sys.modules.get("IPython")) is None:
        return None
    if not hasattr(ipython.get_ipython(), "kernel"):
        return None
    display = importlib.import_module("IPython.display")
    return lambda png, name: display.display(display.Image(png, format="png", alt=name))


RUNNER_OPTIONS: ContextVar[Options] = ContextVar("RUNNER_OPTIONS")


def proof_options(argv: Sequence[str] | None = None) -> Options:
    """Return the options of this run of a proof script.

    Under ``python -m proofs`` they are those that it was given. A script that runs by itself reads
    ``--plot DIR`` and ``--full`` from `argv`, by default its command line, and passes over all
    else: as cells it finds the options of a Jupyter kernel there.

    >>> proof_options(["--full"])
    Options(plot=None, full=True)
    """
    if (options := RUNNER_OPTIONS.get(None)) is not None:
        return options
    parser = argparse.ArgumentParser()
    Options.add_to(parser)
    return Options(**vars(parser.parse_known_args(sys.argv[1:] if argv is None else argv)[0]))
