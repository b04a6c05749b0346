"""Running proof scripts: anyone's scripts that record `exactflow.claims`.

`sites` finds the claims of a script, `script` runs it, `table` shows what came of it. The faces
are ``exactflow prove``, ``python -m proofs`` and the pytest plugin.
"""
