"""The page of the playground: its frame, and answers for a reader who does not wait for Python.

The answers to the examples are computed by the playground's own code when the site is built. The
page opens with the first one.
"""

import json
import sys
from pathlib import Path

BOOK = Path(__file__).parent
sys.path.append(str(BOOK / "extra" / "playground"))
import session  # noqa: E402

__all__ = ["page_source"]


def page_source() -> str:
    """Return the page, in Markdown."""
    answers = {text: answer_to(text) for text in session.EXAMPLES.values()}
    held = json.dumps({"examples": session.EXAMPLES, "answers": answers}).replace("</", "<\\/")
    frame = (BOOK / "playground.html").read_text(encoding="utf-8")
    data = f'<script type="application/json" id="computed">{held}</script>\n'
    return f"---\nhide-toc: true\n---\n# Playground\n\n```{{raw}} html\n{frame}{data}```\n"


def answer_to(text: str) -> dict:
    """Return the answer to a matrix, as the browser computes it."""
    return json.loads(session.answer(json.dumps({"text": text})))
