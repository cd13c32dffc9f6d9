import mmap
from pathlib import Path

import numpy as np
import pytest

from sk_bvae.utils._memory import _find_map, is_mapped, release_pages

SMAPS = Path("/proc/self/smaps")


@pytest.fixture
def path(tmp_path, rng):
    path = tmp_path / "data.npy"
    np.save(path, rng.integers(0, 255, size=(512, 4096), dtype=np.uint8))
    return path


def resident(path):
    """Count the bytes of a file that this process holds in memory."""
    lines = SMAPS.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.endswith(path.name):
            rss = next(line for line in lines[number:] if line.startswith("Rss:"))
            return int(rss.split()[1]) * 1024
    return 0


@pytest.mark.skipif(
    not SMAPS.exists(), reason="needs Linux's account of a process's memory"
)
@pytest.mark.parametrize("view", [np.asarray, lambda map: map[3:], lambda map: map])
def test_pages_of_a_map_are_released(path, view):
    array = view(np.load(path, mmap_mode="r"))
    total = array.sum()
    assert resident(path) > 1e6
    release_pages(array)
    assert resident(path) < 1e6
    assert array.sum() == total


def test_changes_to_a_copy_on_write_map_survive(path):
    array = np.load(path, mmap_mode="c")
    array[0] = 7
    release_pages(array)
    release_pages(np.asarray(array))
    assert (array[0] == 7).all()


def test_plain_arrays_have_no_map():
    array = np.zeros((3, 3))
    assert _find_map(array) is None
    assert _find_map(array[1:]) is None
    release_pages(array)


def test_views_of_maps_are_mapped(path):
    array = np.load(path, mmap_mode="r")
    assert is_mapped(np.asarray(array)[3:])
    assert not is_mapped(array + 1)


def test_private_pages_are_left_alone():
    """They hold the only copy of what was written to them."""
    private = mmap.mmap(-1, 16384, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for array in (
        np.frombuffer(private, dtype=np.float32),
        np.ndarray((16, 256), np.float32, private),
    ):
        array[:] = 1.5
        assert not is_mapped(array)
        release_pages(array)
        assert (array == 1.5).all()


def test_read_only_maps_are_released(tmp_path):
    path = tmp_path / "X"
    path.write_bytes(bytes(range(256)) * 64)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    array = np.frombuffer(mapped, dtype=np.uint8)
    assert is_mapped(array)
    release_pages(array)
    assert (array[:256] == np.arange(256)).all()
