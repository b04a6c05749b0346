"""Running proof scripts: anyone's ``# %%`` scripts that record `exactflow.claims`.

`cells` cuts a script, `script` runs it, `table` and `page` show what came of it. The faces are
``exactflow prove``, ``python -m proofs`` and the pytest plugin.
"""
