"""The command `train` on two classes, through real processes: what it prints, writes and exits with."""

import numpy as np
import pytest

from scratchcnn.commands import main as cli
from tests.commands.process import run


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    save, plot = folder / "learnt.npz", folder / "learnt.png"
    done = run("train", "--epochs", 4, "--digits", 30, "--seed", 7, "--save", save, "--plot", plot)
    assert (done.returncode, done.stderr) == (0, "")
    return done, save, plot


def test_train_says_what_came_out(trained):
    with np.load(trained[1], allow_pickle=False) as learnt:
        error, accuracy = learnt["error"][-1], learnt["accuracy"][-1]
    assert trained[0].stdout == f"30 digits, 4 epochs: E {error:.4f}, accuracy {accuracy:.1%}\n"


def test_train_saves_what_was_learnt(trained):
    with np.load(trained[1], allow_pickle=False) as learnt:
        shapes = {name: learnt[name].shape for name in learnt.files}
    assert shapes == {"filters": (3, 1, 5, 5), "weight": (1728, 1), "bias": (1,), "error": (4,), "accuracy": (4,)}


def test_train_saves_what_the_library_learns(trained):
    from scratchcnn.article.training import train
    from scratchcnn.digits.mnist import load_digits

    digits = load_digits(30)
    *_, last = train(digits.x(), digits.y(), epochs=4, seed=7)
    with np.load(trained[1], allow_pickle=False) as learnt:
        # BLAS may sum in another order in the other process.
        np.testing.assert_allclose(learnt["filters"], last.parameters.filters, rtol=1e-9)


def test_train_plots(trained):
    assert trained[2].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_train_leaves_only_its_files(trained):
    assert sorted(path.name for path in trained[1].parent.iterdir()) == ["learnt.npz", "learnt.png"]


@pytest.mark.parametrize(("name", "rate"), [("exact", 0.68), ("published", 0.01)])
def test_train_descends_along_either_gradient(capsys, name, rate):
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.article.training import train
    from scratchcnn.digits.mnist import load_digits

    digits = load_digits(30)
    *_, last = train(digits.x(), digits.y(), epochs=3, rate=rate, seed=1, gradient=DESCENTS[name].gradient)
    assert cli.main(["train", "--gradient", name, "--epochs", "3", "--digits", "30", "--seed", "1"]) == 0
    assert capsys.readouterr().out == f"30 digits, 3 epochs: E {last.error:.4f}, accuracy {last.accuracy:.1%}\n"


@pytest.fixture
def drawn(monkeypatch):
    """List the arguments of each call that draws for `--plot`."""
    calls = []

    def draw(histories, learnt):
        calls.append((histories, learnt))
        return b""

    monkeypatch.setattr("scratchcnn.commands.course.training_as_png", draw)
    return calls


@pytest.mark.parametrize("name", ["exact", "published"])
def test_plot_draws_both_gradients_from_the_same_parameters_at_steps_as_long(drawn, tmp_path, name):
    options = ["--epochs", "3", "--digits", "30", "--plot", str(tmp_path / "a.png")]
    rates = {"exact": 0.34, "published": 0.005}
    assert cli.main(["train", "--gradient", name, "--rate", str(rates[name]), *options]) == 0
    for other, rate in rates.items():
        assert cli.main(["train", "--gradient", other, "--rate", str(rate), *options]) == 0
    (histories, learnt), *alone = drawn
    assert next(iter(histories)) == name
    assert learnt is histories[name][-1].parameters
    for (each, _), other in zip(alone, rates, strict=True):
        np.testing.assert_allclose(
            [epoch.error for epoch in histories[other]], [epoch.error for epoch in each[other]], rtol=1e-9
        )


def test_plot_says_where_the_other_gradient_leads_nowhere(drawn, monkeypatch, capsys, tmp_path):
    from scratchcnn.article.published import DESCENTS

    monkeypatch.setitem(DESCENTS, "exact", DESCENTS["exact"]._replace(rate=1e308))
    options = ["--epochs", "2", "--digits", "30", "--plot", str(tmp_path / "a.png")]
    assert cli.main(["train", "--gradient", "published", *options]) == 0
    assert "scratchcnn: the exact gradient, after 0 epochs: the error is not finite" in capsys.readouterr().err
    assert [len(history) for history in drawn[0][0].values()] == [2, 0]


def interrupted(*arguments, **options):
    raise KeyboardInterrupt


def test_ctrl_c_without_a_file_to_save_says_no_more(monkeypatch, capsys):
    monkeypatch.setattr("scratchcnn.article.training.evaluate", interrupted)
    assert cli.main(["train", "--digits", "30"]) == 130
    assert capsys.readouterr() == ("", "scratchcnn: interrupted\n")


def test_a_full_disk_is_said(monkeypatch, capsys, tmp_path):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "--epochs", "1", "--digits", "30", "--save", str(tmp_path / "learnt.npz")])
    assert capsys.readouterr().err.endswith("learnt.npz: No space left on device\n")
    assert list(tmp_path.iterdir()) == []


WITHOUT_MATPLOTLIB = """
    import sys

    sys.modules["matplotlib"] = None
    import scratchcnn.article.training
    from scratchcnn.commands.main import main

    scratchcnn.article.training.train = None  # not to be reached
    sys.exit(main(sys.argv[1:]))
"""


def test_plot_without_matplotlib_names_the_extra_before_training(tmp_path):
    done = run("train", "--plot", tmp_path / "learnt.png", script=WITHOUT_MATPLOTLIB)
    assert done.returncode == 2
    assert 'pip install "scratchcnn[report]"' in done.stderr
