import functools
import hashlib
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import h5py
import numpy as np
import pytest

from sk_bvae.datasets import _dsprites, _shapes3d
from sk_bvae.datasets._download import RemoteFile

CHUNK = (5, 2, 4)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Serve a folder of this machine to this machine: its path and its URL."""
    folder = tmp_path_factory.mktemp("served")
    handler = functools.partial(QuietHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def labels_of_grid(*values):
    grid = np.meshgrid(*values, indexing="ij")
    return np.column_stack([column.ravel() for column in grid])


def publish(server, filename, datasets, chunks):
    """Write an HDF5 file into the served folder and return how to fetch it."""
    folder, url = server
    path = folder / filename
    with h5py.File(path, "w") as file:
        for name, array in datasets.items():
            packed = {"chunks": chunks, "compression": "gzip"} if "im" in name else {}
            file.create_dataset(name, data=array, **packed)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    return RemoteFile(filename, f"{url}/{filename}", md5)


@pytest.fixture
def small_dsprites(server, monkeypatch):
    """Put a file of the layout of dSprites in the place of the original."""
    values = labels_of_grid(
        [1.0], [1.0, 2.0, 3.0], [0.5, 1.0], [0.0, 1.5, 3.0], [0.0, 1.0], [0.0, 1.0]
    )
    images = np.random.RandomState(0).randint(2, size=(72, 8, 8)).astype(np.uint8)
    datasets = {"imgs": images, "latents/values": values}
    remote = publish(server, "dsprites.hdf5", datasets, CHUNK)
    monkeypatch.setattr(_dsprites, "DSPRITES", remote)
    return remote, images


@pytest.fixture
def small_shapes3d(server, monkeypatch):
    """Put a file of the layout of 3D Shapes in the place of the original."""
    hues = [0.0, 0.1]
    values = labels_of_grid(hues, hues, hues, [0.75, 1.25], [0, 1, 2], [-30.0, 30.0])
    images = np.random.RandomState(0).randint(256, size=(96, 8, 8, 3)).astype(np.uint8)
    datasets = {"images": images, "labels": values}
    remote = publish(server, "3dshapes.h5", datasets, (*CHUNK, 3))
    monkeypatch.setattr(_shapes3d, "SHAPES3D", remote)
    return remote, images
