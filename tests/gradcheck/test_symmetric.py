"""Symmetric matrices of which forward reads one triangle alone."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient, symmetric
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.symmetric import for_symmetric_changes, symmetric_part

M = np.random.default_rng(0).normal(size=(3, 3))
A = M @ M.T + np.eye(3)
X = np.random.default_rng(1).normal(size=(4, 3))
NOTE = "forward reads one triangle of 'a' alone: symmetric changes were looked at"


def eigenvalues_backward(g, a):
    _, v = np.linalg.eigh(a)
    return (v * g[..., None, :]) @ v.swapaxes(-1, -2)


def cholesky_backward(g, a):
    """Half of each entry beside the diagonal in either triangle, as frameworks return it."""
    root = np.linalg.cholesky(a)
    p = np.tril(root.T @ g)
    p[np.diag_indices(len(a))] /= 2
    inverse = np.linalg.inv(root)
    s = inverse.T @ p @ inverse
    return (s + s.T) / 2


def lower_alone(g, a):
    s = cholesky_backward(g, a)
    return np.tril(2 * s) - np.diag(np.diag(s))


CHOLESKY = [cholesky_backward, lower_alone, lambda g, a: lower_alone(g, a).T]


@pytest.mark.parametrize("backward", CHOLESKY, ids=["halves", "the triangle that is read", "the other one"])
@pytest.mark.parametrize("proof", [True, False])
def test_each_way_to_share_the_gradient_among_the_triangles_is_right(backward, proof):
    report = check_gradient(np.linalg.cholesky, backward, A, proof=proof)
    assert report.verdict is Verdict.RIGHT
    assert NOTE in report.notes
    assert ("proved" in report.inputs[0].method) is proof


def test_matrices_may_be_stacked():
    a = np.stack([A, A @ A, np.eye(3) + A])
    assert check_gradient(np.linalg.eigvalsh, eigenvalues_backward, a).verdict is Verdict.RIGHT


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("proof", [True, False])
def test_a_mistake_stays_one(proof, dtype):
    def averaged(g, a):
        return eigenvalues_backward(g, a) / len(a)

    def not_halved(g, a):
        return np.tril(eigenvalues_backward(g, a))

    for backward in (averaged, not_halved, lambda g, a: eigenvalues_backward(g, a)[None]):
        report = check_gradient(np.linalg.eigvalsh, backward, A.astype(dtype), proof=proof)
        assert report.verdict is Verdict.WRONG
    assert [v.kind for v in report.violations] == ["shape"]


def test_the_gradient_of_other_inputs_is_what_it_was():
    def forward(x, a):
        return x @ np.linalg.cholesky(a)

    def backward(g, x, a):
        return g @ np.linalg.cholesky(a).T, cholesky_backward(x.T @ g, a)

    assert check_gradient(forward, backward, X, A).verdict is Verdict.RIGHT
    assert check_gradient(forward, lambda g, x, a: (None, backward(g, x, a)[1]), X, A, wrt="a").ok
    report = check_gradient(forward, lambda g, x, a: (2 * backward(g, x, a)[0], backward(g, x, a)[1]), X, A)
    assert [each.verdict for each in report.inputs] == [Verdict.WRONG, Verdict.RIGHT]


def test_too_many_gradients_are_one_breach():
    report = check_gradient(np.linalg.eigvalsh, lambda g, a: (eigenvalues_backward(g, a), g), A)
    assert [v.kind for v in report.violations] == ["count"]


def test_other_threads_may_look_at_the_entries():
    with ThreadPoolExecutor(2) as executor:
        report = check_gradient(np.linalg.eigvalsh, eigenvalues_backward, A, executor=executor, proof=False)
    assert report.to_dict() == check_gradient(np.linalg.eigvalsh, eigenvalues_backward, A, proof=False).to_dict()
    assert report.verdict is Verdict.RIGHT


def is_left_alone(forward, a, structure=None):
    case = prepare(forward, lambda g, a: (a,), (a,))
    case.structures.update({} if structure is None else {0: structure})
    return for_symmetric_changes(case) is case


def test_what_is_looked_at_so():
    def wide_only(a):
        if not (a[0, 1] == a[1, 0] == A[0, 1]):
            raise ValueError("the first two must be as they are")
        return np.linalg.eigvalsh(a)

    for forward in (np.linalg.cholesky, np.linalg.eigvalsh, np.tril, lambda a: np.triu(a, 1)):
        assert not is_left_alone(forward, A)
        assert is_left_alone(forward, A, "any")
        assert is_left_alone(forward, A + 1e-9 * np.tri(3))
    assert is_left_alone(wide_only, A)  # it refuses a change of either triangle
    for forward in (np.linalg.inv, np.linalg.det, lambda a: X @ a, lambda a: np.diag(a) ** 2):
        assert is_left_alone(forward, A)


def test_what_may_be_symmetric_by_accident_is_not():
    for a in (np.eye(3), np.ones((3, 3)), np.zeros((3, 3))):
        assert is_left_alone(np.tril, a)
        assert not is_left_alone(np.tril, a, "symmetric")
    for a in (np.ones((1, 1)), X, X[0], np.stack([A, A])[:, :2], np.stack([M, A])):
        assert is_left_alone(lambda a: np.tril(a) if a.ndim > 1 else a * 2.0, a)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_in_each_precision(dtype):
    assert not is_left_alone(np.tril, A.astype(dtype))


def test_entries_are_moved_by_little():
    """A larger move leaves the matrices that have a Cholesky factor."""
    nearly = np.array([[1.0, 0.999], [0.999, 1.0]])
    assert not is_left_alone(np.linalg.cholesky, nearly)


def test_a_gradient_that_is_no_array_of_its_shape_stays():
    case = prepare(np.linalg.eigvalsh, lambda g, a: (), (A,))
    for gradient in (None, 3.0, [[1.0]], np.ones(3), np.ones((4, 4))):
        returned = symmetric._part_of(gradient, A)
        assert returned is gradient
    assert for_symmetric_changes(case).symmetric == (0,)


def test_a_symmetric_matrix_is_its_symmetric_part_to_the_last_bit():
    assert np.array_equal(symmetric_part(A), A)
    assert np.array_equal(symmetric_part(M), (M + M.T) / 2)
    assert symmetric_part(np.full((2, 2), 60000, np.float16)).max() == 60000
