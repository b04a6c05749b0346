# %% [markdown]
# # The theorems, formally proved
#
# `proofs/rocq/` proves the theorems with Coq (Rocq) and MathComp, for every n and without axioms.
# `statements.v` restates them in MathComp's own words, so that a reader has to trust the kernel and
# understand that one file. Here the files are compiled in the order of `_CoqProject`, checked again
# by the independent `coqchk`, and every headline theorem must be *closed under the global context*,
# that is, depend on no axiom. Where Coq is not installed nothing is claimed.

# %%
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from exactflow.claims import Claims, Evidence, ProofError

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

import proofs

claims = Claims("Formal proofs (Rocq, MathComp)")
folder = Path(proofs.__file__).parent / "rocq"
project = (folder / "_CoqProject").read_text()
sources = re.findall(r"^\S+\.v$", project, re.MULTILINE)
options = [
    word for line in re.findall(r"^-(?!arg).*", project, re.MULTILINE) for word in line.split()
]
options += re.findall(r"^-arg (\S+)$", project, re.MULTILINE)
headlines = re.findall(r"^Print Assumptions (\w+)\.$", (folder / "statements.v").read_text(), re.M)


def tool(*command):
    """Run a tool in the scratch folder and return its exit code and what it printed."""
    return subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)


def run(*command):
    """Run a tool that must succeed, and return what it printed."""
    done = tool(*command)
    if done.returncode:
        raise ProofError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def show_rest(seconds, done):
    """Tell a person at a terminal how long the files that are left take, by their lengths."""
    lengths = {source: len((folder / source).read_bytes()) for source in sources}
    share = sum(lengths[source] for source in done) / sum(lengths.values())
    if sys.stderr.isatty() and share < 1:
        rest = seconds / share - seconds
        print(f"compiled {len(done)} of {len(sources)}, about {rest:.0f} s to go", file=sys.stderr)


# %%
if shutil.which("coqc") is None or shutil.which("coqchk") is None:
    claims.not_run(
        f"{len(headlines)} theorems of proofs/rocq/statements.v",
        Evidence.FORMAL,
        "Coq with MathComp: install coq and libcoq-mathcomp-algebra",
    )
else:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for source in sources:
            shutil.copy(folder / source, scratch)
        with claims.check(f"{len(sources)} files compile", Evidence.FORMAL) as check:
            start = time.monotonic()
            for i, source in enumerate(sources, 1):
                printed = run("coqc", *options, source)
                check.true((scratch / source).with_suffix(".vo").exists(), source)
                show_rest(time.monotonic() - start, sources[:i])
        assumptions = re.findall(r"^(Closed under the global context|Axioms:)", printed, re.M)
        for headline, found in zip(headlines, assumptions, strict=True):
            with claims.check(headline, Evidence.FORMAL) as check:
                check.equal(found, "Closed under the global context", "no axioms")
        with claims.check("our files, again, by coqchk", Evidence.FORMAL) as check:
            for source in sources:
                module = f"exactflow.{Path(source).stem}"
                done = tool("coqchk", "-silent", "-norec", module, "-Q", ".", "exactflow")
                check.equal(done.returncode, 0, module)
