"""Flows of linear layers: exact constructions, the least number of layers, one mask for many."""
