"""Distributions: flows that generate them, and how ill-conditioned every such flow must be."""
