"""Whether coqc proves a theorem: helper of the tests of theorems that are changed."""

import re

from exactflow.files.rocq.coq import coqc, library


def compiles(text, folder):
    """Whether coqc accepts a file; if not, it must be the proof that fails."""
    source = folder / "theorem.v"
    source.write_text(text)
    code, printed = coqc(source, library())
    if code:
        line = text.splitlines()[int(re.findall(r"line (\d+)", printed)[0]) - 1]
        assert line == "Qed." or " proved" in line, printed
    return code == 0
