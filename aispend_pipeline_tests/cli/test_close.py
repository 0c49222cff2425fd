"""`aispend close`: how final a month is and why, and whether the invoices tie, of OpenAI and Anthropic."""

import json
import re
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from aispend_pipeline.model import Window

from ..closing.october import OCTOBER, SETTLED, Books, days, dollars, october
from ..service.world import StandingClock
from ..warehouse.books import ANTHROPIC_USAGE, billed, charge, messages, used
from ..warehouse.building import complete, failed, line
from ..warehouse.conftest import empty_store as empty_store
from .conftest import KEY, KEY_EU, Result, Shell, one_line
from .test_screen import on_terminal

MONTH = OCTOBER.window
ANTHROPIC_KEY = "sk-ant-admin01-close"


@pytest.fixture
def shell(empty_store, tmp_path) -> Shell:
    """A shell with OpenAI's key and an empty store, on the sixth of November."""
    shell = Shell(tmp_path, {"OPENAI_API_KEY": KEY}, StandingClock(SETTLED))
    shutil.copytree(empty_store, shell.home)
    return shell


@pytest.fixture
def books(shell) -> Books:
    return Books(shell.home, shell.clock)


def exact(shell: Shell, *options: str) -> tuple[int, dict]:
    done = shell.run("close", "2026-10", "--format", "json", *options)
    assert done.err == ""
    return done.code, json.loads(done.out)


def account(shell: Shell, name: str = "default", provider: str = "openai") -> dict:
    """What JSON has of one account."""
    found = exact(shell)[1]["accounts"]
    return next(one for one in found if (one["provider"], one["account"]) == (provider, name))


def lines(done: Result, kind: str) -> list[str]:
    return [line.removeprefix(f"{kind}: ") for line in done.out.splitlines() if line.startswith(f"{kind}: ")]


def row(done: Result, *keys: str) -> list[str]:
    """The figures of an account's row: how final it is, billed, credits, on invoice."""
    rows = [line.split() for line in done.out.splitlines()]
    return next(cells[len(keys) :] for cells in rows if tuple(cells[: len(keys)]) == keys)


def test_a_month_of_which_every_day_was_read_late_enough_is_settled(shell, books):
    books.book(complete(dollars(), at=SETTLED))

    done = shell.run("close", "2026-10", "--invoice", "openai=31.00")

    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "close of 2026-10 (UTC), USD net of credits, as of 2026-11-06T09:30:00Z"
    assert row(done, "openai", "default") == ["settled", "31.00", "0.00", "31.00"]
    assert "invoice of openai default: 31.00 USD, billed 31.00 USD: ties" in done.out.splitlines()
    assert account(shell)["unsettled"] == lines(done, "open") == lines(done, "provisional") == []


def test_a_month_of_which_the_last_days_were_read_early_is_provisional(shell, books):
    early = datetime(2026, 11, 1, 12, tzinfo=UTC)
    books.book(complete(dollars(), at=early))

    done = shell.run("close", "2026-10")

    assert done.code == 1
    assert row(done, "openai", "default")[0] == "provisional"
    why = "over for less than 48 hours when they were read"
    assert lines(done, "provisional") == [f"openai default: 2 days: 2026-10-30..2026-10-31 ({why})"]
    assert account(shell)["unsettled"] == [
        {
            "finality": "provisional",
            "source": "openai_costs",
            "how": "provisional",
            "why": why,
            "days": [days(30, 31)],
        }
    ]


def test_a_day_that_could_not_be_read_again_is_provisional_and_says_why(shell, books):
    books.book(complete(dollars(), at=SETTLED))
    books.book(failed(Window(october(7), october(8)), at=SETTLED))

    done = shell.run("close", "2026-10")

    assert done.code == 1
    assert lines(done, "provisional") == [
        "openai default: 2 days not read again: 2026-10-07..2026-10-08 (answered 500)",
    ]


def test_missing_failed_and_odd_days_leave_a_month_open_and_are_named(shell, books):
    books.book(complete(dollars(1, 9), at=SETTLED))
    books.book(failed(Window(october(10), october(12)), at=SETTLED))
    books.book(complete({october(13): [line("1.00"), line(None)]}, faulty=[october(13)], at=SETTLED))
    books.book(complete(dollars(16, 19), at=SETTLED), complete(dollars(22, 31), at=SETTLED))

    done = shell.run("close", "2026-10")

    assert done.code == 1
    assert row(done, "openai", "default")[:2] == ["open", "24.00"]
    assert lines(done, "open") == [
        "openai default: 3 days failed: 2026-10-10..2026-10-12 (answered 500)",
        "openai default: 4 days not_due: 2026-10-14..2026-10-15, 2026-10-20..2026-10-21 (never asked for)",
        "openai default: 1 day partial: 2026-10-13 (some records cannot be understood)",
    ]
    (missing,) = [one for one in account(shell)["unsettled"] if one["how"] == "not_due"]
    assert missing["days"] == [days(14, 15), days(20, 21)]


def test_a_day_that_was_read_only_while_it_was_running_leaves_a_month_open(shell, books):
    books.book(complete(dollars(1, 30), at=SETTLED))
    books.book(complete(dollars(31, 31), at=datetime(2026, 10, 31, 18, tzinfo=UTC)))

    done = shell.run("close", "2026-10")

    assert (done.code, row(done, "openai", "default")[0]) == (1, "open")
    assert lines(done, "open") == ["openai default: 1 day read before they were over: 2026-10-31"]


def test_the_running_month_is_open_and_its_days_to_come_are_named(shell, books):
    shell.clock.instant = datetime(2026, 10, 20, 9, tzinfo=UTC)
    books.book(complete(dollars(1, 19), at=shell.clock.instant), complete(dollars(20, 20), at=shell.clock.instant))

    done = shell.run("close", "2026-10", "--invoice", "openai=20")

    assert done.code == 1
    assert row(done, "openai", "default")[:2] == ["open", "20.00"]
    assert lines(done, "open") == ["openai default: 12 days not over: 2026-10-20..2026-10-31"]
    assert "billed 20.00 USD: ties" in done.out


def test_a_month_of_which_nothing_was_read_has_no_figure(shell):
    done = shell.run("close", "2026-10", "--invoice", "openai=5")

    assert done.code == 1
    assert row(done, "openai", "default") == ["open", "not", "read", "not", "read"]
    assert lines(done, "open") == ["openai default: 31 days not_due: 2026-10-01..2026-10-31 (never asked for)"]
    assert lines(done, "invoice of openai default") == ["5.00 USD: not compared, since not all of it was read in USD"]
    body = exact(shell, "--invoice", "openai=5")[1]
    assert body["accounts"][0]["by_usage_day"] is body["accounts"][0]["by_invoice_month"] is None
    assert body["invoices"][0] == {
        "provider": "openai",
        "account": None,
        "accounts": ["default"],
        "invoice_usd": "5.00",
        "billed_usd": None,
        "difference_usd": None,
        "ties": False,
    }


def test_where_no_account_is_known_of_a_month_that_is_said(shell, books):
    books.book(complete(dollars(), at=SETTLED))

    done = shell.run("close", "2026-09", OPENAI_API_KEY="")

    assert done.code == 1
    assert one_line(done.out).startswith("nothing of 2026-09 was read; set OPENAI_API_KEY, ")
    assert done.out.rstrip().endswith("and run: aispend ingest --from 2026-09-01 --to 2026-09-30")


def test_before_anything_was_read_that_is_one_line(tmp_path):
    done = Shell(tmp_path, {"OPENAI_API_KEY": KEY}).run("close", "2026-10")

    assert (done.code, done.out) == (1, "")
    assert one_line(done.err).endswith("nothing was read yet; run: aispend ingest")


def test_an_account_that_is_configured_no_more_is_closed_by_what_was_read(shell, books):
    books.book(complete(dollars(), at=SETTLED), complete(dollars(usd="2.00"), account="eu", at=SETTLED))
    books.book(complete({date(2026, 9, 30): [line("5")]}, account="older", at=SETTLED))

    done = shell.run("close", "2026-10", "--invoice", "openai=93")

    assert done.code == 0
    assert row(done, "openai", "eu")[:2] == ["settled", "62.00"]
    assert row(done, "total") == ["93.00", "0.00", "93.00"]
    assert "older" not in done.out


class TestInvoices:
    @pytest.fixture(autouse=True)
    def billed(self, books):
        """31.001031 USD of `default`, 62.00 of `eu`."""
        of_default = complete(dollars(usd="1.000001") | {october(9): [line("1.001001")]}, at=SETTLED)
        books.book(of_default, complete(dollars(usd="2.00"), account="eu", at=SETTLED))

    def test_all_that_tie_by_their_rounding(self, shell):
        invoices = ("openai=93.00", "openai/default=31.00", "openai/eu=62")
        done = shell.run("close", "2026-10", *(part for one in invoices for part in ("--invoice", one)))

        assert done.code == 0
        assert [line for line in done.out.splitlines() if line.startswith("invoice of ")] == [
            "invoice of openai default and eu: 93.00 USD, billed 93.00 USD: ties",
            "invoice of openai default: 31.00 USD, billed 31.00 USD: ties",
            "invoice of openai eu: 62.00 USD, billed 62.00 USD: ties",
        ]

    @pytest.mark.parametrize(("invoice", "by"), [("30.50", "-0.50"), ("31.02", "0.02"), ("1031.00", "1,000.00")])
    def test_one_that_differs(self, shell, invoice, by):
        done = shell.run("close", "2026-10", "--invoice", f"openai/default={invoice}")

        assert done.code == 1
        said = f"billed 31.00 USD: differs by {by} USD (invoice minus billed)"
        assert [line for line in done.out.splitlines() if said in line]

    def test_json_has_every_digit(self, shell):
        code, body = exact(shell, "--invoice", "openai/default=30.50", "--invoice", "openai=93.00")

        assert code == 1
        assert [one["by_usage_day"]["usd"] for one in body["accounts"]] == ["31.001031", "62.00"]
        assert [(one["billed_usd"], one["difference_usd"], one["ties"]) for one in body["invoices"]] == [
            ("31.001031", "-0.501031", False),
            ("93.001031", "-0.001031", True),
        ]
        assert body["accounts"][0]["by_usage_day"] == body["accounts"][0]["by_invoice_month"]
        asked = ("--from", str(MONTH.first), "--to", str(MONTH.last), "--format", "json", "--group-by", "account")
        spent = json.loads(shell.run("spend", *asked).out)
        assert spent["total_usd"] == body["invoices"][1]["billed_usd"]
        assert (body["month"], body["currency"], body["as_of"]) == ("2026-10", "USD", spent["as_of"])

    @pytest.mark.parametrize(
        ("invoices", "said"),
        [
            (["opnai=1"], "--invoice 'opnai=1': opnai is none of openai, anthropic, vertex"),
            (["openai/us=1"], "--invoice openai/us: is of no account; openai has the accounts default, eu"),
            (["vertex=1"], "--invoice vertex: is of no account; nothing of vertex is read"),
            (["openai=1", "openai=2"], "--invoice 'openai=2': the one of openai is given twice"),
            (["openai=ten"], "--invoice 'openai=ten': ten is not a plain amount of US dollars"),
        ],
    )
    def test_one_of_nothing_is_wrong_use(self, shell, invoices, said):
        done = shell.run("close", "2026-10", *(part for one in invoices for part in ("--invoice", one)))

        assert (done.code, done.out) == (2, "")
        assert one_line(done.err).startswith(said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2026-13"], "'2026-13' is not a month written YYYY-MM, for example aispend close 2026-10"),
        (["2026-1"], "'2026-1' is not a month"),
        (["october"], "'october' is not a month"),
        (["2026-10-01"], "'2026-10-01' is not a month"),
        (["2026-12"], "2026-12 is still to come: today is 2026-11-06 (UTC)"),
        (["2023-12"], "2023-12 is before 2024-01, the first month there is"),
        (["2026-10", "--format", "csv"], "--format 'csv' is none of table, json"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_wrong_use(shell, arguments, said):
    done = shell.run("close", *arguments)

    assert (done.code, done.out) == (2, "")
    assert one_line(done.err).startswith(said)


@pytest.mark.long
def test_what_was_restated_since_the_month_ended_is_said_newest_first(shell, books):
    shell.clock.instant = datetime(2026, 10, 30, 9, tzinfo=UTC)
    books.book(complete(dollars(1, 29, "5.00"), at=shell.clock.instant))
    shell.clock.instant = datetime(2026, 10, 31, 9, tzinfo=UTC)
    books.book(complete(dollars(1, 29), at=shell.clock.instant))
    answers = []
    for hour in range(7):
        shell.clock.instant = SETTLED + timedelta(hours=hour)
        answers.append(complete(dollars() | {october(3): [line(f"{2 + hour}.50")]}, at=shell.clock.instant))
        books.book(answers[-1])

    done = shell.run("close", "2026-10")

    said = lines(done, "restated")
    assert said[0] == "openai default: 7 changes since the month ended, 7.50 USD in all"
    assert said[1] == "openai default: 2026-10-03 gpt-4o: was 7.50, is 8.50 USD since 2026-11-06 15:30 UTC"
    assert len(said) == 6
    restated = account(shell)["restatements"]
    assert (restated["count"], restated["net_usd"], len(restated["newest"])) == (7, "7.50", 7)
    assert [one["is_usd"] for one in restated["newest"]] == [f"{8 - n}.50" for n in range(7)]
    assert [one["fetch_id"] for one in restated["newest"]] == [answer.fetch_id for answer in reversed(answers)]


def test_credits_are_in_the_total_and_told(shell, books):
    books.book(complete(dollars() | {october(4): [line("10"), line("-2.25", "o3")]}, at=SETTLED))

    done = shell.run("close", "2026-10")

    assert row(done, "openai", "default") == ["settled", "37.75", "-2.25", "37.75"]
    assert account(shell)["by_usage_day"]["credits_usd"] == "-2.25"


def test_money_without_a_rate_is_listed_and_never_added(shell, books):
    odd = [line("1.00"), line("7.25", currency="eur"), line("0.5", currency="chf"), line("1", currency="eur")]
    books.book(complete(dollars() | {october(4): odd}, at=SETTLED))

    done = shell.run("close", "2026-10")

    assert row(done, "openai", "default")[1] == "31.00"
    kind = "not converted and not in the total"
    assert lines(done, kind) == ["openai default: 0.50 CHF", "openai default: 8.25 EUR"]
    assert account(shell)["by_usage_day"]["unconverted"] == [
        {"currency": "CHF", "amount": "0.50"},
        {"currency": "EUR", "amount": "8.25"},
    ]


def test_anthropics_tiers_that_no_bill_lists_are_said_with_their_tokens(shell, books):
    books.book(billed({day: [charge("100")] for day in MONTH.days()}, at=SETTLED))
    tiers = [
        messages("claude-sonnet-4-5", 1000 * n, n, service_tier=tier) for n, tier in ((1, "flex"), (2, "priority"))
    ]
    outside = {date(2026, 11, 1): tiers}
    books.book(used({october(5): tiers, october(6): tiers} | outside, ANTHROPIC_USAGE, at=SETTLED))

    done = replace(shell, settings={"ANTHROPIC_API_KEY": ANTHROPIC_KEY}).run("close", "2026-10")

    assert done.code == 0
    assert lines(done, "not priced by the bill") == [
        "anthropic default: 2,002 tokens of tier flex",
        "anthropic default: 4,004 tokens of tier priority",
    ]
    assert "Priority Tier" in " ".join(lines(done, "not in it"))


def test_what_a_source_never_has_is_said_once_for_all_its_accounts(shell, books):
    books.book(complete(dollars(), at=SETTLED), complete(dollars(), account="eu", at=SETTLED))

    done = shell.run("close", "2026-10", OPENAI_API_KEY__EU=KEY_EU, OPENAI_PROJECT_ID__EU="proj_1")

    said = lines(done, "not in it")
    assert "openai default, eu: tax, purchases of prepaid credits, seats of ChatGPT, and all of Azure OpenAI" in said
    (projects,) = [line for line in said if "OPENAI_PROJECT_ID" in line]
    assert projects.startswith("openai eu: projects that OPENAI_PROJECT_ID__EU does not name")


def test_days_that_could_not_be_checked_are_told_and_leave_the_month_settled(shell, books):
    unread = {"control_unreadable": [str(october(2)), str(october(3))]}
    books.book(complete(dollars(), at=SETTLED, detail=unread))

    done = shell.run("close", "2026-10")

    assert done.code == 0
    assert lines(done, "not checked") == ["openai default: 2 days could not be held against the provider's own sum"]
    assert account(shell)["unchecked"] == ["2026-10-02", "2026-10-03"]


@pytest.mark.long
@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_gets_every_figure_whole(shell, books, columns):
    may = Window(date(2024, 5, 1), date(2024, 5, 31))  # on the system's clock it is long over
    books.book(complete({day: [line("12345.67")] for day in may.days()}, at=SETTLED))

    seen = on_terminal(shell, columns, "close", "2024-05", "--invoice", "openai=382715.77")
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)

    assert max(map(len, plain.splitlines())) <= columns
    assert plain.count("382,715.77") >= 4
