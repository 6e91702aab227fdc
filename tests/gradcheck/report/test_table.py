"""The table of many checks."""

from scratchcnn.gradcheck.report.table import as_markdown, as_text


def test_without_checks_there_is_no_table():
    assert as_markdown("Gradients", []) == "## Gradients\n\n0 of 0 right\n\n"
    assert as_text([]).splitlines()[-1] == "0 of 0 right"
