"""Code of the numeric proof scripts: studies, fits and training.

It comes with the package for its proof scripts, as `proofs.constructions` does. A script imports
it by its full name, after a line that finds the folder of ``proofs/``, both from cells (whose
working directory is that folder or ``proofs/``) and for ``python proofs/SCRIPT.py`` from any
directory; ``python -m proofs`` does not need this line:

    sys.path.extend([f"{sys.path[0]}/..", ".", ".."])

    from proofs.experiments.distances import exact_w2
"""
