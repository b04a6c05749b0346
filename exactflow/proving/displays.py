"""What a notebook would show of a value, as HTML that needs no other file."""

import base64
import html
import io
import sys
from typing import Any

import sympy
from sympy.printing.mathml import mathml

__all__ = ["display", "formula", "open_figures", "picture"]


def display(value: Any) -> str:
    """Return a value as HTML: its own, or MathML of what SymPy knows, or else its `repr`.

    >>> display("a < b")
    '<pre>&#x27;a &lt; b&#x27;</pre>'
    """
    if isinstance(value, sympy.Basic | sympy.MatrixBase):
        return f'<math display="block">{mathml(value, printer="presentation")}</math>'
    own = getattr(value, "_repr_html_", None)
    shown = own() if callable(own) and not isinstance(value, type) else None
    return shown if isinstance(shown, str) else f"<pre>{html.escape(repr(value))}</pre>"


def formula(tex: str, is_block: bool) -> str:
    """Return a formula of LaTeX as MathML; as its source, where the extra report is missing."""
    try:
        from latex2mathml.converter import convert

        return str(convert(tex, display="block" if is_block else "inline"))
    except Exception:  # not installed, or beyond what it reads: the source is readable as well
        return f"<code>{html.escape(tex)}</code>"


def picture(png: bytes, name: str) -> str:
    """Return a picture as an element that holds its bytes."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/png;base64,{data}">'


def open_figures() -> list[tuple[bytes, str]]:
    """Return the figures that a cell has left open in matplotlib, and close them."""
    found: list[tuple[bytes, str]] = []
    if (pyplot := sys.modules.get("matplotlib.pyplot")) is None:
        return found
    for number in pyplot.get_fignums():
        buffer = io.BytesIO()
        pyplot.figure(number).savefig(buffer, format="png", bbox_inches="tight")
        pyplot.close(number)
        found.append((buffer.getvalue(), f"figure {number}"))
    return found
