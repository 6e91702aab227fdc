"""Reading and learning from the whole of MNIST, whose path is in the environment variable `SCRATCHCNN_MNIST`."""

import os
import re
from pathlib import Path

import numpy as np
from PIL import Image

from scratchcnn.commands import main as cli
from scratchcnn.digits.mnist import load_digits, load_mnist

PATH = os.environ["SCRATCHCNN_MNIST"]


def test_it_is_read_and_begins_with_the_digits_that_ship():
    train, test = load_mnist(Path(PATH))
    assert len(train) == 60_000
    assert len(test) == 10_000
    np.testing.assert_array_equal(train[:200].images, load_digits().images)
    np.testing.assert_array_equal(train[:200].labels, load_digits().labels)


def test_a_tenth_of_it_is_learnt_and_pictures_are_told(tmp_path, capsys):
    model = str(tmp_path / "model.npz")
    options = ["--classes", "10", "--data", PATH, "--digits", "3000", "--epochs", "2", "--save", model]
    assert cli.main(["train", *options]) == 0
    assert float(re.findall(r"test accuracy (.*)%", capsys.readouterr().out)[-1]) > 90

    test = load_mnist(Path(PATH))[1][:50]
    paths = [str(tmp_path / f"{k}.png") for k in range(50)]
    for path, image in zip(paths, test.images, strict=True):
        Image.fromarray(255 - image).save(path)
    assert cli.main(["predict", "--model", model, *paths]) == 0
    told = [int(digit) for digit in re.findall(r"png: (\d) ", capsys.readouterr().out)]
    assert (told == test.labels).sum() >= 45
