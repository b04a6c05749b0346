"""Code of the numeric proof scripts: studies, fits and training.

It is not part of the package exactflow, and is not installed with it. A script imports it by its
full name, after a line that finds the repository, both from cells (whose working directory is the
repository or ``proofs/``) and for ``python proofs/SCRIPT.py`` from any directory; ``python -m
proofs`` does not need this line:

    sys.path.extend([f"{sys.path[0]}/..", ".", ".."])

    from proofs.experiments.distances import exact_w2
"""
