"""Dense and repeated dimensions, and how few of them say the same."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

STRIDED_DIMENSIONS = 4
"""SOTTO_STRIDED_DIMENSIONS."""


def dense_strides(shape: tuple[int, ...], element_bytes: int = 1) -> tuple[int, ...]:
    """Bytes from an index of each dimension to the next."""
    strides = [element_bytes]
    for extent in shape[:0:-1]:
        strides.append(strides[-1] * extent)
    return tuple(reversed(strides[: len(shape)]))


def merged(dimensions: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Dimensions (extent, stride of one tensor, stride of the next, ...) without those of extent 1,
    and neighbours joined where one step in every tensor serves for both."""
    joined: list[tuple[int, ...]] = []
    for extent, *strides in dimensions:
        if extent == 1:
            continue
        if joined and joined[-1][1:] == tuple(extent * stride for stride in strides):
            extent *= joined.pop()[0]
        joined.append((extent, *strides))
    return joined


def columns(dimensions: list[tuple[int, ...]], width: int, count: int) -> list[np.ndarray]:
    """int32[count] each of `width` entries of the dimensions, ones and zeros in front."""
    padded = [(1, *(0,) * (width - 1))] * (count - len(dimensions)) + dimensions
    return list(np.array(padded, np.int32).T.copy())
