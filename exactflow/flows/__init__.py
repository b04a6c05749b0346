"""Flows of linear couplings: layers, their composition, partitions, and the check of equality."""
