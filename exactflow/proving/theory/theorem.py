"""A theorem, its hypotheses, the table of all theorems, and challenges to a theorem."""

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from html import escape
from textwrap import fill
from typing import Any, NamedTuple

from exactflow.errors import ExactFlowError, InvalidInputError, hint_at_similar_name
from exactflow.exact.numbers import to_index
from exactflow.files.parallel import parallel_map


@dataclass(frozen=True)
class Hypothesis:
    """A hypothesis of a theorem: `says` states it, `why` is the reason for it, and `holds` tests it
    on an instance. `holds` returns None if this is not decided, as for symbols without a sign.
    """

    says: str
    why: str
    holds: Callable[[Any], bool | None]


class FormalStatements(NamedTuple):
    """A row of ``proofs/rocq/proved.md``: a claim, in which generality it is formally proved, and
    the names of the theorems of headlines.v and of statements.v that state it.
    """

    claim: str
    generality: str
    headlines: tuple[str, ...]
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, repr=False)
class Challenge:
    """Result of checking a theorem on random instances.

    Attributes
    ----------
    theorem, tried : the name of the theorem, and the statement that was checked on each instance.
    count : the number of instances for which the statement held, before the first counterexample.
    counterexample, reason : the first counterexample and the error that it raised; None and "" if
        there is none.
    """

    theorem: str
    count: int
    counterexample: Any = None
    reason: str = ""
    tried: str = ""

    def __repr__(self) -> str:
        return f"<Challenge: {self}>"

    def __str__(self) -> str:
        if self.counterexample is None:
            return f"{self.theorem}: {self.count} instances, no counterexample to: {self.tried}"
        found = self.counterexample
        shown = found.tolist() if hasattr(found, "tolist") else found
        return f"{self.theorem}: fails after {self.count} instances, for {shown}: {self.reason}"

    def _repr_html_(self) -> str:
        head = f"{self.count:,} instances, no counterexample"
        if self.counterexample is not None:
            head = "Fails"
        return (
            f"<p><b>{head}</b> <small>{escape(str(self))}; a challenge tries, it does not prove"
            "</small></p>"
        )


@dataclass(frozen=True, repr=False)
class Theorem:
    """A theorem of the project: a row of the table `theorems`.

    Parameters
    ----------
    number : the number in the list of theorems that the book and docstrings share. A theorem that
        belongs to another theorem has the number of this theorem, followed by a letter.
    name : the key in `theorems` and on the command line.
    title : the name in README, with "to our knowledge new" if this is so.
    statement, latex : the theorem in words, and as a formula.
    source : the papers that state or prove the theorem.
    checked, found : how the theorem was checked, with the kind of evidence; and the result.
    script : the name of the proof script under ``proofs/``, for ``exactflow prove SCRIPT``.
    function : the function of the package that constructs the layers, or "".
    hypotheses : the hypotheses, in the order in which `check` tests them.
    tried : the part of the statement that `trial` checks on an instance.
    trial : a function that checks `tried` on an instance and returns the result of `function`.
    draw_instance : a function that draws an instance.
    proved : the parts that are formally proved.
    """

    number: str
    name: str
    title: str
    statement: str
    latex: str
    source: str
    checked: str
    found: str
    script: str
    function: str = ""
    hypotheses: tuple[Hypothesis, ...] = ()
    tried: str = ""
    trial: Callable[[Any], Any] | None = None
    draw_instance: Callable[[random.Random], Any] | None = None
    proved: tuple[FormalStatements, ...] = ()

    @property
    def formal(self) -> tuple[str, ...]:
        """The names of the formal theorems in ``proofs/rocq``: first those of headlines.v."""
        headlines = (name for row in self.proved for name in row.headlines)
        return (*headlines, *(name for row in self.proved for name in row.statements))

    def check(self, instance: Any) -> Any:
        """Check the theorem on an instance, and return the result of the theorem's `function`.

        The result is, for instance, a flow with ``explain()``.

        Raises
        ------
        InvalidInputError
            A hypothesis does not hold for the instance, or is not decided, or the theorem is not
            about instances.
        VerificationError
            The statement is false for the instance: a counterexample, or a bug.

        Examples
        --------
        >>> from exactflow import theorems
        >>> theorems["six layers"].check([[1, 0], [0, -1]])
        Traceback (most recent call last):
        ...
        exactflow.errors.InvalidInputError: the theorem "six layers" needs det(M) > 0, and this \
hypothesis does not hold here: every coupling with positive scales preserves orientation
        """
        trial = self._require_function(self.trial, "a theorem about instances")
        for hypothesis in self.hypotheses:
            if not (holds := hypothesis.holds(instance)):
                verdict = "is not decided" if holds is None else "does not hold"
                raise InvalidInputError(
                    f'the theorem "{self.name}" needs {hypothesis.says}, and this hypothesis '
                    f"{verdict} here: {hypothesis.why}"
                )
        return trial(instance)

    def challenge(
        self, n: int = 1000, *, seed: int = 0, progress: bool = True, jobs: int = 1
    ) -> Challenge:
        """Check the theorem on n random instances, up to the first counterexample.

        Each instance is drawn from the seed and the number of the instance, so that the result does
        not depend on the number of jobs. With `progress`, a line in a terminal shows the progress.

        >>> from exactflow import theorems
        >>> print(theorems["permutations"].challenge(20, progress=False))
        permutations: 20 instances, no counterexample to: at most six layers of integers of \
absolute value at most 2 equal the permutation
        """
        to_index("n", n, 1)
        draw_instance = self._require_function(
            self.draw_instance, "a theorem about instances that are drawn"
        )
        label = self.name if progress else None
        try_one = partial(_error_on_drawn_instance_or_none, self, seed)
        for count, reason in enumerate(parallel_map(try_one, range(n), jobs=jobs, label=label)):
            if reason is not None:
                found = draw_instance(_random_source(seed, count))
                return Challenge(self.name, count, found, reason, self.tried)
        return Challenge(self.name, n, tried=self.tried)

    def _require_function(
        self, function: "Callable[[Any], Any] | None", description_of_expected_theorem: str
    ) -> Callable[[Any], Any]:
        if function is None:
            raise InvalidInputError(
                f'expected {description_of_expected_theorem}, got the theorem "{self.name}": '
                f"`exactflow prove {self.script}` checks this theorem"
            )
        return function

    def text(self, *, width: int = 88) -> str:
        """Return the theorem as text; only the formula may be longer than `width`."""
        said = [f"{h.says}: {h.why}." for h in self.hypotheses]
        said += [f"source: {self.source}", f"checked: {self.checked}", f"found: {self.found}"]
        said += [f"script: exactflow prove {self.script}"]
        said += [f"function: {self.function}"] * bool(self.function)
        said += [f"formally proved: {', '.join(self.formal)}"] * bool(self.formal)
        head = [f"{self.number}. {self.name}", "", fill(self.statement, width), ""]
        shown = (fill(line, width, break_long_words=False) for line in said)
        return "\n".join([*head, f"    {self.latex}", "", *shown])

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def _repr_html_(self) -> str:
        """Return HTML with the statement, the formula, and a list of evidence, source and calls."""
        rows = [("found", escape(self.found)), ("evidence", escape(self.checked))]
        rows += [("needs", f"{escape(h.says)}: {escape(h.why)}") for h in self.hypotheses]
        rows.append(("source", escape(self.source)))
        if self.formal:
            rows.append(("in Rocq", ", ".join(f"<code>{escape(x)}</code>" for x in self.formal)))
        calls = [f'theorems["{self.name}"].{call}' for call in ("check(M)", "challenge()")]
        calls = [*(calls if self.trial else []), *filter(None, [self.function])]
        calls.append(f"exactflow prove {self.script}")
        rows.append(("try it", ", ".join(f"<code>{escape(call)}</code>" for call in calls)))
        listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
        return (
            f"<h4>{escape(self.number)}. {escape(self.title)}</h4><p>{escape(self.statement)}</p>"
            f"<p>$$ {escape(self.latex)} $$</p><dl>{listed}</dl>"
        )


def _random_source(seed: int, instance_number: int) -> random.Random:
    """Return the random generator from which one instance of a challenge is drawn."""
    return random.Random(f"{seed}, {instance_number}")


def _error_on_drawn_instance_or_none(
    theorem: Theorem, seed: int, instance_number: int
) -> str | None:
    """Return the text of the error on a drawn instance; None if the theorem holds for it."""
    draw_instance = theorem._require_function(
        theorem.draw_instance, "a theorem about instances that are drawn"
    )
    try:
        theorem.check(draw_instance(_random_source(seed, instance_number)))
    except ExactFlowError as error:
        return str(error)
    return None


class Theorems(Mapping[str, Theorem]):
    """The table of theorems: a mapping name -> theorem, which is displayed as a table."""

    def __init__(self, rows: Iterable[Theorem]) -> None:
        self._rows = {row.name: row for row in rows}
        self._names_by_number = {
            number: row.name for row in self._rows.values() for number in row.number.split(", ")
        }

    def __getitem__(self, name: str) -> Theorem:
        """Return the theorem with a name, such as "six layers" or, equivalently, "Six_layers", or
        with a number, such as "2a".
        """
        found = self._normalize_name_or_number(name)
        if found not in self._rows:
            hint = hint_at_similar_name(found, self._rows, "the table of theorems lists all names")
            raise InvalidInputError(f"expected the name of a theorem, got {name!r}{hint}")
        return self._rows[found]

    def get(self, name: str, default: Any = None) -> Any:
        """Return the theorem with a name or a number, or the default if there is none."""
        return self._rows.get(self._normalize_name_or_number(name), default)

    def __contains__(self, name: object) -> bool:
        return self._normalize_name_or_number(name) in self._rows

    def _normalize_name_or_number(self, name_or_number: object) -> str:
        """Return the key of the theorem with a name or a number, if there is such a theorem."""
        words = str(name_or_number).replace("_", " ").strip().lower()
        return self._names_by_number.get(words, words)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def _ipython_key_completions_(self) -> list[str]:
        """Return the names that TAB offers after ``theorems["``."""
        return list(self)

    def __len__(self) -> int:
        return len(self._rows)

    def table(self, *, width: int = 88) -> str:
        """Return a table with the name, result and evidence of each theorem.

        It has two columns if width >= 60, and one column otherwise.
        """
        is_wide, lines = width >= 60, []
        first = max(map(len, self)) + 10 if is_wide else 2
        for row in self.values():
            head = (
                f"{row.number:<8}{row.name:<{first - 8}}"
                if is_wide
                else f"{row.number}. {row.name}: "
            )
            said = f"{head}{row.found} [{row.checked}]"
            lines.append(fill(said, width, subsequent_indent=" " * first))
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        names = ("", "theorem", "found", "checked, and how")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = "".join(
            f"<tr><td>{row.number}</td><td>{escape(row.name)}</td><td>{escape(row.found)}</td>"
            f"<td>{escape(row.checked)}</td></tr>"
            for row in self.values()
        )
        return f"<table><tr>{head}</tr>{rows}</table>"
