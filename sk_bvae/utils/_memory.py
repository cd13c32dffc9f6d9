"""Keeping memory maps from filling a process's memory."""

import mmap

import numpy as np


def release_pages(array):
    """Hand the pages of a file-backed memory map back to the operating system.

    They are read again when they are next touched. Without this a pass over a memory
    map leaves the whole file counted as the process's memory. Arrays that are not
    maps of a file are left alone, and so are copy-on-write maps, whose changes live
    in those pages only.
    """
    mapped = _find_map(array)
    if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def is_mapped(array):
    """Tell whether `release_pages` does something for an array."""
    return _find_map(array) is not None


def _find_map(array):
    """Follow an array's bases to the map that it is a view of, if there is one."""
    while array is not None and not isinstance(array, mmap.mmap):
        if isinstance(array, np.memmap) and array.mode == "c":
            return None
        array = getattr(array, "base", None)
    return array
