"""Constructions for single proof scripts, exact or certified, each module tested.

They come with the package for its proof scripts, which import them as `proofs.experiments` says.
Their names may change with every version.
"""
