"""The documents of the guide *From a proof to your paper*, compiled by pdflatex.

Each is what a reader of the guide pastes: an explanation as it is, or the steps of one in a theorem
of their own.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pypdfium2
from PIL import ImageOps
from sympy import MatrixSymbol, Symbol, ZeroMatrix, diag
from sympy.matrices.expressions.blockmatrix import BlockMatrix

from exactflow import explain, factor, minimal_depth

SCALE = 1.8
"""Pixels of a picture for each point of the page."""
MARGIN = 12
ABOVE_PAGE_NUMBER = 0.8
"""The part of a page's height that is above its number."""

THEOREM = r"""\documentclass{article}
\usepackage{amsmath,amssymb,amsthm}
\newtheorem{theorem}{Theorem}
\begin{document}
\begin{theorem}
For every invertible matrix $X$ of every size, $\operatorname{diag}(X, X^{-1})$ is the product of
four couplings.
\end{theorem}
\begin{proof}
\leavevmode
STEPS
\end{proof}
\end{document}
"""


def has_tools() -> bool:
    """Whether pdflatex is installed."""
    return shutil.which("pdflatex") is not None


def documents() -> dict[str, str]:
    """Return the LaTeX documents by the names of their files."""
    a, X = Symbol("a", positive=True), MatrixSymbol("X", 3, 3)
    zero = ZeroMatrix(3, 3)
    identity = explain(BlockMatrix([[X, zero], [zero, X.I]]))
    return {
        "factor": factor([[1, 2], [3, 7]]).explain().latex(),
        "depth": minimal_depth(diag(a, 1 / a)).explain().latex(),
        "identity": identity.latex(),
        "theorem": THEOREM.replace("STEPS", steps(identity.latex())),
    }


def steps(document: str) -> str:
    """Return the list of steps in a document: what is pasted into a proof."""
    begin, end = r"\begin{enumerate}", r"\end{enumerate}"
    return f"{begin}{document.partition(begin)[2].partition(end)[0]}{end}"


def write_papers(folder: Path) -> None:
    """Compile the documents into PDF files of a folder, with pictures of their first pages.

    Raises CalledProcessError on an error of pdflatex.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        with TemporaryDirectory() as scratch:
            Path(scratch, "paper.tex").write_text(text, encoding="utf-8")
            command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
            subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            shutil.copyfile(Path(scratch, "paper.pdf"), folder / f"{name}.pdf")
        draw_first_page(folder / f"{name}.pdf", folder / f"{name}.png")


def draw_first_page(document: Path, picture: Path) -> None:
    """Draw the first page of a PDF file, without its margins."""
    pages = pypdfium2.PdfDocument(document)
    page = pages[0].render(scale=SCALE).to_pil().convert("L")
    pages.close()
    width, height = page.size
    body = page.crop((0, 0, width, int(height * ABOVE_PAGE_NUMBER)))
    left, upper, right, lower = ImageOps.invert(body).getbbox()
    page.crop((left - MARGIN, upper - MARGIN, right + MARGIN, lower + MARGIN)).save(picture)
