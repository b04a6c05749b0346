# %% [markdown]
# # Formal: the kernel of Rocq accepts the main theorems
#
# **Theorem 9.** The statements of `proofs/rocq/statements.v` hold, for every $n$, and without
# axioms: among them that six shears suffice in every dimension and five do not (Theorems 1, 14 and
# 2), signed permutations (6), halves of any two sizes (7), rotations (10), eleven couplings as well
# conditioned as any matrix (11), what three and four affine couplings are (11a), two couplings for
# Gaussians of small halves (12), rounded shears (13), zero padding (5), whole flows under one mask
# (17). The table in `proofs/rocq/proved.md` says how general each statement is.
#
# **Why.** A proof in prose may have a gap, and a program that checks instances proves nothing for
# the next $n$. The theorems of Koehler, Mehta, Risteski (ICML 2021) and Urschel (2024) on matrices
# are algebra for all sizes at once, which a proof assistant can check. A reader who doubts a page
# of this book may trust the kernel of Rocq instead.
#
# **How.** `proofs/rocq/` proves the theorems with Coq (Rocq) and MathComp, with the library in
# `exactflow/files/rocq/`, which the theorems of certificates use, too. `headlines.v` states the
# main ones in the terms of `definitions.v`; `statements.v`, from which they follow, states them and
# more in MathComp's own terms. A reader must trust the kernel and understand one of the two. Here
# the files that have changed since the last run are compiled. A compiled file by itself proves
# nothing: anyone may have put it there. So each statement is copied into a new file that requires
# MathComp alone, and for the headlines contains the text of `definitions.v`; there the theorem of
# its name proves it. All must be *closed under the global context*: they depend on no axiom. The
# independent `coqchk` checks all files again, new and old, and lists the axioms of all files that
# they load: none may be ours, and `expected.txt` explains the others. If Coq is not installed,
# nothing is claimed.

# %%
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

from joblib import cpu_count

from exactflow.claims import Claims, Evidence
from exactflow.files.progress_line import yield_and_report_progress
from exactflow.files.rocq.theorem import coqc_command_unless_only_rocq

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

import proofs
from proofs.rocq.build import build, project, run
from proofs.rocq.restated import restated, theorems_of

GOAL = "proofs/rocq/headlines.v"  # the headlines require only some of the files
LAST_BUT_ONE = "proofs/rocq/statements.v"
claims = Claims("formal")
root = Path(proofs.__file__).parent.parent
folder = root / "proofs" / "rocq"
sources, places, options = project(root)
coqchk = ["coqchk"] if shutil.which("coqchk") else ["rocq", "check"]
files = ("headlines.v", "statements.v")
named = [(file, name) for file in files for name in theorems_of(folder / file)]
lines = (folder / "expected.txt").read_text().splitlines()
expected = [line.split("  #")[0].rstrip() for line in lines]

# %%
if any(shutil.which(tool) is None for tool in (coqc_command_unless_only_rocq()[0], coqchk[0])):
    claims.not_run(
        f"{len(named)} theorems of proofs/rocq",
        Evidence.FORMAL,
        "Coq with MathComp: install coq and libcoq-mathcomp-algebra",
    )
else:
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor() as pool:
        scratch = Path(name)
        compiled = build(root, scratch, jobs=cpu_count(), goal=GOAL)
        modules, again = [], []

        def check_again(modules):
            chosen = [word for module in modules for word in ("-norec", module)]
            again.append(
                (modules, pool.submit(run, *coqchk, "-o", *chosen, *places, folder=scratch))
            )

        label = "compiling (a few minutes the first time): file"
        for done in yield_and_report_progress(compiled, len(sources), label):
            modules.append(sources[done.source])
            print(f"    {done.source}, compiled {'before' if done.printed is None else 'now'}")
            if done.source == LAST_BUT_ONE:  # coqchk uses the core that the last file leaves
                check_again(modules)
                modules = []
        check_again(modules)
        (scratch / "restated.v").write_text(restated(folder))
        copies = pool.submit(
            run, *coqc_command_unless_only_rocq(), *options, "restated.v", folder=scratch
        )
        for file, theorem in named:
            with claims.check(f"{theorem} ({file})", Evidence.FORMAL) as check:
                check.equal(
                    copies.result().strip(),
                    "Closed under the global context",
                    "restated, no axioms",
                )
        with claims.check("coqchk accepts our files, too", Evidence.FORMAL) as check:
            for modules, run_of_coqchk in again:
                told = run_of_coqchk.result()
                for module in modules:
                    check.true(f"\nChecking library: {module}\n" in told, module)
                summary = told.partition("CONTEXT SUMMARY\n===============\n")[2].split("\n")
                said = [line.strip() for line in summary if line.strip()]
                ours = [line for line in said if line.startswith("exactflow.")]
                check.equal(ours, [], "no axiom of ours")
                rest = [line for line in said if not any(fnmatchcase(line, e) for e in expected)]
                check.equal(rest, [], "what else is loaded is explained in expected.txt")
