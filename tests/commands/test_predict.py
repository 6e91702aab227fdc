"""Pictures of digits: their normalization like MNIST's, and the command that tells which digits they show."""

import os
import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from scratchcnn.commands import main as cli
from scratchcnn.commands import predict
from scratchcnn.digits import pictures
from scratchcnn.digits.mnist import load_digits
from scratchcnn.digits.pictures import FAINT, read_digit
from scratchcnn.network.layers import Conv2d, Dense, Flatten
from scratchcnn.network.model import Model
from scratchcnn.network.network import Network
from scratchcnn.network.training import Recipe, Training, steps, workers
from tests.commands.process import run


def write(path, pixels, mode=None):
    Image.fromarray(pixels).convert(mode).save(path) if mode else Image.fromarray(pixels).save(path)
    return path


def with_clear_edges():
    """List the digits without faint pixels at their edges, which `read_digit` would count as paper."""
    images = load_digits().images
    strong = images > FAINT * images.max(axis=(1, 2), keepdims=True)
    return [i for i, s in zip(images, strong, strict=True) if all(((i > 0).any(k) == s.any(k)).all() for k in (0, 1))]


CLEAR = with_clear_edges()[:40]


def test_a_digit_of_mnist_stays_as_it_is(tmp_path):
    assert len(CLEAR) == 40
    for image in CLEAR:
        full = np.rint(image * (255 / image.max()))  # the ink is stretched to the full range
        assert abs(read_digit(write(tmp_path / "digit.png", image)) - full).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
@pytest.mark.parametrize("dark_on_light", [False, True])
def test_kind_and_side_of_the_contrast_do_not_matter(tmp_path, mode, dark_on_light):
    image = CLEAR[0]
    expected = read_digit(write(tmp_path / "digit.png", image)).astype(int)
    pixels = 255 - image if dark_on_light else image
    if mode == "I;16":
        path = write(tmp_path / "other.png", pixels.astype(np.uint16) * 257)
    else:
        path = write(tmp_path / "other.png", pixels, mode)
    assert abs(read_digit(path) - expected).max() <= 1


# What white is in pictures of 32-bit numbers: that follows from the numbers.
@pytest.mark.parametrize("dark_on_light", [False, True])
@pytest.mark.parametrize(
    ("dtype", "white"),
    [(np.int32, w) for w in (1, 255, 2**16 - 1, 2**31 - 1)] + [(np.float32, w) for w in (1, 255, 2**16 - 1, 2**32)],
)
def test_grey_of_32_bits(tmp_path, dtype, white, dark_on_light):
    image = (CLEAR[0] > 100) * 255  # as few levels as a picture in 0 and 1 has
    expected = read_digit(write(tmp_path / "digit.png", image.astype(np.uint8))).astype(int)
    pixels = (255 - image if dark_on_light else image) / 255 * white
    assert abs(read_digit(write(tmp_path / "other.tif", pixels.astype(dtype))) - expected).max() <= 1


def test_16_bits_say_what_white_is(tmp_path):
    with pytest.raises(ValueError, match="shows no digit"):
        read_digit(write(tmp_path / "dark.png", CLEAR[0].astype(np.uint16)))


@pytest.mark.parametrize("pixel", [np.nan, np.inf, -1])
def test_numbers_that_are_no_grey_are_refused(tmp_path, pixel):
    pixels = CLEAR[0].astype(np.float32)
    pixels[3, 4] = pixel
    with pytest.raises(ValueError, match="its pixels must be finite and not negative"):
        read_digit(write(tmp_path / "digit.tif", pixels))


# The numbers of EXIF: how the picture that is stored comes from the one that is seen.
STORED = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(image, 2).T,
    8: lambda image: np.rot90(image, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_a_picture_is_seen_as_the_camera_was_held(tmp_path, orientation):
    image = CLEAR[0]
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](image)))
    exif = stored.getexif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    expected = read_digit(write(tmp_path / "digit.png", image))
    assert np.array_equal(read_digit(tmp_path / "turned.png"), expected)


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(tmp_path):
    path = tmp_path / "large.png"
    Image.new("1", (8192, 8193)).save(path)
    path.write_bytes(path.read_bytes()[:200])  # there are no pixels to unpack
    with pytest.raises(ValueError, match="it has 8192 x 8193 pixels; 67,108,864 are allowed"):
        read_digit(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "F"])
def test_a_large_picture_is_scaled_down_first(tmp_path, monkeypatch, mode):
    image = CLEAR[0]
    path = tmp_path / "large.tif"
    Image.fromarray(image.repeat(40, 0).repeat(40, 1)).convert(mode).save(path)
    expected = read_digit(path).astype(float)
    monkeypatch.setattr(pictures, "ENOUGH_PIXELS", 280 * 280)
    assert abs(read_digit(path) - expected).max() <= 30  # levels of 255, where the mean smooths edges


@pytest.mark.parametrize("dark_on_light", [False, True])
def test_what_is_transparent_is_paper(tmp_path, dark_on_light):
    image = CLEAR[0]
    ink = np.full((28, 28), 0 if dark_on_light else 255, np.uint8)
    path = write(tmp_path / "clear.png", np.stack([ink, ink, ink, image], axis=-1))
    expected = read_digit(write(tmp_path / "digit.png", image)).astype(int)
    assert abs(read_digit(path) - expected).max() <= 1


@pytest.mark.parametrize("factor", [2, 5, 13])
@pytest.mark.parametrize("margins", [(0, 0, 0, 0), (40, 3, 7, 90)])
def test_size_and_place_do_not_matter(tmp_path, factor, margins):
    """Each pixel becomes a square of factor x factor pixels on a larger sheet, which changes the result little."""
    left, top, right, bottom = margins
    for image in CLEAR[:8]:
        large = np.pad(image.repeat(factor, 0).repeat(factor, 1), ((top, bottom), (left, right)))
        expected = read_digit(write(tmp_path / "digit.png", image)).astype(float)
        seen = read_digit(write(tmp_path / "large.png", large))
        assert np.corrcoef(seen.ravel(), expected.ravel())[0, 1] > 0.95


def test_a_drawn_bar_is_scaled_and_centred(tmp_path):
    sheet = Image.new("L", (300, 200), 230)
    ImageDraw.Draw(sheet).rectangle((20, 30, 39, 129), fill=40)  # 20 wide, 100 tall: 4 by 20 when scaled
    sheet.save(tmp_path / "bar.png")
    expected = np.zeros((28, 28))
    expected[4:24, 12:16] = 255
    seen = read_digit(tmp_path / "bar.png")
    assert seen.shape == (28, 28)
    assert seen.dtype == np.uint8
    # The centres of mass, 1.5 and 9.5, are half a pixel off: the bar begins at column 12 or 13 and at row 4 or 5.
    assert any(np.array_equal(seen, np.roll(expected, (a, b), (0, 1))) for a in (0, 1) for b in (0, 1))


def test_dots_and_lines_are_digits_too(tmp_path):
    for size in ((1, 60), (60, 1), (1, 1)):
        pixels = np.zeros((90, 90), np.uint8)
        pixels[10 : 10 + size[0], 20 : 20 + size[1]] = 255
        assert read_digit(write(tmp_path / "line.png", pixels)).max() == 255


# Pictures that show no digit, and other files


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("noise", [0, 12])
def test_an_empty_sheet_is_refused_by_name(tmp_path, level, noise):
    pixels = np.clip(level + np.random.default_rng(0).integers(-noise, noise + 1, (50, 60)), 0, 255)
    path = write(tmp_path / "empty.png", pixels.astype(np.uint8))
    with pytest.raises(ValueError, match=rf"{path} shows no digit"):
        read_digit(path)


@pytest.mark.parametrize("damage", [lambda c: b"hello", lambda c: b"", lambda c: c[:60]], ids=["text", "empty", "cut"])
def test_what_is_no_picture_is_refused_by_name(tmp_path, damage):
    path = write(tmp_path / "digit.png", CLEAR[0])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"{path} is not a picture that can be read"):
        read_digit(path)


# The command


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Train a model on the digits that ship with the package."""
    digits = load_digits()
    with workers() as team:
        *_, last = steps(Training.begin(Recipe(epochs=20, batch=32), len(digits)), digits, team)
    path = tmp_path_factory.mktemp("model") / "model.npz"
    last.save(path)
    return path


def test_predict_says_what_pictures_show(model, tmp_path, capsys):
    """The pictures are learnt digits: as they are, dark on light, and enlarged five times."""
    digits = load_digits(30)
    paths = []
    for k, image in enumerate(digits.images):
        shown = (image, 255 - image, image.repeat(5, 0).repeat(5, 1))[k % 3]
        paths.append(str(write(tmp_path / f"{k}.png", shown)))
    assert cli.main(["predict", "--model", str(model), *paths]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = [re.fullmatch(r"(.*): (\d) \((\d+\.\d)%\)", line).groups() for line in lines]
    assert [path for path, _, _ in found] == paths
    right = sum(int(digit) == label for (_, digit, _), label in zip(found, digits.labels, strict=True))
    assert right >= 28  # the model knows these digits, and scaling the large ones back changes little
    assert all(10 <= float(share) <= 100 for _, _, share in found)


def test_the_probabilities_are_the_softmax_of_the_logits(model):
    loaded, digits = Model.load(model), load_digits(5)
    found = predict._probabilities(loaded, digits.images)
    logits = loaded.logits(digits.x()).astype(np.float64)
    np.testing.assert_allclose(found, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_a_name_that_is_not_utf_8_is_shown_escaped(model, tmp_path):
    name = os.fsencode(tmp_path) + b"/d\xff.png"
    with open(name, "wb") as file:
        Image.fromarray(CLEAR[0]).save(file, "png")
    done = run("predict", "--model", model, name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(rf"{tmp_path}/d\udcff.png: ")


def refused(capsys, *arguments):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["predict", *map(str, arguments)])
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_misuse_exits_with_2_and_says_why(model, tmp_path, capsys):
    picture = write(tmp_path / "digit.png", CLEAR[0])
    text = tmp_path / "text.png"
    text.write_text("hello")
    assert "--model" in refused(capsys, picture)
    assert "No such file or directory" in refused(capsys, tmp_path / "none.png", "--model", model)
    assert f"{text} is not a picture" in refused(capsys, picture, text, "--model", model)
    assert f"{picture} is not an .npz file" in refused(capsys, picture, "--model", picture)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ((Flatten(), Dense(784, 3)), r"does not tell ten digits apart: its output has the shape \(1, 3\)"),
        ((Conv2d(1, 10, 28),), r"does not tell ten digits apart: its output has the shape \(1, 10, 1, 1\)"),
        ((Flatten(), Dense(100, 10)), "has no answer to pictures of 28x28 pixels"),
        ((Conv2d(3, 1, 5), Flatten(), Dense(576, 10)), "has no answer to pictures of 28x28 pixels"),
    ],
    ids=["three classes", "images", "other features", "other channels"],
)
def test_a_model_of_something_else_is_refused(tmp_path, capsys, layers, message):
    network = Network(layers)
    Model(network, network.draw(np.random.default_rng(0))).save(tmp_path / "model.npz")
    picture = write(tmp_path / "digit.png", CLEAR[0])
    assert re.search(message, refused(capsys, picture, "--model", tmp_path / "model.npz"))


def test_weights_that_overflow_give_no_answer(tmp_path, capsys):
    """Finite weights, whose sums are not: an answer would be "0 (nan%)"."""
    network = Network((Flatten(), Dense(784, 10)))
    Model(network, (np.full((784, 10), 3e38, np.float32), np.zeros(10, np.float32))).save(tmp_path / "model.npz")
    picture = write(tmp_path / "digit.png", CLEAR[0])
    assert "the output of the network is not finite" in refused(capsys, picture, "--model", tmp_path / "model.npz")


def test_logits_that_differ_by_more_than_floats_hold_give_an_answer(tmp_path):
    network = Network((Flatten(), Dense(784, 10)))
    bias = np.array([3e38, -3e38, *[0] * 8], np.float32)
    model = Model(network, (np.zeros((784, 10), np.float32), bias))
    assert predict._probabilities(model, CLEAR[0][np.newaxis])[0].tolist() == [1] + [0] * 9


def test_without_pillow_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(predict, "find_spec", lambda name: None)
    assert 'pip install "scratchcnn[predict]"' in refused(capsys, "a.png", "--model", "model.npz")
