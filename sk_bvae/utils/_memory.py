"""Keeping memory maps from filling a process's memory."""

import mmap

import numpy as np


def release_pages(array):
    """Hand the pages of a file-backed memory map back to the operating system.

    They are read again when they are next touched. Without this a pass over a memory
    map leaves the whole file counted as the process's memory. Whatever could hold
    changes in those pages only, as private maps do, is left alone.
    """
    mapped = _find_map(array)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def is_mapped(array):
    """Tell whether `release_pages` does something for an array."""
    return _find_map(array) is not None


def _find_map(array):
    """Follow an array's bases to a map whose pages can be read again, if there is one.

    A `numpy.memmap` knows whether it is shared with a file. Of any other map it can
    only be known that it is read-only.
    """
    shared = False
    while array is not None and not isinstance(array, mmap.mmap):
        if isinstance(array, np.memmap):
            shared = array.mode != "c"
        # NumPy keeps a buffer that is no array behind a memoryview
        owner = "obj" if isinstance(array, memoryview) else "base"
        array = getattr(array, owner, None)
    if array is None:
        return None
    return array if shared or memoryview(array).readonly else None
