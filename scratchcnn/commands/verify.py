"""The command `verify`: it checks every derivative, or puts the published gradient on trial."""

import argparse
import sys
import unicodedata
from pathlib import Path
from typing import Any

from scratchcnn.commands.terminal import collect, jobs, path_ending_in, refuse_no_jobs, refuse_unwritable, seed, write


def add(commands: Any) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        The commands.
    """
    verify = commands.add_parser(
        "verify",
        help="check every derivative on real digits (the default)",
        description="Check every derivative of the article's network on 200 real digits, and every operation.",
    )
    verify.add_argument("--seed", type=seed, default=0, help="draws parameters and inputs (default: %(default)s)")
    verify.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="only the rows of this name, as the table has it (de/dw will do for ∂E/∂W); may be given several times",
    )
    verify.add_argument(
        "--published",
        action="store_true",
        help="put the gradient of the article's code on trial instead: how it lies to the derivative, cause by cause",
    )
    verify.add_argument(
        "--jobs",
        type=jobs,
        metavar="N",
        help="check N rows at a time, in processes of their own (needs the extra `jobs`; default: 2 in threads)",
    )
    verify.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON, too")
    verify.add_argument(
        "--report",
        type=path_ending_in(".html"),
        metavar="FILE.html",
        help="write a page with pictures of every derivative, too (needs the extra `report`)",
    )
    verify.set_defaults(command=_verify, fail=verify.error)


def _verify(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    refuse_no_jobs(options)
    if options.published:
        return _put_on_trial(options)
    from scratchcnn.commands.checks import all_checks
    from scratchcnn.commands.rows import run_all
    from scratchcnn.commands.tables import print_rows, rows_as_json
    from scratchcnn.gradcheck import Verdict

    checks = all_checks(options.seed)
    names = {_plain(check.name): check.name for check in checks}
    unknown = [name for name in options.only if _plain(name) not in names]
    if unknown:
        options.fail(f"--only: no row named {', '.join(unknown)}; there are: {', '.join(names.values())}")
    wanted = {_plain(name) for name in options.only} or names.keys()
    checks = [check for check in checks if _plain(check.name) in wanted]
    refuse_unwritable(options, options.json)
    _refuse_no_page(options)

    rows = collect(run_all(checks, options.jobs), len(checks), lambda row: f"{row.name} ({row.block})")
    print_rows(rows, sys.stdout)
    if options.json:
        write(options, options.json, rows_as_json(rows))
    if options.report:
        from scratchcnn.commands.page import TITLE, entries
        from scratchcnn.gradcheck.report.page import page

        write(options, options.report, page(TITLE, entries(checks, rows)).encode())
    return 0 if all(row.verdict is Verdict.RIGHT for row in rows) else 1


def _refuse_no_page(options: argparse.Namespace) -> None:
    """End the command, before the work is done, if it cannot make the page that is asked for."""
    if options.report:
        from scratchcnn.gradcheck.report.page import check_installed

        try:
            check_installed()
        except ModuleNotFoundError as error:
            options.fail(f"--report: {error}")
        refuse_unwritable(options, options.report)


def _put_on_trial(options: argparse.Namespace) -> int:
    """Run the trial of the published gradient; return the exit code."""
    from scratchcnn.article.trial import run_trial
    from scratchcnn.commands.tables import print_trial, rows_as_json

    if options.only:
        options.fail("--only chooses from the rows that there are without --published")
    if options.jobs:
        options.fail("--jobs is for the rows that there are without --published")
    refuse_unwritable(options, options.json)
    _refuse_no_page(options)
    count, computed = run_trial(options.seed, explained=options.report is not None)
    rows = collect(computed, count, lambda row: row.name)
    print_trial(rows, sys.stdout)
    if options.json:
        write(options, options.json, rows_as_json(rows))
    if options.report:
        from scratchcnn.commands.page import TRIAL_TITLE
        from scratchcnn.gradcheck.report.page import page

        shown = (entry for row in rows for entry in row.entries)
        write(options, options.report, page(TRIAL_TITLE, shown).encode())
    return 0 if all(row.as_expected for row in rows) else 1


def _plain(name: str) -> str:
    """Spell a row's name in ASCII and lower case: ∂Ẑ2/∂Z2 becomes dz2/dz2."""
    letters = unicodedata.normalize("NFKD", name.replace("∂", "d"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).lower()
