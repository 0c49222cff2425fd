"""`aispend close` of Google's bill: by usage day and by invoice month, and what moves between the two."""

import json
import shutil
from datetime import UTC, date, datetime

import pytest

from aispend_pipeline.model import Window

from ..closing.october import OCTOBER, SETTLED, Books, charge, exported, october, without_rate
from ..service.world import StandingClock
from ..warehouse.conftest import empty_store as empty_store
from .conftest import Shell
from .test_close import lines, row

SEPTEMBER_30, NOVEMBER_1 = date(2026, 9, 30), date(2026, 11, 1)
# What October's invoice rests on, and the month before it.
ALL = Window(date(2026, 9, 1), NOVEMBER_1)
TABLE = {
    "GCP_BQ_PROJECT": "finops",
    "GCP_BQ_DATASET": "billing",
    "GCP_BQ_TABLE": "gcp_billing_export_v1_01AAAA_BBBBBB_CCCCCC",
}
CUSTOMER = "0155AA-2B7C91-000042"
EURO = {"currency": "EUR", "gross_nanos": "9000000000", "gross_usd_nanos": "10000000000"}


@pytest.fixture
def shell(empty_store, tmp_path) -> Shell:
    """A shell with a billing export and an empty store, on the sixth of November."""
    shell = Shell(tmp_path, TABLE, StandingClock(SETTLED))
    shutil.copytree(empty_store, shell.home)
    return shell


@pytest.fixture
def books(shell) -> Books:
    return Books(shell.home, shell.clock)


def account(shell: Shell, name: str = "default") -> dict:
    body = json.loads(shell.run("close", "2026-10", "--format", "json").out)
    return next(one for one in body["accounts"] if one["account"] == name)


def test_an_invoice_is_held_against_what_google_says_is_on_it(shell, books):
    books.book(
        exported(
            ALL,
            charge(SEPTEMBER_30, "4.00", "202609"),
            charge(SEPTEMBER_30, "0.50", "202610", sku_id="late"),
            charge(october(1), "2.00", "202609"),
            charge(october(1), "30.00", "202610", credit="-5.00"),
            charge(october(31), "60.00", "202610", credit="-1.00"),
            charge(NOVEMBER_1, "8.00", "202610"),
            charge(NOVEMBER_1, "7.00", "202611"),
        )
    )

    done = shell.run("close", "2026-10", "--invoice", "vertex=92.50")

    assert (done.code, done.err) == (0, "")
    assert row(done, "vertex", "default") == ["settled", "86.00", "-6.00", "92.50"]
    assert "invoice of vertex default: 92.50 USD, billed 92.50 USD: ties" in done.out
    assert lines(done, "moved") == [
        "vertex default: 2.00 USD in 1 row of the month's days, on the invoice of 2026-09",
        "vertex default: 8.00 USD in 1 row of days after the month, on this invoice",
        "vertex default: 0.50 USD in 1 row of days before the month, on this invoice",
    ]
    assert lines(done, "not read") == []
    found = account(shell)
    assert found["moved"] == [
        {"used": "in", "invoice_month": "2026-09", "rows": 1, "usd": "2.00"},
        {"used": "after", "invoice_month": "2026-10", "rows": 1, "usd": "8.00"},
        {"used": "before", "invoice_month": "2026-10", "rows": 1, "usd": "0.50"},
    ]
    assert [found[name]["usd"] for name in ("by_usage_day", "by_invoice_month")] == ["86.00", "92.50"]


def test_an_invoice_by_usage_days_does_not_tie(shell, books):
    books.book(exported(ALL, charge(october(1), "2.00", "202609"), charge(october(2), "3.00")))

    assert shell.run("close", "2026-10", "--invoice", "vertex=5.00").code == 1
    assert shell.run("close", "2026-10", "--invoice", "vertex=3.00").code == 0


def test_a_month_that_the_export_has_not_reached_the_end_of_is_open(shell, books):
    books.book(exported(ALL, charge(october(2), "3.00"), known=Window(ALL.first, october(29))))

    done = shell.run("close", "2026-10")

    assert (done.code, row(done, "vertex", "default")[:2]) == (1, ["open", "3.00"])
    why = "the provider did not answer for all of this day"
    assert lines(done, "open") == [f"vertex default: 3 days not_due: 2026-10-30..2026-11-01 ({why})"]


def test_googles_month_ends_hours_into_the_next_one_so_that_its_first_day_counts_too(shell, books):
    books.book(exported(Window(ALL.first, october(31)), charge(october(2), "3.00")))

    done = shell.run("close", "2026-10")

    assert (done.code, row(done, "vertex", "default")[0]) == (1, "open")
    assert lines(done, "open") == ["vertex default: 1 day not_due: 2026-11-01 (never asked for)"]


def test_a_first_of_the_next_month_that_was_read_early_leaves_it_provisional(shell, books):
    books.book(exported(ALL, charge(october(2), "3.00"), at=datetime(2026, 11, 3, 12, tzinfo=UTC)))

    done = shell.run("close", "2026-10")

    assert (done.code, row(done, "vertex", "default")[0]) == (1, "provisional")
    assert lines(done, "provisional")[0].startswith("vertex default: 1 day: 2026-11-01 (")


def test_days_of_the_month_before_that_were_not_read_are_said_since_their_late_charges_are_missing(shell, books):
    books.book(exported(Window(date(2026, 9, 11), NOVEMBER_1), charge(october(2), "3.00")))

    done = shell.run("close", "2026-10")

    assert (done.code, row(done, "vertex", "default")[0]) == (0, "settled")
    assert lines(done, "not read") == [
        "vertex default: 2026-09-01..2026-09-10, so that what this invoice has of these days is missing"
    ]
    assert account(shell)["not_read_before"] == [{"from": "2026-09-01", "to": "2026-09-10"}]


def test_what_was_billed_in_another_currency_is_told_as_the_invoice_has_it(shell, books):
    customer = exported(ALL, charge(october(2), "10.00", **EURO), charge(NOVEMBER_1, "10.00", **EURO), account=CUSTOMER)
    odd = exported(ALL, charge(october(2), "3.00"), without_rate(october(3), "2.5", "CHF"), beside=[CUSTOMER])
    books.book(customer, odd)

    done = shell.run("close", "2026-10", "--invoice", f"vertex/{CUSTOMER}=20", "--invoice", "vertex=23.00")

    assert done.code == 0
    assert row(done, "vertex", CUSTOMER) == ["settled", "10.00", "0.00", "20.00"]
    assert lines(done, "converted at Google's rates") == [f"vertex {CUSTOMER}: 9.00 EUR billed, 18.00 EUR on invoice"]
    assert lines(done, "not converted and not in the total") == ["vertex default: 2.50 CHF"]
    assert account(shell)["by_invoice_month"]["unconverted"] == [{"currency": "CHF", "amount": "2.50"}]


def test_an_account_of_which_nothing_is_in_dollars_has_none(shell, books):
    books.book(exported(ALL, without_rate(october(3), "2.5", "CHF")))

    done = shell.run("close", "2026-10", "--invoice", "vertex=2.50")

    assert done.code == 1
    assert row(done, "vertex", "default") == ["settled", "not", "in", "USD", "0.00", "not", "in", "USD"]
    assert lines(done, "invoice of vertex default") == ["2.50 USD: not compared, since not all of it was read in USD"]


def test_an_account_that_has_left_its_table_is_settled_by_what_the_table_holds(shell, books):
    early = Window(ALL.first, october(12))
    books.book(exported(early, charge(october(2), "10.00"), account=CUSTOMER, at=datetime(2026, 10, 20, tzinfo=UTC)))
    books.book(exported(ALL, charge(october(2), "3.00")))

    done = shell.run("close", "2026-10")

    assert done.code == 0
    assert row(done, "vertex", CUSTOMER)[:2] == ["settled", "10.00"]


def test_an_account_that_is_still_in_its_table_and_was_not_read_is_open(shell, books):
    last = Window(OCTOBER.window.last, NOVEMBER_1)
    books.book(exported(Window(ALL.first, october(12)), charge(october(2), "10.00"), account=CUSTOMER))
    books.book(exported(last, charge(last.first, "10.00"), account=CUSTOMER))
    books.book(exported(ALL, charge(october(2), "3.00"), beside=[CUSTOMER]))

    done = shell.run("close", "2026-10")

    assert (done.code, row(done, "vertex", CUSTOMER)[0]) == (1, "open")
    assert lines(done, "open") == [f"vertex {CUSTOMER}: 18 days not_due: 2026-10-13..2026-10-30 (never asked for)"]


def test_tax_is_told_if_it_is_in_the_total_and_said_to_be_missing_if_it_is_left_out(shell, books):
    books.book(exported(ALL, charge(october(2), "3.00"), charge(october(31), "0.57", cost_type="tax", sku_id="tax")))

    done = shell.run("close", "2026-10", GCP_INCLUDE_TAX="true")

    assert row(done, "vertex", "default")[1] == "3.57"
    assert lines(done, "tax in it, of all services") == ["vertex default: 0.57 USD"]
    assert not [line for line in lines(done, "not in it") if "tax" in line]
    assert "vertex default: tax: GCP_INCLUDE_TAX=true counts it, that of all services" in lines(
        shell.run("close", "2026-10"), "not in it"
    )


def test_what_google_restated_since_the_month_ended_is_told(shell, books):
    books.book(exported(ALL, charge(october(2), "3.00"), at=datetime(2026, 11, 4, tzinfo=UTC)))
    books.book(exported(ALL, charge(october(2), "3.00"), charge(october(2), "-1.25", sku_id="correction")))

    done = shell.run("close", "2026-10")

    assert lines(done, "restated")[0] == "vertex default: 1 change since the month ended, -1.25 USD in all"
    assert account(shell)["restatements"]["net_usd"] == "-1.25"
