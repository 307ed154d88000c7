"""Means of rows that bear the same label, and rows less them: what constants of topics take up."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def label_means(values: Floats, labels: NDArray[np.int64], number: int) -> Floats:
    """Return the mean of the rows of each label; 0 for a label without rows.

    Args:
        values: shape (rows, columns).
        labels: of each row, from 0 to number - 1, shape (rows,).
        number: of labels.

    Returns:
        Shape (number, columns).
    """
    counts = np.maximum(np.bincount(labels, minlength=number), 1)
    sums = [np.bincount(labels, column, number) for column in values.T]
    return np.asarray(np.stack(sums, 1) / counts[:, None])


def less_label_means(values: Floats, labels: NDArray[np.int64], number: int) -> Floats:
    """Return rows less the mean of their label, shape (rows, columns): within-label deviations.

    Args:
        values: shape (rows, columns).
        labels: of each row, from 0 to number - 1, shape (rows,).
        number: of labels.
    """
    return np.asarray(values - label_means(values, labels, number)[labels])
