"""Mean codes on grids of factors: what a display of responses draws."""

import numpy as np

# Images that are rendered and encoded at once.
BLOCK_IMAGES = 1024


def mean_codes(encode, data, names, n_images, rng):
    """Average the codes over all factors but those on a grid.

    Every point of the grid sees the same values of the other factors, so that what
    they do cancels in comparisons along the grid.

    Parameters
    ----------
    encode : callable
        From rows to codes.

    data : Bunch
        Data whose ``render`` makes images of any factors.

    names : sequence of str
        The factors on the grid.

    n_images : int
        About how many images to encode.

    rng : RandomState
        Draws the other factors' values.

    Returns
    -------
    means : ndarray of shape (size of each factor in names..., n_codes)
        The averages.
    """
    columns = [data.factor_names.index(name) for name in names]
    sizes = [data.factor_sizes[column] for column in columns]
    points = np.indices(sizes).reshape(len(sizes), -1).T
    n_contexts = max(1, n_images // len(points))
    contexts = _balanced_draws(data.factor_sizes, n_contexts, rng)
    factors = np.repeat(contexts, len(points), axis=0)
    factors[:, columns] = np.tile(points, (n_contexts, 1))
    total = 0.0
    for start in range(0, len(factors), _block(len(points))):
        some = factors[start : start + _block(len(points))]
        images = data.render(some)
        codes = np.asarray(encode(images.reshape(len(some), -1)), dtype=float)
        total = total + codes.reshape(-1, len(points), codes.shape[1]).sum(axis=0)
    return (total / n_contexts).reshape(*sizes, -1)


def _block(n_points):
    """Say how many images to encode at once: a multiple of the points of the grid."""
    return n_points * max(1, BLOCK_IMAGES // n_points)


def _balanced_draws(sizes, n_draws, rng):
    """Draw classes such that each of a factor's occurs as often as any other."""
    columns = [
        rng.permutation(np.resize(rng.permutation(size), n_draws)) for size in sizes
    ]
    return np.column_stack(columns)
