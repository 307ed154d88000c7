import numpy as np

from hemicycle.agenda.label_means import label_means, less_label_means

VALUES = np.array([[1.0, 10.0], [3.0, 20.0], [5.0, 60.0]])
LABELS = np.array([2, 0, 2])


def test_means_of_labels():
    np.testing.assert_allclose(label_means(VALUES, LABELS, 4), [[3, 20], [0, 0], [3, 35], [0, 0]])


def test_rows_less_the_mean_of_their_label():
    np.testing.assert_allclose(less_label_means(VALUES, LABELS, 3), [[-2, -25], [0, 0], [2, 25]])
