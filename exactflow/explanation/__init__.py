"""The proof of a theorem on one instance, step by step, in an object that checks and displays it.

``factor(M).explain()``, ``minimal_depth(M).explain()`` and `exactflow.explain` return an
`Explanation`. Its text, HTML for a notebook, LaTeX, Markdown and JSON are all written from the same
steps.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from textwrap import fill, indent
from typing import Any

from exactflow.errors import VerificationError
from exactflow.exact.progress import report_stage
from exactflow.explanation.identity_text import name_latex
from exactflow.explanation.sentences import (
    names_and_functions_in_single_backticks,
    rename_in_formulas_of_sentence,
    sentence_html,
    sentence_latex,
    sentence_markdown,
    strip_backticks,
)
from exactflow.explanation.steps import Step
from exactflow.flows.display import exact_text, shortened_latex, shortened_lines
from exactflow.flows.evidence import Evidence

__all__ = ["Explanation", "Step"]


_SHEARS = (
    "`U` of a matrix is the shear with `I` on its diagonal and that matrix as the upper right "
    "block; "
    "`L` of a matrix has it as the lower left block."
)
_HEAD = (
    "\\documentclass{article}\n\\usepackage{amsmath,amssymb}\n\\raggedright\n\\setcounter{MaxMatrixCols}{20}\n"
    "\\begin{document}\n"
)


@dataclass(frozen=True, repr=False)
class Explanation:
    """A claim about one instance, and the steps that prove it.

    Parameters
    ----------
    claim : one sentence, with formulas in backticks as in a step.
    steps : the steps in order; each step can be checked alone.
    result : the result that is explained: a flow, a depth or an approximation.
    evidence : the kind of evidence for the claim, as "exact" or "certified".

    Examples
    --------
    >>> from exactflow import factor
    >>> explanation = factor([[1, 2], [3, 7]]).explain()
    >>> print(explanation.claim)
    `M` is the product of 2 couplings.
    >>> all(step.is_valid() for step in explanation.steps)
    True
    """

    claim: str
    steps: tuple[Step, ...]
    result: Any
    evidence: Evidence

    @classmethod
    def from_steps_after_checking(
        cls, claim: str, steps: Sequence[Step], result: Any, evidence: Evidence
    ) -> "Explanation":
        """Check each step, and return the explanation that consists of them.

        Letters of the proof that are also symbols of the user get a prime. The definitions of the
        shears U and L are added to the first step that uses them. `VerificationError`, with the
        number of the step, is raised if a check fails.
        """
        steps = list(steps)
        for k, step in enumerate(steps):
            if step.names_and_functions & {"U", "L"}:
                steps[k] = replace(step, why=f"{_SHEARS} {step.why}")
                break
        symbols = set[str]().union(*(step.user_symbols for step in steps))
        taken = symbols.union(
            names_and_functions_in_single_backticks(claim),
            *(step.names_and_functions for step in steps),
        )
        names = {}
        for letter in sorted(symbols):
            name = letter
            while name in taken:
                name += "'"
            names[letter] = name
            taken.add(name)
        claim = rename_in_formulas_of_sentence(claim, names)
        steps = [step.rename(names) for step in steps]
        for number, step in enumerate(steps, 1):
            report_stage(f"checking step {number} of {len(steps)}")
            try:
                step.check()
            except VerificationError as error:
                raise VerificationError(f"step {number} ({step.rule}) is wrong: {error}") from None
        return cls(claim, tuple(steps), result, evidence)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self, *, width: int = 88) -> str:
        """Return the explanation as text of at most `width` columns.

        Only the corners of wide matrices are shown.
        """
        blocks = [fill(f"{strip_backticks(self.claim)} [{self.evidence}]", width)]
        for n, step in enumerate(self.steps, 1):
            number = f"{n}. "
            space = " " * len(number)
            said = [f"{number}{strip_backticks(step.why)} ({step.rule})"]
            said += [f"{space}checked: {checked}" for checked in step.checked]
            said += [f"{space}{strip_backticks(step.reference)}"] * bool(step.reference)
            head, *rest = (fill(line, width, subsequent_indent=space) for line in said)
            values = indent(_new_values_side_by_side(step, width - len(space)), space)
            blocks.append("\n".join([head, *[values] * bool(values), *rest]))
        return "\n\n".join(blocks)

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        yield Text(self.text(width=options.max_width))

    def markdown(self) -> str:
        """Return the explanation as Markdown, with formulas between dollar signs."""
        lines = [f"**{sentence_markdown(self.claim)}** [{self.evidence}]", ""]
        for number, step in enumerate(self.steps, 1):
            lines += [f"{number}. {sentence_markdown(step.why)} *({step.rule})*", ""]
            lines += [f"   $$ {formula} $$\n" for formula in _formulas_latex(step)]
        return "\n".join(lines)

    def latex(self) -> str:
        """Return the explanation as a complete LaTeX document."""
        items = []
        for step in self.steps:
            shown = "\\quad\n".join(
                f"$\\displaystyle {formula}$" for formula in _formulas_latex(step)
            )
            source = f"\\par\n{{\\small {sentence_latex(step.reference)}}}" * bool(step.reference)
            items.append(f"\\item {sentence_latex(step.why)}\\par\n{shown}{source}\n")
        body = "".join(items)
        claim = sentence_latex(f"{self.claim} [{self.evidence}]")
        return (
            f"{_HEAD}{claim}\n\\begin{{enumerate}}\n{body}\\end{{enumerate}}\n\\end{{document}}\n"
        )

    def json(self) -> str:
        """Return the explanation as JSON, with each matrix entry as an exact string."""
        steps = [
            {
                "rule": step.rule,
                "why": step.why,
                "checked": step.checked,
                "before": sorted(step.before),
                "after": {name: _exact_strings(x, step.field) for name, x in step.after.items()},
                "reference": strip_backticks(step.reference),
            }
            for step in self.steps
        ]
        said = {"claim": self.claim, "evidence": str(self.evidence), "steps": steps}
        return json.dumps(said, indent=1)

    def _repr_html_(self) -> str:
        items = ""
        for step in self.steps:
            head, body = step.head_and_body_html()
            items += f"<li><details><summary>{head}</summary>{body}</details></li>"
        return f"<p><b>{sentence_html(self.claim)}</b> [{self.evidence}]</p><ol>{items}</ol>"

    def _repr_latex_(self) -> str:
        return "\\\\".join(
            f"$\\displaystyle {f}$" for step in self.steps for f in _formulas_latex(step)
        )


def _new_values_side_by_side(step: Step, width: int) -> str:
    """Return the new values of a step as text, as many side by side as fit into the width."""
    rows: list[list[str]] = []
    for name, value in step.after.items():
        first, *rest = shortened_lines(value, step.field, width - len(name) - 3)
        lines = [f"{name} = {first}", *(f"{' ' * len(name)}   {line}" for line in rest)]
        beside = rows[-1] if rows else []
        room = max(map(len, beside), default=0) + 3
        if beside and room + max(map(len, lines)) <= width:
            pairs = zip_longest(beside, lines, fillvalue="")
            rows[-1] = [f"{a:<{room}}{b}".rstrip() for a, b in pairs]
        else:
            rows.append(lines)
    return "\n".join(line for row in rows for line in row)


def _formulas_latex(step: Step) -> Iterator[str]:
    for name, value in step.after.items():
        yield f"{name_latex(name)} = {shortened_latex(value, step.field)}"
    for identity in step.identities:
        yield identity.latex()


def _exact_strings(value: Any, field: Any) -> Any:
    """Return a number as an exact text, and a matrix as rows of such texts."""
    if hasattr(value, "to_list"):
        return [[exact_text(x, value.domain) for x in row] for row in value.to_list()]
    return exact_text(field.convert(value), field)
