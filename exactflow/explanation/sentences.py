"""Sentences with formulas, written as text, LaTeX, Markdown or HTML.

A formula stands in backticks. Single backticks mark a formula in letters of the proof, in the
language of `exactflow.explanation.identity_text`. Double backticks mark an expression in the user's
own symbols, as SymPy writes it. If letters of the proof are renamed, an expression in double
backticks does not change.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape

from exactflow.explanation.identity_text import (
    formula_latex,
    names_and_functions_in_formula,
    rename_in_formula,
    sympy_text_latex,
)

_QUOTED = re.compile("(``?)([^`]+)\\1")
_LATEX_OF_CHARACTER = str.maketrans(
    {sign: f"\\{sign}" for sign in "{}$&#_%"}
    | {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    | {sign: f"${sign}$" for sign in "<>|"}
)


def strip_backticks(sentence: str) -> str:
    """Return a sentence without its backticks."""
    return sentence.replace("`", "")


def sentence_latex(sentence: str) -> str:
    """Return a sentence in LaTeX, with formulas between dollars, and special characters escaped.

    >>> sentence_latex("`C'` is 100% of ``a_1**2``")
    "$C'$ is 100\\\\% of $a_{1}^{2}$"
    """
    return _write_formulas_in_latex(sentence, lambda text: text.translate(_LATEX_OF_CHARACTER))


def sentence_markdown(sentence: str) -> str:
    """Return a sentence in Markdown, with formulas between dollars."""
    return _write_formulas_in_latex(sentence, str)


def sentence_html(sentence: str) -> str:
    """Return a sentence in HTML, with formulas in italics."""
    return _QUOTED.sub(r"<i>\2</i>", escape(sentence))


def names_and_functions_in_single_backticks(sentence: str) -> Iterator[str]:
    """Yield the names in the formulas in single backticks of a sentence.

    The names of functions, and I, are included.
    """
    for quoted in _QUOTED.finditer(sentence):
        if quoted[1] == "`":
            yield from names_and_functions_in_formula(quoted[2])


def rename_in_formulas_of_sentence(sentence: str, names: Mapping[str, str]) -> str:
    """Return a sentence with new names in the formulas in single backticks.

    `names` maps old names to new names. Formulas in double backticks do not change.

    >>> rename_in_formulas_of_sentence("A: `A = 2` for ``A > 1``", {"A": "A'"})
    "A: `A' = 2` for ``A > 1``"
    """

    def rename_quoted(quoted: re.Match) -> str:
        return f"`{rename_in_formula(quoted[2], names)}`" if quoted[1] == "`" else quoted[0]

    return _QUOTED.sub(rename_quoted, sentence)


def _write_formulas_in_latex(sentence: str, write_text: Callable[[str], str]) -> str:
    parts, at = [], 0
    for quoted in _QUOTED.finditer(sentence):
        formula = formula_latex if quoted[1] == "`" else sympy_text_latex
        parts += [write_text(sentence[at : quoted.start()]), f"${formula(quoted[2])}$"]
        at = quoted.end()
    return "".join([*parts, write_text(sentence[at:])])
