"""The proof of a theorem on one matrix, step by step, as a value that shows and checks itself.

`Explanation` is what ``factor(M).explain()``, ``minimal_depth(M).explain()`` and
`exactflow.explain` return. It shows itself as text (in a terminal as narrow as it is), in a
notebook, as LaTeX, Markdown and JSON, all from the same steps.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest
from textwrap import fill, indent
from typing import Any

from exactflow.errors import VerificationError
from exactflow.exact.progress import stage
from exactflow.explanation.identity import formula_latex, latex_name
from exactflow.explanation.steps import Step
from exactflow.flows.display import shown_html, shown_latex, shown_text
from exactflow.flows.evidence import Evidence

__all__ = ["Explanation", "Step"]

_QUOTED = re.compile("`([^`]*)`")
_HEAD = (
    "\\documentclass{article}\n\\usepackage{amsmath,amssymb}\n\\raggedright\n\\setcounter{MaxMatrixCols}{20}\n"
    "\\begin{document}\n"
)


@dataclass(frozen=True, repr=False)
class Explanation:
    """A claim about one instance, and the steps that prove it.

    Parameters
    ----------
    claim : one sentence; formulas stand in backticks.
    steps : in order; each can be checked alone.
    result : what they explain: a flow, a depth, an error.
    evidence : the kind of evidence.

    Examples
    --------
    >>> from exactflow import factor
    >>> explanation = factor([[1, 2], [3, 7]]).explain()
    >>> print(explanation.claim)
    M is the product of 2 couplings.
    >>> all(step.check() for step in explanation.steps)
    True
    """

    claim: str
    steps: tuple[Step, ...]
    result: Any
    evidence: Evidence

    @classmethod
    def verify(
        cls, claim: str, steps: Sequence[Step], result: Any, evidence: Evidence
    ) -> "Explanation":
        """Check each step, and return the explanation.

        Raises `VerificationError` with the step whose identity is not so.
        """
        for number, step in enumerate(steps, 1):
            stage(f"checking step {number} of {len(steps)}")
            if not step.check():
                what = step.text or "its witness"
                raise VerificationError(
                    f"expected step {number} ({step.rule}) to be so, got one whose check fails: "
                    f"{what}"
                )
        return cls(claim, tuple(steps), result, evidence)

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__

    def text(self, *, width: int = 88) -> str:
        """Return the explanation as text of at most so many columns; of wide matrices a corner."""
        claim = self.claim.replace("`", "")
        blocks = [fill(f"{claim} [{self.evidence}]", width)]
        blocks += [_text_of(step, f"{n}. ", width) for n, step in enumerate(self.steps, 1)]
        return "\n\n".join(blocks)

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        yield Text(self.text(width=options.max_width))

    def markdown(self) -> str:
        """Return the explanation as Markdown, with formulas between dollar signs."""
        lines = [f"**{_in_latex(self.claim)}** [{self.evidence}]", ""]
        for number, step in enumerate(self.steps, 1):
            lines += [f"{number}. {_in_latex(step.why)} *({step.rule})*", ""]
            lines += [f"   $$ {formula} $$\n" for formula in _formulas(step)]
        return "\n".join(lines)

    def latex(self) -> str:
        """Return the explanation as a LaTeX document that compiles as it is."""
        items = []
        for step in self.steps:
            shown = "\\quad\n".join(f"$\\displaystyle {formula}$" for formula in _formulas(step))
            items.append(f"\\item {_in_latex(step.why)}\\par\n{shown}\n")
        body = "".join(items)
        return (
            f"{_HEAD}{_in_latex(self.claim)}\n\\begin{{enumerate}}\n{body}"
            "\\end{enumerate}\n\\end{document}\n"
        )

    def json(self) -> str:
        """Return the explanation as JSON: every entry is a string, exact."""
        return json.dumps(
            {
                "claim": self.claim,
                "evidence": str(self.evidence),
                "steps": [_as_json(step) for step in self.steps],
            },
            indent=1,
        )

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{_html_of(step)}</li>" for step in self.steps)
        return f"<p><b>{_in_html(self.claim)}</b> [{self.evidence}]</p><ol>{items}</ol>"

    def _repr_latex_(self) -> str:
        return "\\\\".join(f"$\\displaystyle {f}$" for step in self.steps for f in _formulas(step))


def _in_latex(sentence: str) -> str:
    """Return a sentence with the names that stand in backticks as formulas between dollars."""
    return _QUOTED.sub(lambda name: f"${formula_latex(name[1])}$", sentence)


def _in_html(sentence: str) -> str:
    """Return a sentence with the names that stand in backticks in italics."""
    return _QUOTED.sub(r"<i>\1</i>", escape(sentence))


def _text_of(step: Step, number: str, width: int) -> str:
    space = " " * len(number)
    said = [f"{number}{step.why.replace('`', '')} ({step.rule})"]
    said += [f"{space}checked: {checked}" for checked in _verification(step)]
    said += [f"{space}{step.reference}"] * bool(step.reference)
    head, *rest = (fill(line, width, subsequent_indent=space) for line in said)
    values = indent(_side_by_side(step, width - len(space)), space)
    return "\n".join([head, *[values] * bool(values), *rest])


def _side_by_side(step: Step, width: int) -> str:
    """Return the values that a step makes, as many beside each other as the width holds."""
    rows: list[list[str]] = []
    for name, value in step.after.items():
        first, *rest = shown_text(value, step.field, width - len(name) - 3)
        lines = [f"{name} = {first}", *(f"{' ' * len(name)}   {line}" for line in rest)]
        beside = rows[-1] if rows else []
        room = max(map(len, beside), default=0) + 3
        if beside and room + max(map(len, lines)) <= width:
            pairs = zip_longest(beside, lines, fillvalue="")
            rows[-1] = [f"{a:<{room}}{b}".rstrip() for a, b in pairs]
        else:
            rows.append(lines)
    return "\n".join(line for row in rows for line in row)


def _verification(step: Step) -> list[str]:
    """The identities and the witness that were checked, one a line."""
    witness = ["the witness, by arithmetic of its own"] if step.witness else []
    return [*map(str, step.identities), *witness]


def _formulas(step: Step) -> Iterator[str]:
    for name, value in step.after.items():
        yield f"{latex_name(name)} = {shown_latex(value, step.field)}"
    for identity in step.identities:
        yield identity.latex()


def _html_of(step: Step) -> str:
    values = "".join(
        '<span style="display: inline-block; margin: 0.4em 1.5em 0.4em 0">'
        f"{escape(name)} = {shown_html(value, step.field)}</span>"
        for name, value in step.after.items()
    )
    checked = "".join(f"<p>checked: <code>{escape(i)}</code></p>" for i in _verification(step))
    reference = f"<p><small>{escape(step.reference)}</small></p>" if step.reference else ""
    head = f"<summary>{_in_html(step.why)} <small>({escape(step.rule)})</small></summary>"
    return f"<details>{head}{values}{checked}{reference}</details>"


def _as_json(step: Step) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if hasattr(value, "to_list"):
            return [[shown_text(x, value.domain)[0] for x in row] for row in value.to_list()]
        return shown_text(step.field.convert(value), step.field)[0]

    return {
        "rule": step.rule,
        "why": step.why,
        "checked": _verification(step),
        "before": sorted(step.before),
        "after": {name: plain(value) for name, value in step.after.items()},
        "reference": step.reference,
    }
