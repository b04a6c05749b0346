"""Common code of the numeric proof scripts: studies, fits and training, each module tested.

This is no part of the package exactflow, and is not installed with it. A script imports it by its
full name, after one line that serves cells (whose working directory is the repository or
``proofs/``) and ``python proofs/SCRIPT.py`` from any directory; ``python -m proofs`` needs none:

    sys.path.extend([".", "..", f"{sys.path[0]}/.."])

    from proofs.experiments.distances import exact_w2
"""
