"""What came of proof scripts as one HTML page, which needs no other file and no network."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from exactflow.claims import claims_html
from exactflow.files.version import __version__
from exactflow.proving.cells import Cell, cells, read_script
from exactflow.proving.script import Outcome, Shown
from exactflow.proving.table import summary

__all__ = ["formula", "page", "picture"]

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: auto; padding: 0 1rem; }
table { border-collapse: collapse; font-size: .9rem; }
.wide { overflow-x: auto; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .6rem; text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; padding: .6rem; background: var(--soft); font-size: .85rem; }
pre.printed { border-left: 3px solid var(--line); background: none; }
.failed { color: light-dark(#b00020, #ff8a80); font-weight: bold; }
img { max-width: 100%; background: white; }
"""
_DARK = "@media (prefers-color-scheme: dark) {{ {} }}"
_UNKNOWN = Shown("")


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the page: the table of claims, then each script with its text, code, formulas, what
    it printed and displayed, its pictures, and below the cell where it failed the reason.

    The scripts must have been run with ``keep=True``. Formulas between dollars become MathML where
    the extra ``report`` is installed.
    """
    styles = HtmlFormatter(style="default").get_style_defs(".code")
    dark = _DARK.format(HtmlFormatter(style="monokai").get_style_defs(".code"))
    body = "\n".join(_script(outcome, f"script{i}") for i, outcome in enumerate(outcomes))
    counts = "".join(f"<p>{escape(line)}</p>" for line in summary(outcomes))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Theorems checked</title><style>{_STYLE}{styles}{dark}</style></head><body>\n"
        f"<h1>Theorems checked</h1>{counts}{_table(outcomes)}\n{body}\n"
        f"<footer><p>exactflow {__version__}</p></footer></body></html>\n"
    )


def _table(outcomes: Sequence[Outcome]) -> str:
    rows = (
        (f'<a href="#script{i}">{escape(claim.theorem)}</a>', claim)
        for i, outcome in enumerate(outcomes)
        for claim in outcome.claims
    )
    return f'<div class="wide">{claims_html(rows)}</div>'


def _script(outcome: Outcome, anchor: str) -> str:
    found = cells(read_script(outcome.path))
    parts = [_cell(cell, outcome) for cell in found]
    if outcome.failure:
        before = sum(cell.line <= _failed_line(outcome) for cell in found)
        parts.insert(before, f'<pre class="failed">{escape(outcome.failure)}</pre>')
    name = escape(Path(outcome.path).name)
    head = f"<p><code>{name}</code>, {outcome.seconds:.2f} s, {outcome.verdict}</p>"
    return f'<hr><section id="{anchor}">{head}{"".join(parts)}</section>'


def _failed_line(outcome: Outcome) -> int:
    """Return the line of the claim that failed, or one of the cell in which the script stopped."""
    failed = [claim.line for claim in outcome.claims if claim.verdict == "FAILED"]
    return failed[0] if failed else max(outcome.shown, default=outcome.line)


def _cell(cell: Cell, outcome: Outcome) -> str:
    if cell.is_markdown:
        return _markdown().render(cell.text)
    shown = outcome.shown.get(cell.line, _UNKNOWN)
    code = highlight(cell.text, PythonLexer(), HtmlFormatter(cssclass="code"))
    printed = f'<pre class="printed">{escape(shown.printed)}</pre>' if shown.printed else ""
    displays = [f'<div class="wide">{display}</div>' for display in shown.displays]
    pictures = [picture(png, name) for png, name in shown.pictures]
    return "\n".join([code, printed, *displays, *pictures])


def _markdown() -> MarkdownIt:
    """Return what reads Markdown; HTML in it is text, and formulas are formulas if they can be."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    try:
        from mdit_py_plugins.dollarmath import dollarmath_plugin
    except ImportError:
        return reader

    def render(tex: str, options: dict) -> str:
        return formula(tex, bool(options["display_mode"]))

    return reader.use(dollarmath_plugin, renderer=render)


def formula(tex: str, is_block: bool) -> str:
    """Return a formula of LaTeX as MathML; as its source, where the extra report is missing."""
    try:
        from latex2mathml.converter import convert

        return str(convert(tex, display="block" if is_block else "inline"))
    except Exception:  # not installed, or beyond what it reads: the source is readable as well
        return f"<code>{escape(tex)}</code>"


def picture(png: bytes, name: str) -> str:
    """Return a picture as an element that holds its bytes."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(name)}" src="data:image/png;base64,{data}">'
