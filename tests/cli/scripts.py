"""Proof scripts that the tests of commands run; they import nothing that takes long."""

HOLDS = """\
from exactflow.claims import Claims, Evidence

claims = Claims("Sums")
with claims.check("one and one", Evidence.EXACT) as check:
    check.equal(1 + 1, 2)
"""
FAILS = HOLDS.replace("2)", "3)")
DIES = "import os\nos._exit(0)\n"
