"""Searches that know no theorem: the least number of shears by trying all of them."""

from collections import Counter
from itertools import count

import numpy as np
from truth import all_sheared, identity, sheared

from exactflow.linear.depth.pattern import alternating_patterns

SL3 = {2: [1, 6, 18, 48, 63, 30, 2], 3: [1, 16, 128, 936, 2276, 2232, 27]}
"""How many elements take 0, 1, .., 6 shears on (1, 2): theory, section 7."""


def shears(p, q, mod):
    """All U and all L."""
    start = identity(p + q)
    return {upper: list(sheared(start, p, upper, mod)) for upper in (True, False)}


def breadth_first_depths(p, q, mod):
    """The least number of alternating shears of each product of shears."""
    start = identity(p + q)
    depths, ends = {start: 0}, {True: {start}, False: {start}}
    while True:
        before, k = len(depths), 1 + max(depths.values())
        ends = {upper: all_sheared(ends[not upper], p, upper, mod) for upper in ends}
        for M in ends[True] | ends[False]:
            depths.setdefault(M, k)
        if len(depths) == before:
            return depths


def histogram(depths):
    """How many have depth 0, 1, .., up to the largest."""
    counts = Counter(depths)
    return [counts[k] for k in range(max(counts) + 1)]


class Words:
    """Membership in words over F_p, by a search from both ends: d x d digits are a code."""

    def __init__(self, p, q, mod=2):
        self.mod, self.d, self.known, self.codes = mod, p + q, {}, {}
        self.known[""] = np.eye(p + q, dtype=np.uint8)[None]
        self.shears = {
            letter: np.array(found, dtype=np.uint8)
            for letter, found in zip("UL", shears(p, q, mod).values(), strict=True)
        }

    def code(self, stack):
        return stack.reshape(len(stack), -1).astype(np.int64) @ self.mod ** np.arange(self.d**2)

    def elements(self, word):
        if word not in self.known:
            factors = self.shears[word[0]][:, None] @ self.elements(word[1:])[None] % self.mod
            stack = factors.reshape(-1, self.d, self.d)
            self.known[word] = stack[np.unique(self.code(stack), return_index=True)[1]]
        return self.known[word]

    def contain(self, word, M):
        half = (len(word) + 1) // 2
        left, right = word[:half], word[half:]
        if right not in self.codes:
            self.codes[right] = np.unique(self.code(self.elements(right)))
        rest = self.code(self.elements(left[::-1]) @ M % self.mod)  # inverses are words in reverse
        return bool(np.isin(rest, self.codes[right]).any())

    def depth(self, M):
        return next(
            k for k in count() if any(self.contain(word, M) for word in alternating_patterns(k))
        )


def elements_of_sl5(number, seed):
    """Elements over F_2, many of them with blocks of low rank, where depths differ."""
    rng = np.random.default_rng(seed)
    while number:
        M = rng.integers(0, 2, (5, 5))
        for rows, columns in ((slice(2), slice(2, 5)), (slice(2, 5), slice(2))):
            r = rng.integers(0, 4)
            if r < 3:
                left, right = rng.integers(0, 2, (5, r)), rng.integers(0, 2, (r, 5))
                M[rows, columns] = (left @ right % 2)[rows, columns]
        if round(np.linalg.det(M)) % 2:
            number -= 1
            yield M.astype(np.uint8)
