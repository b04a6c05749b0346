"""ScriptRun proof scripts: anyone's scripts that record `exactflow.claims`.

`sites` finds the claims of a script, `script` runs it by `process`, in a process of its own, and
judges it; `table` shows what came of it. The faces are ``exactflow prove``, ``python -m proofs``
and the pytest plugin.
"""
