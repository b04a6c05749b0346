"""Constructions for single proof scripts, exact or certified, each module tested.

This is no part of the package exactflow, and is not installed with it. A script imports it as it
imports `proofs.experiments`.
"""
