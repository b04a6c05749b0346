"""Documents in LaTeX of every kind of explanation compile as they are."""

import re
import shutil
import subprocess

import pytest
from explanation.documents import documents

_BEGIN, _END = "\\begin{document}\n", "\\end{document}\n"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_every_kind_of_explanation_compiles(tmp_path):
    """All have one head, so that one run of pdflatex sets all their bodies, a page or more each."""
    bodies, heads, count = [], set(), 0
    for name, explanation in documents():
        head, body = explanation.latex().split(_BEGIN)
        heads.add(head)
        body = body.removesuffix(_END)
        assert "`" not in re.sub("``", "", body), name
        bodies.append(f"\\typeout{{document: {name.replace('_', '-')}}}\n{body}\\clearpage\n")
        count += 1
    assert count >= 120
    (head,) = heads
    (tmp_path / "all.tex").write_text(head + _BEGIN + "".join(bodies) + _END, encoding="utf-8")
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-file-line-error", "all.tex"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = run.stdout.decode("latin-1")
    errors = [line for line in log.splitlines() if re.match(r"document: |\./all\.tex:\d+:", line)]
    found = [errors[k - 1 : k + 1] for k, line in enumerate(errors) if line.startswith("./all.tex")]
    assert not found
    assert run.returncode == 0
