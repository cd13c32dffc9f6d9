"""The original 3D Shapes."""

from os import PathLike

from sklearn.utils import Bunch

from sk_bvae.datasets._download import RemoteFile, fetch_file
from sk_bvae.datasets._grid_file import load_grid_file
from sk_bvae.datasets._hdf5 import HDF5Array
from sk_bvae.utils._sklearn import validate_params

SHAPES3D = RemoteFile(
    filename="3dshapes.h5",
    url="https://storage.googleapis.com/3d-shapes/3dshapes.h5",
    md5="099a2078d58cec4daad0702c55d06868",
)

FACTOR_NAMES = (
    "floor_hue",
    "wall_hue",
    "object_hue",
    "scale",
    "shape",
    "orientation",
)

DESCR = """\
3D Shapes
=========

480,000 colour images, 64 x 64 pixels, of one object in a room: every combination of six
independent factors once. In the order of the columns of `target`, whose last changes
fastest: 10 hues of the floor, of the wall and of the object, 8 scales, 4 shapes, 15
orientations from -30 to 30 degrees.

Reference: C. Burgess, H. Kim, "3D Shapes Dataset", 2018,
https://github.com/google-deepmind/3d-shapes (Apache License 2.0).
"""


@validate_params(
    {
        "data_home": [str, PathLike, None],
        "download_if_missing": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_shapes3d(
    *, data_home: str | PathLike[str] | None = None, download_if_missing: bool = True
) -> Bunch:
    """Load the original 3D Shapes, downloading the file if necessary.

    The file's checksum is verified at every call; a corrupted file is named and never
    used. The images stay on disk: indexing reads what is asked for, ``numpy.asarray``
    reads all 5.9 GB. The file is compressed, which makes images in random order slow to
    read: for training, copy slice by slice into a memory map.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of the file. By default, scikit-learn's: see
        :func:`sklearn.datasets.get_data_home`.

    download_if_missing : bool, default=True
        If False, raise an OSError if the file is missing or corrupted instead of
        downloading it.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : array on disk of shape (480000, 12288), dtype uint8
            The images as rows, with values from 0 to 255.
        images : array on disk of shape (480000, 64, 64, 3), dtype uint8
            The same, as images; the last axis is red, green, blue.
        target : ndarray of shape (480000, 6)
            The class of each factor.
        factor_values : list of 6 ndarrays
            The values that the classes of each factor stand for.
        factor_names : list of 6 str
            ``["floor_hue", "wall_hue", "object_hue", "scale", "shape",
            "orientation"]``.
        factor_sizes : list of 6 int
            ``[10, 10, 10, 8, 4, 15]``.
        render : callable
            ``render(factors)`` reads the images, of shape (n, 64, 64, 3), of any
            factor classes of shape (n, 6). It can be pickled.
        DESCR : str
            The description of the data.

    See Also
    --------
    fetch_dsprites : Binary shapes with five factors.

    References
    ----------
    .. [1] C. Burgess, H. Kim, "3D Shapes Dataset", 2018,
       https://github.com/google-deepmind/3d-shapes

    Examples
    --------
    >>> from sk_bvae.datasets import fetch_shapes3d
    >>> shapes3d = fetch_shapes3d()  # doctest: +SKIP
    >>> shapes3d.images[:2].shape  # doctest: +SKIP
    (2, 64, 64, 3)
    """
    path = fetch_file(SHAPES3D, data_home, download_if_missing)
    labels = HDF5Array(path, "labels")[:]
    return load_grid_file(path, "images", labels, FACTOR_NAMES, DESCR)
