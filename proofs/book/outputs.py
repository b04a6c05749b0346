"""Outputs as a page shows them: claims as lists, and long lines wrapped."""

import re
from html import escape

from docutils import nodes
from staging import MEANING

__all__ = ["process"]

WIDTH = 100  # columns that a page has at 1280 pixels
CLAIM = re.compile(
    r"(?P<theorem>\S.*?): (?P<checked>.*) "
    rf"\[(?P<evidence>{'|'.join(MEANING)})\](?P<missing> not run: .*)?"
)
SHORT = 30  # instances of so few letters stand in columns


def process(app, doctree) -> None:
    """Set what claims printed as lists; let lines wrap that are too long (`doctree-read`).

    In the reference all do: examples stand deep in it.
    """
    nested = app.env.docname.startswith("rooms/")
    kinds = nodes.literal_block | nodes.doctest_block
    for block in list(doctree.findall(lambda node: isinstance(node, kinds))):
        lines = block.astext().splitlines()
        if "stream" in block["classes"] and any(map(CLAIM.fullmatch, lines)):
            block.replace_self(nodes.raw("", claims_html(lines), format="html"))
        elif nested or max(map(len, lines), default=0) > WIDTH:
            block["classes"].append("wrap")


def claims_html(lines: list[str]) -> str:
    """HTML of the lines that `exactflow.claims` printed, without the title of the theorem.

    Below each claim stand its instances, which are indented; what else was printed stays as it is.
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
    """Return one claim, its instances, or text that was printed between them."""
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
