"""Getting a file, and never using one whose checksum is wrong."""

from pathlib import Path
from typing import NamedTuple

from sklearn.datasets import get_data_home

from sk_bvae.utils._warnings import warn


class RemoteFile(NamedTuple):
    """A published file and what proves that it arrived whole."""

    filename: str
    url: str
    md5: str


def fetch_file(remote, data_home, download_if_missing):
    """Find a verified file, downloading it if that is needed and allowed.

    Parameters
    ----------
    remote : RemoteFile
        The file.

    data_home : path-like or None
        The folder; None for scikit-learn's.

    download_if_missing : bool
        Whether it may be downloaded.

    Returns
    -------
    Path
        Where it lies.
    """
    pooch = _import_pooch(remote)
    path = Path(get_data_home(data_home)) / remote.filename
    problem = _problem(path, remote)
    if problem is None:
        return path
    if not download_if_missing:
        raise OSError(f"{problem}, and download_if_missing is False.")
    if path.exists():
        warn(f"{problem}: downloading it again.")
    try:
        # Writes to a temporary file, renamed once its checksum is right.
        pooch.retrieve(
            remote.url, f"md5:{remote.md5}", fname=path.name, path=path.parent
        )
    except ValueError as error:
        raise OSError(f"The download of {remote.url} is corrupted: {error}") from error
    return path


def _problem(path, remote):
    if not path.exists():
        return f"{path} is missing"
    md5 = _import_pooch(remote).file_hash(path, alg="md5")
    if md5 != remote.md5:
        return f"{path} is corrupted (its MD5 is {md5} instead of {remote.md5})"
    return None


def _import_pooch(remote):
    try:
        import h5py  # noqa: F401  (needed to read what is about to be downloaded)
        import pooch
    except ImportError as error:
        raise ImportError(
            f"{remote.filename} needs pooch and h5py: "
            "install them with `pip install 'sk-bvae[download]'`."
        ) from error
    return pooch
