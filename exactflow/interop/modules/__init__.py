"""Modules of PyTorch: a flow, and each of its layers."""
