import pickle
import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sk_bvae.datasets import _dsprites, _shapes3d, fetch_dsprites, fetch_shapes3d


def test_the_published_files_are_the_ones_fetched():
    assert _dsprites.DSPRITES.md5 == "b331c4447a651c44bf5e8ae09022e230"
    assert _dsprites.DSPRITES.url.endswith(_dsprites.DSPRITES.filename)
    assert _shapes3d.SHAPES3D.md5 == "099a2078d58cec4daad0702c55d06868"
    assert _shapes3d.SHAPES3D.url.endswith(_shapes3d.SHAPES3D.filename)


def test_dsprites(small_dsprites, tmp_path):
    remote, images = small_dsprites
    dsprites = fetch_dsprites(data_home=tmp_path)
    assert (tmp_path / remote.filename).exists()
    assert dsprites.data.shape == (72, 64)
    assert dsprites.factor_sizes == [3, 2, 3, 2, 2]
    assert dsprites.factor_names[0] == "shape"
    assert dsprites.factor_values[1].tolist() == [0.5, 1.0]
    assert "dSprites" in dsprites.DESCR
    assert_array_equal(dsprites.images, images)
    assert_array_equal(dsprites.data, images.reshape(72, -1))
    assert_array_equal(dsprites.target, np.indices((3, 2, 3, 2, 2)).reshape(5, -1).T)


def test_shapes3d(small_shapes3d, tmp_path):
    _, images = small_shapes3d
    shapes3d = fetch_shapes3d(data_home=tmp_path)
    assert shapes3d.data.shape == (96, 192)
    assert shapes3d.factor_sizes == [2, 2, 2, 2, 3, 2]
    assert shapes3d.factor_names[0] == "floor_hue"
    assert shapes3d.factor_values[5].tolist() == [-30, 30]
    assert_array_equal(shapes3d.images, images)
    assert_array_equal(shapes3d.target, np.indices((2, 2, 2, 2, 3, 2)).reshape(6, -1).T)


def test_render_reads_what_is_asked_for(small_dsprites, tmp_path):
    dsprites = fetch_dsprites(data_home=tmp_path)
    places = [60, 3, 3, 71]
    render = pickle.loads(pickle.dumps(dsprites.render))
    assert_array_equal(render(dsprites.target[places]), dsprites.images[places])
    with pytest.raises(ValueError, match="scale has the classes 0 to 1; got 2"):
        render([[0, 2, 0, 0, 0]])


def test_a_second_call_needs_no_network(small_dsprites, tmp_path, monkeypatch):
    remote, images = small_dsprites
    fetch_dsprites(data_home=tmp_path)
    nowhere = remote._replace(url="http://127.0.0.1:9/nothing")
    monkeypatch.setattr(_dsprites, "DSPRITES", nowhere)
    again = fetch_dsprites(data_home=tmp_path, download_if_missing=False)
    assert_array_equal(again.images, images)


def test_data_home_defaults_to_that_of_scikit_learn(
    small_dsprites, tmp_path, monkeypatch
):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    fetch_dsprites()
    assert (tmp_path / "home" / small_dsprites[0].filename).exists()


def test_missing_and_not_to_be_downloaded(small_dsprites, tmp_path):
    with pytest.raises(OSError, match=r"dsprites\.hdf5 is missing, and download_if"):
        fetch_dsprites(data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + b"!"]
)
def test_a_damaged_file_is_named_and_replaced(small_dsprites, tmp_path, damage):
    remote, images = small_dsprites
    fetch_dsprites(data_home=tmp_path)
    path = tmp_path / remote.filename
    path.write_bytes(damage(path.read_bytes()))
    named = re.escape(f"{path} is corrupted")
    with pytest.raises(OSError, match=named):
        fetch_dsprites(data_home=tmp_path, download_if_missing=False)
    with pytest.warns(UserWarning, match=named) as record:
        dsprites = fetch_dsprites(data_home=tmp_path)
    assert record[0].filename == __file__
    assert_array_equal(dsprites.images, images)


def test_a_damaged_download_is_named_and_not_kept(small_shapes3d, server, tmp_path):
    remote, _ = small_shapes3d
    served = server[0] / remote.filename
    served.write_bytes(served.read_bytes()[:-100])
    with pytest.raises(OSError, match=re.escape(f"{remote.url} is corrupted")):
        fetch_shapes3d(data_home=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_without_the_file(small_shapes3d, server, tmp_path):
    remote, _ = small_shapes3d
    (server[0] / remote.filename).unlink()
    with pytest.raises(OSError, match="404"):
        fetch_shapes3d(data_home=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["pooch", "h5py"])
def test_without_the_extra(monkeypatch, tmp_path, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pip install 'sk-bvae\[download\]'"):
        fetch_dsprites(data_home=tmp_path)


@pytest.mark.parametrize("fetch", [fetch_dsprites, fetch_shapes3d])
def test_bad_parameters_are_named(fetch):
    with pytest.raises(ValueError, match="'download_if_missing' parameter"):
        fetch(download_if_missing="no")
