# %% [markdown]
# # The theorems, formally proved
#
# **Theorem 9.** The statements of `proofs/rocq/statements.v` hold, for every $n$, and without
# axioms: among them that six shears suffice in every dimension and five do not (Theorems 1, 14 and
# 2), signed permutations (6), halves of any two sizes (7), rotations (10), what three and four
# affine couplings are (11a), two couplings for Gaussians of small halves (12), rounded shears (13),
# zero padding (5), whole flows under one mask (17). The table *Formally proved* says in which
# generality.
#
# **Why.** A proof in prose may have a gap, and a program that checks instances proves nothing for
# the next $n$. The theorems of Koehler, Mehta, Risteski (ICML 2021) and Urschel (2024) on matrices
# are algebra for all sizes at once, which a proof assistant can hold. Whoever doubts a page of this
# book may trust the kernel of Rocq in its place.
#
# **How.** `proofs/rocq/` proves the theorems with Coq (Rocq) and MathComp. `statements.v` restates
# them in MathComp's own words, so that a reader has to trust the kernel and understand that one
# file. Here the files are compiled, those that have not changed since the last run excepted;
# `statements.v` always is, and every headline theorem in it must be *closed under the global
# context*, that is, depend on no axiom. The independent `coqchk` checks all files again, new and
# old. Where Coq is not installed nothing is claimed.

# %%
import re
import shutil
import sys
import tempfile
from pathlib import Path

from joblib import cpu_count

from exactflow.claims import Claims, Evidence
from exactflow.exact.progress import with_progress

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

import proofs
from proofs.rocq.build import build, project, run

claims = Claims("Formal proofs (Rocq, MathComp)")
folder = Path(proofs.__file__).parent / "rocq"
sources, _ = project(folder)
headlines = re.findall(r"^Print Assumptions (\w+)\.$", (folder / "statements.v").read_text(), re.M)

# %%
if shutil.which("coqc") is None or shutil.which("coqchk") is None:
    claims.not_run(
        f"{len(headlines)} theorems of proofs/rocq/statements.v",
        Evidence.FORMAL,
        "Coq with MathComp: install coq and libcoq-mathcomp-algebra",
    )
else:
    with tempfile.TemporaryDirectory() as name:
        scratch, printed = Path(name), {}
        files = build(folder, scratch, jobs=cpu_count(), anew=["statements.v"])
        with claims.check(f"{len(sources)} files compile", Evidence.FORMAL) as check:
            for done in with_progress(files, len(sources), "compiling"):
                when = "before" if done.printed is None else "now"
                check.true(done.target.exists(), f"{done.source}, compiled {when}")
                printed[done.source] = done.printed
        assumptions = re.findall(
            r"^(Closed under the global context|Axioms:)", printed["statements.v"], re.M
        )
        for headline, found in zip(headlines, assumptions, strict=True):
            with claims.check(headline, Evidence.FORMAL) as check:
                check.equal(found, "Closed under the global context", "no axioms")
        with claims.check("our files, again, by coqchk", Evidence.FORMAL) as check:
            modules = [f"exactflow.{Path(source).stem}" for source in sources]
            chosen = [word for module in modules for word in ("-norec", module)]
            told = run("coqchk", *chosen, "-Q", ".", "exactflow", folder=scratch)
            for module in modules:
                check.true(f"\nChecking library: {module}\n" in told, module)
