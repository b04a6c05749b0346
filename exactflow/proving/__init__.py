"""Run proof scripts, which check claims with `exactflow.claims`, and report the results.

`claim_sites` finds the claims of a script, `script_run` runs it in a process of its own and judges
it, `results_table` prints the results. They are used by ``exactflow prove``, ``python -m proofs``
and the pytest plugin.
"""
