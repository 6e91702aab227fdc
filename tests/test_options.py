"""The options of the benchmarks, in the `conftest.py` of the project."""

from argparse import ArgumentTypeError

import pytest

import conftest


def test_a_report_goes_where_it_is_wanted(tmp_path):
    for name in ("report.json", "report.svg"):
        assert conftest.report(str(tmp_path / name)) == tmp_path / name


@pytest.mark.parametrize(
    ("name", "message"),
    [("report.txt", "must end in .json or .svg"), ("nowhere/report.json", "must be in a folder that exists")],
)
def test_what_could_not_be_written_is_refused_before_the_run(tmp_path, name, message):
    with pytest.raises(ArgumentTypeError, match=message):
        conftest.report(str(tmp_path / name))


def test_a_picture_needs_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setattr(conftest, "find_spec", lambda _: None)
    with pytest.raises(ArgumentTypeError, match="needs matplotlib"):
        conftest.report(str(tmp_path / "report.svg"))
