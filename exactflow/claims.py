"""Claims: write a proof script of your own, which records the checked claims and their evidence.

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

The script stops with `ProofError` at the first instance that fails. ``exactflow prove FILE..`` runs
such scripts and prints their recorded claims as a table; ``exactflow prove --template`` prints a
script to begin with. `proof_options` gives a script its options: pictures, and the large settings.

Five words are kept apart: see `Evidence`.
"""

import argparse
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, Literal
from uuid import uuid4

from exactflow.errors import (
    ExactFlowError,
    InvalidInputError,
    MissingExtraError,
    UndecidedClaimError,
    VerificationError,
    printable,
    require,
)
from exactflow.exact.typing import library_of
from exactflow.flows.equality import are_equal
from exactflow.flows.evidence import Evidence

__all__ = ["Check", "Claim", "Claims", "Evidence", "Options", "ProofError", "proof_options"]


class ProofError(ExactFlowError):
    """A check of a proof script failed, or checked nothing."""


@dataclass(frozen=True)
class Claim:
    """A row of the table of claims.

    Attributes
    ----------
    theorem, checked : the theorem, and the statement that was checked.
    evidence : the kind of evidence; "" for a claim that the script did not reach, if the script
        computes the kind.
    instances, seconds : the number of instances, and the time that they took.
    passed : whether every instance holds.
    missing : the tool to install, if the claim was not run because this tool is not installed.
    line : the line of the script; 0 outside of a runner.
    hypotheses : the hypotheses of its identities, in words, as "X is invertible"; often "".
    is_reached : whether the end of the claim was reached. If not, the claim is undecided: the
        script stopped before or within the claim, or checked the claim in another process.
    """

    theorem: str
    checked: str
    evidence: Evidence | Literal[""]
    instances: int
    seconds: float
    passed: bool
    missing: str = ""
    line: int = 0
    is_reached: bool = True
    hypotheses: str = ""

    @property
    def verdict(self) -> Literal["passed", "not run", "not reached", "FAILED"]:
        """The verdict: "passed", "not run", "not reached" or "FAILED"."""
        if not self.is_reached:
            return "not reached"
        return "passed" if self.passed else "not run" if self.missing else "FAILED"


class Check:
    """The instances of one claim: each method checks one instance, and counts it or raises.

    The error names the instance by its label or, without a label, by the text of the claim. The
    claim has failed if an instance has failed, and is undecided if an instance is, even if the
    script catches the error or a thread loses it. An instance after the end of the claim, or in a
    process that the script starts, leaves the claim undecided.
    """

    def __init__(self, checked: str) -> None:
        self.checked = checked
        self.instances = 0
        self.failures: list[str] = []
        self.undecided: list[ExactFlowError] = []  # the errors of instances without a verdict
        self.hypotheses: dict[str, None] = {}  # as a set in the order of the identities
        self._claim: Claim | None = None  # the claim to record
        self._recorded: list[Claim] = []
        self._process = os.getpid()

    def equal(self, derived: object, expected: object, label: str = "") -> None:
        """Count one instance of ``derived == expected``; raise `ProofError` if it is false.

        The comparison is exact: a float is the fraction that it stores, and NaN and masked entries
        equal nothing. Matrices may be flows, arrays, tensors, nested lists or SymPy matrices.
        Raise `UndecidedClaimError` for SymPy expressions that are neither proved equal nor proved
        different; the claim is then not reached.

        >>> Check("sum").equal(0.1 + 0.2, 0.3)
        Traceback (most recent call last):
        ...
        exactflow.claims.ProofError: sum: expected 0.3, derived 0.30000000000000004
        """
        try:
            is_equal = are_equal(derived, expected)
        except InvalidInputError as error:
            raise self._record_failure(label, str(error)) from None
        except UndecidedClaimError as error:
            raise self._record_undecided(label, error) from None
        if not is_equal:
            # imported only here, since the import of SymPy by this module takes a long time
            from exactflow.exact.numbers import format_short as short

            raise self._record_failure(
                label, f"expected {short(expected)}, derived {short(derived)}"
            )
        self._count_and_print_instance(label)

    def true(self, condition: Any, label: str = "", *, shown: bool = True) -> None:
        """Count one instance if a condition is True; raise `ProofError` if it is not.

        True of NumPy and of SymPy are True, too; other values, such as 1 or a list, are not. Raise
        `UndecidedClaimError` for a SymPy condition that is neither true nor false, as x < 2. With
        ``shown=False`` the label is printed only for a failure, for instance above a table.
        """
        numpy, sympy = (library_of(condition, name) for name in ("numpy", "sympy"))
        is_bool = isinstance(condition, bool) or bool(numpy and isinstance(condition, numpy.bool_))
        if sympy and isinstance(condition, sympy.logic.boolalg.Boolean):
            if condition not in (sympy.true, sympy.false):
                undecided = UndecidedClaimError(f"neither proved nor refuted: {condition}")
                raise self._record_undecided(label, undecided)
            is_bool = True
        if not (is_bool and condition):
            raise self._record_failure(
                label, f"expected the condition to be True, got {condition!r}"
            )
        self._count_and_print_instance(label if shown else "")

    def identity(self, text: str, label: str = "", *, relations: str = "") -> None:
        """Prove identities between matrices with n x n blocks, for all n, and count one instance.

        Both sides are expanded. Raise `ProofError` if an identity is false.

        Parameters
        ----------
        text : equations with commas between them, in the language of
            `exactflow.explanation.identity_text`, of sums, products, ``^-1``, U, L, diag and
            blocks. An equation whose left side is a new name defines it. All other names stand for
            n x n matrices.
        label : the name of the identity; by default its text.
        relations : products of two names that are numbers, as ``"w e = 1"``. The two names may also
            stand for a row and a column; so ``e w = 1`` is false, unless it is a relation, too.

        Raises
        ------
        ProofError
            The sides differ; the message has the words that survive in the difference.
        InvalidInputError
            The text is not in the language, or it inverts a sum.

        >>> Check("sum").identity("U(X) U(Y) = U(X + Y)")
            U(X) U(Y) = U(X + Y): proved for all n (4 blocks, 4 words compared)
        >>> Check("shears").identity("U(X) = U(Y)")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        exactflow.claims.ProofError: shears: this identity is false: U(X) = U(Y); ... X - Y
        """
        # imported only here, since the import of SymPy by this module takes a long time
        from exactflow.explanation.symbolic_identities import Identity

        text = " ".join(text.split())
        try:
            proof = Identity(label or text, "", "", text, relations).prove()
        except VerificationError as error:
            raise self._record_failure(label, str(error)) from None
        except InvalidInputError as error:
            raise self._record_undecided(label, error) from None
        self.hypotheses |= dict.fromkeys(proof.hypotheses)
        self._count_and_print_instance(str(proof))

    def _record_failure(self, label: str, reason: str) -> ProofError:
        """Record that an instance is false, and return the error to raise."""
        self._record_claim_begun_unless_open_here()
        self.failures.append(f"{label or self.checked}: {reason}")
        return ProofError(self.failures[-1])

    def _record_undecided(self, label: str, error: ExactFlowError) -> ExactFlowError:
        """Record that an instance is neither true nor false; return an error for the caller."""
        self._record_claim_begun_unless_open_here()
        self.undecided.append(type(error)(f"{label or self.checked}: {error}"))
        return self.undecided[-1]

    def _record_claim_begun_unless_open_here(self) -> None:
        """Record the claim as begun again, if it has ended or began in another process."""
        if self._claim is not None and os.getpid() != self._process:
            self._process = os.getpid()
            self._recorded.append(self._claim)
            record_claim(uuid4().hex, self._claim)

    def _count_and_print_instance(self, label: str) -> None:
        self._record_claim_begun_unless_open_here()
        self.instances += 1
        if label:
            print(f"    {printable(label)}")


class Claims:
    """The claims about one theorem: a runner finds every such object that a script makes.

    >>> claims = Claims("Arithmetic")
    >>> with claims.check("1 + 1 = 2", Evidence.EXACT) as check:
    ...     check.equal(1 + 1, 2, "one and one")
    Arithmetic: 1 + 1 = 2 [exact]
        one and one
    >>> [(claim.instances, claim.passed) for claim in claims.recorded]
    [(1, True)]
    >>> claims
    <Claims 'Arithmetic': 1 of 1 passed>
      passed: 1 + 1 = 2 [exact], instances: 1
    """

    def __init__(self, theorem: str) -> None:
        self.theorem = theorem
        self.recorded: list[Claim] = []
        if (run := current_run()) is not None:
            run.theorem = theorem

    def check(self, checked: str, evidence: Evidence) -> AbstractContextManager[Check]:
        """Context manager: record one claim; the block checks the instances of this claim.

        The claim has passed if the block ends without an error and every instance is true. It has
        failed if nothing was checked, an instance is false, or the block raises `ProofError`,
        `VerificationError` or AssertionError. It is not run if the block raises
        `MissingExtraError`. It is not reached after any other error, or if an instance is
        undecided.
        """
        claim = self._make_unreached_claim_at_current_line(checked, evidence)
        identifier = uuid4().hex
        record_claim(identifier, claim)
        return self._run_check(claim, identifier)

    def _make_unreached_claim_at_current_line(self, checked: str, evidence: Evidence) -> Claim:
        """Return a claim that is not reached yet, with the current line of the script that a runner
        runs; the line is 0 outside of a runner.
        """
        try:
            kind = Evidence(evidence)
        except ValueError:
            kinds = ", ".join(f"Evidence.{name}" for name in Evidence.__members__)
            raise InvalidInputError(
                f"expected the argument evidence to be one of {kinds}, got {evidence!r}"
            ) from None
        run = current_run()
        frame: FrameType | None = sys._getframe()
        while frame is not None and (run is None or frame.f_code.co_filename != run.path):
            frame = frame.f_back
        line = 0 if frame is None else frame.f_lineno
        return Claim(self.theorem, checked, kind, 0, 0.0, False, line=line, is_reached=False)

    @contextmanager
    def _run_check(self, claim: Claim, identifier: str) -> Iterator[Check]:
        print(printable(f"{self.theorem}: {claim.checked} [{claim.evidence}]"))
        if (run := current_run()) is not None:
            run.append_progress_line(claim.checked)
        check, start, ended = Check(claim.checked), time.perf_counter(), claim
        check._claim, check._recorded = claim, self.recorded
        try:
            yield check
            if check.failures:
                raise ProofError(check.failures[0])
            if check.undecided:
                raise check.undecided[0]
            if not check.instances:
                raise ProofError(
                    f"{claim.checked}: no instance was checked: call check.equal, check.true or "
                    "check.identity in the block"
                )
            hypotheses = " and ".join(check.hypotheses)
            ended = replace(claim, passed=True, is_reached=True, hypotheses=hypotheses)
        except BaseException as error:
            is_false = isinstance(error, ProofError | VerificationError | AssertionError)
            is_false = is_false or bool(check.failures)
            is_missing = isinstance(error, MissingExtraError) and not is_false
            missing = str(error) if is_missing else ""
            ended = replace(claim, missing=missing, is_reached=is_missing or is_false)
            if run is not None:
                run.stopped.append((error, claim))
            raise
        finally:
            seconds, check._process = time.perf_counter() - start, 0
            ended = replace(ended, instances=check.instances, seconds=seconds)
            self.recorded.append(ended)
            record_claim(identifier, ended)

    def __repr__(self) -> str:
        passed = sum(claim.passed for claim in self.recorded)
        rows = (
            f"  {claim.verdict}: {claim.checked} [{claim.evidence}]"
            + f", instances: {claim.instances}" * claim.passed
            for claim in self.recorded
        )
        head = f"<Claims {self.theorem!r}: {passed} of {len(self.recorded)} passed>"
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        names = ("theorem", "what was checked", "evidence", "instances", "seconds", "verdict")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = []
        for claim in self.recorded:
            failed = ' class="failed"' if claim.verdict == "FAILED" else ""
            rows.append(
                f"<tr><td>{escape(self.theorem)}</td><td>{escape(claim.checked)}</td>"
                f'<td>{claim.evidence}</td><td class="number">{claim.instances}</td>'
                f'<td class="number">{claim.seconds:.2f}</td><td{failed}>{claim.verdict}</td></tr>'
            )
        body = "\n".join(rows)
        return f"<table><tr>{head}</tr>\n{body}</table>"

    def not_run(self, checked: str, evidence: Evidence, missing: str) -> None:
        """Record that a claim could not be run, because the tool `missing` is not installed."""
        claim = replace(
            self._make_unreached_claim_at_current_line(checked, evidence),
            missing=missing,
            is_reached=True,
        )
        print(printable(f"{self.theorem}: {checked} [{claim.evidence}] not run: {missing}"))
        self.recorded.append(claim)
        record_claim(uuid4().hex, claim)


@dataclass(frozen=True)
class Options:
    """Settings of a run: a folder for pictures, or None, and whether to use the large settings."""

    plot: Path | None = None
    full: bool = False

    def picture(self, name: str, draw: Callable[[Any, Path], object]) -> None:
        """Write NAME.png by ``draw(pyplot, path)`` if there is a folder for pictures.

        In a notebook the picture is also shown below its cell, with or without a folder.
        """
        show = _find_notebook_display()
        if self.plot is None and show is None:
            return
        try:
            pyplot = require("matplotlib.pyplot", "plot", "a picture")
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
    def add_to(parser: argparse._ActionsContainer) -> None:
        """Add the options ``--plot DIR`` and ``--full``."""
        parser.add_argument("--plot", type=Path, metavar="DIR", help="write pictures to a folder")
        parser.add_argument("--full", action="store_true", help="the large settings")


def _find_notebook_display() -> Callable[[bytes, str], object] | None:
    """Return the function that shows a picture, a PNG with a name, in the notebook; None outside of
    notebooks.
    """
    if current_run() is not None:
        return None
    if (marimo := sys.modules.get("marimo")) is not None and marimo.running_in_notebook():
        return lambda png, name: marimo.output.append(marimo.image(png, alt=name))
    if (ipython := sys.modules.get("IPython")) is None:
        return None
    if not hasattr(ipython.get_ipython(), "kernel"):
        return None
    display = importlib.import_module("IPython.display")
    return lambda png, name: display.display(display.Image(png, format="png", alt=name))


@dataclass
class ScriptRun:
    """The run of a script in this process.

    Attributes
    ----------
    path, options : the script and its settings.
    record : the file of its claims. Claims of a process that the script starts are recorded as
        begun, never as ended.
    progress_file : a file for the stages of the run, or None.
    process : the id of the process that runs the script.
    theorem : the theorem of the last `Claims`.
    stopped : errors that ended a claim, with the claim.
    """

    path: str
    options: Options
    record: Path
    progress_file: Path | None = None
    process: int = field(default_factory=os.getpid)
    theorem: str = ""
    stopped: list[tuple[BaseException, Claim]] = field(default_factory=list)

    @property
    def is_main_process(self) -> bool:
        """Whether the script itself runs in this process, not in a process that it started."""
        return os.getpid() == self.process

    def append_progress_line(self, stage: str) -> None:
        """Append a line to `progress_file`: a claim that begins, or a stage of a claim."""
        if self.progress_file is not None:
            with self.progress_file.open("a", encoding="utf-8") as file:
                file.write(f"{printable(f'{Path(self.path).stem}: {stage}')}\n")


SCRIPT_RUNS: list[ScriptRun] = []
"""The run of a script in this process, for all its threads; empty outside of a runner."""

RECORD = "EXACTFLOW_RECORD"
"""Environment variable: the path of the record of claims, for processes of the script."""


def current_run() -> ScriptRun | None:
    """Return the run of a script in this process, or None outside of a runner."""
    return SCRIPT_RUNS[-1] if SCRIPT_RUNS else None


def append_event(path: Path, event: dict) -> None:
    """Append an event to a record file in one write, since threads and processes share the file."""
    with path.open("ab", buffering=0) as file:
        file.write(f"{json.dumps(event)}\n".encode())


def record_claim(identifier: str, claim: Claim) -> None:
    """Record the state of a claim for the runner; `identifier` is unique to the claim.

    A process that the script has started, by a fork or anew, records only that claims begin.
    """
    run = current_run()
    if run is not None and run.is_main_process:
        append_event(run.record, {"number": identifier, "claim": asdict(claim)})
    elif not claim.is_reached:
        path = Path(os.environ.get(RECORD, "")) if run is None else run.record
        # without this folder the runner has ended, and nothing reads the record
        if path.name and path.parent.is_dir():
            append_event(path, {"number": identifier, "claim": asdict(claim)})


def proof_options(argv: Sequence[str] | None = None) -> Options:
    """Return the options of this run of a proof script.

    ``exactflow prove`` passes on its own options. A script that runs by itself reads ``--plot DIR``
    and ``--full`` from `argv`, by default its command line. It ignores other arguments, such as
    those of a Jupyter kernel.

    >>> proof_options(["--full"])
    Options(plot=None, full=True)
    """
    if (run := current_run()) is not None:
        return run.options
    parser = argparse.ArgumentParser(allow_abbrev=False)  # --f is the kernel's, and not --full
    Options.add_to(parser)
    return Options(**vars(parser.parse_known_args(sys.argv[1:] if argv is None else argv)[0]))
