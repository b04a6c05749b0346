"""The exact kernel: conversion of numbers and matrices, linear algebra over a field, enclosures.

Nothing here depends on couplings.
"""
