"""Partitions and masks: what is accepted, what it means, and what each error says."""

from enum import IntEnum

import numpy as np
import pytest
from sympy import Integer

from exactflow.errors import InvalidInputError
from exactflow.flows.partition import mask_order, resolve_partition_or_mask

MASKS = [
    ([1, 0], (0, 1), (1, 1)),
    ([0, 1], (1, 0), (1, 1)),
    ([1, 0, 1, 0], (0, 2, 1, 3), (2, 2)),
    ([0, 0, 1], (2, 0, 1), (1, 2)),
    ((True, True, False), (0, 1, 2), (2, 1)),
    (np.array([0, 1, 1]), (1, 2, 0), (2, 1)),
    (np.array([0, 1, 0], dtype=bool), (1, 0, 2), (1, 2)),
    ([np.uint8(1), np.True_, np.int64(0)], (0, 1, 2), (2, 1)),
]


@pytest.mark.parametrize(("mask", "order", "partition"), MASKS)
def test_mask_order(mask, order, partition):
    assert mask_order(mask) == (order, partition)
    assert resolve_partition_or_mask(mask, len(order)) == (order, partition)


@pytest.mark.parametrize(
    ("dimension", "partition"), [(2, (1, 1)), (3, (1, 2)), (4, (2, 2)), (7, (3, 4))]
)
def test_the_default_gives_the_extra_coordinate_to_the_second_half(dimension, partition):
    assert resolve_partition_or_mask(None, dimension) == (tuple(range(dimension)), partition)


def test_sizes_are_told_from_masks():
    assert resolve_partition_or_mask((1, 1), 2) == ((0, 1), (1, 1))
    assert resolve_partition_or_mask([5, 1], 6) == ((0, 1, 2, 3, 4, 5), (5, 1))
    assert resolve_partition_or_mask(np.array([2, 1]), 3) == ((0, 1, 2), (2, 1))
    assert resolve_partition_or_mask((IntEnum("Size", "ONE TWO").TWO, 1), 3) == ((0, 1, 2), (2, 1))


@pytest.mark.parametrize(
    ("partition", "dimension", "message"),
    [
        ((1, 2), 4, r"p \+ q = 4, got \(1, 2\) with sum 3"),
        ((0, 4), 4, r"mask of 4 entries, got 2 entries \(0, 4\)"),
        ((1, 1), 3, r"p \+ q = 3, got \(1, 1\)"),
        ((0, 0), 2, "got 0 ones and 2 zeros"),
        ([1, 1, 1], 3, "got 3 ones and 0 zeros"),
        ([0, 0, 0], 3, "got 0 ones and 3 zeros"),
        ([1, 0, 1], 4, "mask of 4 entries, got 3 entries"),
        ([1, 0, 1, 0, 1, 0], 5, "mask of 5 entries, got 6 entries:"),
        ([1, 0, 2], 3, "zeros and ones, got 2 at index 2"),
        ([1, 0.0, 1], 3, "zeros and ones, got 0.0 at index 1"),
        ([1, "0", 1], 3, "zeros and ones, got '0' at index 1"),
        ([1, None, 1], 3, "zeros and ones, got None at index 1"),
        ([Integer(1), 0, 0], 3, "zeros and ones, got 1 at index 0"),
        ([[1, 0], [0, 1]], 4, "nested sequence: list one"),
        (np.eye(2, dtype=int), 4, "nested sequence: list one"),
        ([np.array([1]), np.array([0]), np.array([0])], 3, "nested sequence: list one"),
        ("10", 2, "got '10'"),
        (3, 6, "got 3"),
        ({1, 2}, 3, r"got \{1, 2\}"),
        ([], 3, "got 0 entries"),
        (None, 1, "at least two coordinates, got 1"),
        ((1, 1), 0, "at least two coordinates, got 0"),
    ],
)
def test_errors(partition, dimension, message):
    with pytest.raises(InvalidInputError, match=message):
        resolve_partition_or_mask(partition, dimension)


@pytest.mark.parametrize("mask", [[], [1], [0], [1, 1], "01", 1])
def test_masks_that_are_none(mask):
    with pytest.raises(InvalidInputError, match="expected a mask"):
        mask_order(mask)
