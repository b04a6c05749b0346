"""Layers of float64 numbers, certified, and layers that are rounded to bijections of integers."""
