"""The documents of the guide *From a proof to your paper*, compiled by pdflatex.

Each is what a reader of the guide pastes: an explanation as it is, or the steps of one in a theorem
of their own.
"""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from sympy import MatrixSymbol, Symbol, ZeroMatrix, diag
from sympy.matrices.expressions.blockmatrix import BlockMatrix

from exactflow import explain, factor, minimal_depth

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
    """Compile the documents into PDF files of a folder; raise CalledProcessError on an error."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        with TemporaryDirectory() as scratch:
            Path(scratch, "paper.tex").write_text(text, encoding="utf-8")
            command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
            subprocess.run(command, cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            shutil.copyfile(Path(scratch, "paper.pdf"), folder / f"{name}.pdf")
