"""Format outputs for a page: claims as lists, long lines wrapped."""

import re
from html import escape

from docutils import nodes
from staging import MEANING

__all__ = ["format_outputs"]

WIDTH = 100  # columns of a page of 1280 pixels
CLAIM = re.compile(
    r"(?P<theorem>\S.*?): (?P<checked>.*) "
    rf"\[(?P<evidence>{'|'.join(MEANING)})\](?P<missing> not run: .*)?"
)
RAISED = re.compile(r"[\w.]*(Error|Exception|Exit): ")
SHORT = 30  # instances with at most so many characters stand in columns


def format_outputs(app, doctree) -> None:
    """Format printed claims as lists, wrap lines that are too long, and leave of a traceback its
    last exception (`doctree-read`).

    In the API reference all lines may wrap: its examples are indented.
    """
    nested = app.env.docname.startswith("api/")
    kinds = nodes.literal_block | nodes.doctest_block
    for block in list(doctree.findall(lambda node: isinstance(node, kinds))):
        lines = block.astext().splitlines()
        if "stream" in block["classes"] and any(map(CLAIM.fullmatch, lines)):
            block.replace_self(nodes.raw("", claims_html(lines), format="html"))
        elif "traceback" in block["classes"]:
            raised = max((i for i, line in enumerate(lines) if RAISED.match(line)), default=0)
            block.rawsource = text = "\n".join(lines[raised:])
            block[:] = [nodes.Text(text)]
        elif nested or max(map(len, lines), default=0) > WIDTH:
            block["classes"].append("wrap")


def claims_html(lines: list[str]) -> str:
    """Return HTML for lines printed by `exactflow.claims`, without the title of the theorem.

    Indented lines are the instances of the claim above; other lines stay as they are.
    """
    parts: list[tuple[str, list[str]]] = []
    for line in lines:
        claim = CLAIM.fullmatch(line)
        kind = "claim" if claim else "instances" if line.startswith("    ") else "printed"
        if claim or not parts or parts[-1][0] != kind:
            parts.append((kind, []))
        parts[-1][1].append(line)
    return f'<div class="claims">{"".join(part_html(*part) for part in parts)}</div>'


def part_html(kind: str, lines: list[str]) -> str:
    """Return HTML for a claim, for its instances, or for other printed text."""
    if kind == "printed":
        wrapped = ' class="wrap"' * (max(map(len, lines)) > WIDTH)
        return f"<pre{wrapped}>{escape(chr(10).join(lines))}</pre>"
    if kind == "instances":
        short = ' class="short"' * (len(lines) > 3 and max(map(len, lines)) <= SHORT)
        return f"<ul{short}>{''.join(f'<li>{escape(line.strip())}</li>' for line in lines)}</ul>"
    claim = CLAIM.fullmatch(lines[0])
    word, missing = claim["evidence"], escape(claim["missing"] or "")
    badge = f'<span class="badge" title="{MEANING[word]}">{word}</span>'
    return f'<p class="claim">{escape(claim["checked"])} {badge}{missing}</p>'
