"""Covariances that are hard to whiten, and the error of what whitens them, by another way."""

from fractions import Fraction

import numpy as np
import sympy

EPS = np.finfo(float).eps


def wishart(d, samples, seed=0):
    data = np.random.default_rng(seed).standard_normal((d, samples))
    return np.cov(data)


def stationary(d, correlation):
    return correlation ** np.abs(np.subtract.outer(np.arange(d), np.arange(d)))


def conditioned(d, condition, seed=0):
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]
    Sigma = Q * np.logspace(0, np.log10(condition), d) @ Q.T
    return (Sigma + Sigma.T) / 2


def block_diagonal(d):
    Sigma = np.eye(d)
    for i in range(0, d - 1, 2):
        Sigma[i, i + 1] = Sigma[i + 1, i] = 0.3 + i / (2 * d)
    return Sigma


def kernel(d):
    """Return a Gaussian kernel with a nugget, whose entries fall below 10^-300."""
    return np.exp(-(np.subtract.outer(np.arange(d), np.arange(d)) ** 2) / 2) + 1e-6 * np.eye(d)


def exchangeable(d):
    return np.full((d, d), 0.5) + np.eye(d) / 2


KINDS = {
    "wishart": lambda d: wishart(d, 2 * d + 2),
    "few samples": lambda d: wishart(d, d + 2),
    "stationary": lambda d: stationary(d, 0.9),
    "nearly a walk": lambda d: stationary(d, 0.999),
    "condition 10^6": lambda d: conditioned(d, 1e6),
    "condition 10^10": lambda d: conditioned(d, 1e10),
    "block diagonal": block_diagonal,
    "repeated eigenvalues": exchangeable,
    "kernel": kernel,
    "diagonal": lambda d: np.diag(np.arange(1.0, d + 1)),
    "white": np.eye,
    "other units": lambda d: 1e-12 * wishart(d, 2 * d + 2),
}


def exact_error(result, Sigma):
    """Return max |Q Sigma Q^T - I| from the flow, by another way than the account's."""
    Q = result.flow.matrix()
    product = Q * sympy.Matrix(Sigma.shape[0], Sigma.shape[0], list(map(exact, Sigma.flat))) * Q.T
    return max(map(abs, product - sympy.eye(Sigma.shape[0])))


def exact(x):
    return sympy.Rational(*Fraction(float(x)).as_integer_ratio())
