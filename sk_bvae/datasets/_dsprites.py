"""The original dSprites."""

from os import PathLike

from sklearn.utils import Bunch

from sk_bvae.datasets._download import RemoteFile, fetch_file
from sk_bvae.datasets._grid_file import load_grid_file
from sk_bvae.datasets._hdf5 import HDF5Array
from sk_bvae.utils._sklearn import validate_params

DSPRITES = RemoteFile(
    filename="dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5",
    url=(
        "https://github.com/google-deepmind/dsprites-dataset/raw/master/"
        "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.hdf5"
    ),
    md5="b331c4447a651c44bf5e8ae09022e230",
)

FACTOR_NAMES = ("shape", "scale", "orientation", "position_x", "position_y")

DESCR = """\
dSprites
========

737,280 binary images, 64 x 64 pixels, of a white sprite on black: every combination of
five independent factors once. In the order of the columns of `target`, whose last
changes fastest: 3 shapes (square, ellipse, heart), 6 scales from 0.5 to 1, 40
orientations from 0 to 2 pi, 32 horizontal and 32 vertical positions from 0 to 1. The
file's constant colour is left out.

Reference: L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, "dSprites: Disentanglement
testing Sprites dataset", 2017, https://github.com/google-deepmind/dsprites-dataset
(Apache License 2.0).
"""


@validate_params(
    {
        "data_home": [str, PathLike, None],
        "download_if_missing": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def fetch_dsprites(
    *, data_home: str | PathLike[str] | None = None, download_if_missing: bool = True
) -> Bunch:
    """Load the original dSprites, downloading the file if necessary.

    The file's checksum is verified at every call; a corrupted file is named and never
    used. The images stay on disk: indexing reads what is asked for, ``numpy.asarray``
    reads all 3.0 GB. The file is compressed, which makes images in random order slow to
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

        data : array on disk of shape (737280, 4096), dtype uint8
            The images as rows of zeros and ones.
        images : array on disk of shape (737280, 64, 64), dtype uint8
            The same, as images.
        target : ndarray of shape (737280, 5)
            The class of each factor.
        factor_values : list of 5 ndarrays
            The values that the classes of each factor stand for.
        factor_names : list of 5 str
            ``["shape", "scale", "orientation", "position_x", "position_y"]``.
        factor_sizes : list of 5 int
            ``[3, 6, 40, 32, 32]``.
        render : callable
            ``render(factors)`` reads the images, of shape (n, 64, 64), of any factor
            classes of shape (n, 5). It can be pickled.
        DESCR : str
            The description of the data.

    See Also
    --------
    make_shapes2d : A close re-rendering, without a download and in any size.
    fetch_shapes3d : Coloured scenes with six factors.

    References
    ----------
    .. [1] L. Matthey, I. Higgins, D. Hassabis, A. Lerchner, "dSprites: Disentanglement
       testing Sprites dataset", 2017,
       https://github.com/google-deepmind/dsprites-dataset

    Examples
    --------
    >>> from sk_bvae.datasets import fetch_dsprites
    >>> dsprites = fetch_dsprites()  # doctest: +SKIP
    >>> dsprites.data[[7, 3]].shape  # doctest: +SKIP
    (2, 4096)
    """
    path = fetch_file(DSPRITES, data_home, download_if_missing)
    labels = HDF5Array(path, "latents/values")[:, 1:]
    return load_grid_file(path, "imgs", labels, FACTOR_NAMES, DESCR)
