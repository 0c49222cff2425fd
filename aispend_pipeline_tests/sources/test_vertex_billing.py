"""The billing export, read whole: whose lines they are, which days are known, what comes late, what goes wrong."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain, combinations

import pytest
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from aispend_pipeline.caps.known import configured
from aispend_pipeline.errors import ErrorClass
from aispend_pipeline.model import CoverageState, FetchState, Window
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.google import samples_bigquery
from aispend_pipeline.sources.http import Limits
from aispend_pipeline.sources.vertex_billing import names_of
from aispend_pipeline.tick import due_now
from aispend_pipeline.warehouse.status import same_billing_accounts

from .google_world import EXPECTED, JOBS, LINES, NOW, ROWS, TOKEN, WINDOW, environment, grown, sample, world, written
from .scripted import FakeClock

OTHERS = ["01DDDD-EEEEEE-000002", "01EEEE-FFFFFF-000001"]
COMPLETE, NOT_DUE, FAILED = CoverageState.COMPLETE, CoverageState.NOT_DUE, CoverageState.FAILED
QUICK = Limits(first_wait_seconds=0.01, attempts=3)
FIRST = json.loads(ROWS.read_text().splitlines()[0])
# Every line is rounded to a billionth, once.
CLOSE = Decimal("0.000000002")


def close(usd: Decimal, expected: str) -> bool:
    return abs(usd - Decimal(expected)) <= CLOSE


class TestTheSample:
    @pytest.mark.parametrize("mode", ["ingestion", "export_time", "none"])
    def test_comes_to_what_it_should_in_every_partition_mode(self, home, mode):
        partitioned = {"ingestion": "ingestion", "export_time": "export_time", "none": "view"}[mode]
        app = samples_bigquery(ROWS, FakeClock(NOW), rows_a_page=50, partitioned=partitioned)
        with world(home, app, GCP_BQ_PARTITION_MODE=mode) as made:
            fetches = made.read()
            assert [fetch.state for fetch in fetches] == [FetchState.COMPLETE] * 3
            answer = made.answer(WINDOW, "day")
            assert answer.complete
            assert close(answer.total_usd, EXPECTED["total_usd"])
            by_day = {str(row.keys["day"]): row.usd for row in answer.rows}
            assert by_day.keys() == EXPECTED["by_day_usd"].keys()
            assert all(close(usd, EXPECTED["by_day_usd"][day]) for day, usd in by_day.items())

    def test_every_billing_account_is_an_account(self, home):
        with world(home) as made:
            made.read()
            found = {row.keys["account"]: row.usd for row in made.answer(WINDOW, "account").rows}
            assert sorted(found) == [*OTHERS, "default"]
            assert {made.feed(name).read_as for name in OTHERS} == {"default"}
            assert made.feed().billing_account == "01AAAA-BBBBBB-CCCCCC"

    def test_only_the_billing_accounts_that_are_named_are_read(self, home):
        with world(home, GCP_BILLING_ACCOUNT_ID="01EEEE-FFFFFF-000001") as made:
            made.read()
            assert [row.keys["account"] for row in made.answer(WINDOW, "account").rows] == ["default"]
            assert made.feed().billing_account == "01EEEE-FFFFFF-000001"

    def test_where_nothing_says_whose_the_table_is_every_account_has_its_own_name(self, home):
        clock = FakeClock(NOW)
        app = samples_bigquery(ROWS, clock, table="billing-proj.finance.all_exports")
        with world(home, app, GCP_BQ_DATASET="finance", GCP_BQ_TABLE="all_exports") as made:
            made.read()
            answer = made.answer(WINDOW, "account")
            assert close(answer.total_usd, EXPECTED["total_usd"])
            assert [row.keys["account"] for row in answer.rows] == ["01AAAA-BBBBBB-CCCCCC", *OTHERS]
            assert {state for (account, _), state in made.states().items() if account == "default"} == {COMPLETE}

    @pytest.mark.long
    def test_reading_it_again_changes_nothing(self, home):
        with world(home) as made:
            made.read()
            before = made.rows("SELECT * EXCLUDE (fetch_id, page_id) FROM spend ORDER BY ALL")
            made.read()
            assert made.rows("SELECT * EXCLUDE (fetch_id, page_id) FROM spend ORDER BY ALL") == before
            assert made.rows("FROM restatement") == []

    def test_tax_is_counted_only_if_that_is_asked_for(self, home):
        with world(home, GCP_INCLUDE_TAX="true") as made:
            made.read()
            taxed = made.rows(
                "SELECT sum(amount_usd), any_value(line_item), any_value(model) FROM spend"
                " WHERE charge_category = 'Tax'"
            )
            assert taxed[0][0] > 0
            assert taxed[0][1:] == ("Tax", None)
            with_tax = made.answer().total_usd
        assert close(with_tax - taxed[0][0], EXPECTED["total_usd"])

    def test_a_line_leads_to_the_answer_that_it_came_from(self, home):
        with world(home) as made:
            made.read()
            request, body = made.rows(
                "SELECT request, body FROM spend JOIN page USING (page_id) JOIN body ON body_sha256 = sha256 LIMIT 1"
            )[0]
        asked = json.loads(request)
        assert asked["method"] == "POST"
        assert "GROUP BY" in asked["body"]
        assert ["billing_account_id", "01AAAA-BBBBBB-CCCCCC"] in asked["params"] or "01" in request
        assert body


class TestWhatIsKnown:
    def test_days_that_were_not_exported_are_not_due_and_never_zero(self, home):
        window = Window(date(2026, 11, 18), date(2026, 11, 22))
        with world(home) as made:
            made.read(window)
            own = {day: state for (account, day), state in made.states(window).items() if account == "default"}
            assert [own[day] for day in window.days()] == [COMPLETE, COMPLETE, COMPLETE, COMPLETE, NOT_DUE]
            assert not made.answer(window).complete

    def test_an_account_without_lines_in_a_table_that_lives_has_spent_nothing(self, home):
        window = Window(date(2026, 11, 20), date(2026, 11, 21))
        with world(home) as made:
            made.read(window)
            assert {made.states(window)[name, day] for name in OTHERS for day in window.days()} == {COMPLETE}

    def test_old_days_are_read_of_accounts_that_have_left_and_of_an_export_that_is_dead(self, home):
        with world(home, now=NOW + timedelta(days=30)) as made:
            made.read()
            assert made.answer().complete
            assert close(made.answer().total_usd, EXPECTED["total_usd"])

    @pytest.mark.long
    def test_nothing_is_expected_any_more_of_an_account_that_has_left_the_table(self, home, tmp_path):
        still = written(FIRST, usage_start_time="2026-11-28T10:00:00Z", export_time="2026-11-28T15:00:00Z")
        with world(home) as made:
            made.read()
            made.google.app = samples_bigquery(grown(tmp_path, still), made.clock)
            made.days_later(6)
            made.read(Window(date(2026, 11, 26), date(2026, 11, 28)))
            assert [made.feed(name).gone for name in (*OTHERS, "default")] == [True, True, False]
            assert made.feed(OTHERS[0]).reasons(made.clock.now(), 10_800) == []
            assert [feed.account for feed in configured(made.cursor(), made.settings)] == ["default"]

    def test_an_export_that_is_silent_is_stale_and_its_days_are_not_zero(self, home):
        with world(home) as made:
            made.read(Window(date(2026, 11, 18), date(2026, 11, 22)))
            assert not made.feed().stale(made.clock.now(), 10_800)
            made.days_later(2)
            window = Window(date(2026, 11, 22), date(2026, 11, 24))
            assert [fetch.state for fetch in made.read(window)][-1] is FetchState.COMPLETE
            assert {state for (account, _), state in made.states(window).items() if account == "default"} == {NOT_DUE}
            complaints = [one.text for one in made.feed().reasons(made.clock.now(), 10_800)]
            assert any("stale, last exported at 2026-11-22 16:02 UTC" in line for line in complaints)

    def test_a_table_without_rows_knows_nothing(self, home, tmp_path):
        empty = tmp_path / "empty.jsonl"
        empty.write_text("")
        with world(home, samples_bigquery(empty, FakeClock(NOW))) as made:
            fetches = made.read()
            assert [(fetch.account, fetch.state, fetch.answers) for fetch in fetches] == [
                ("default", FetchState.COMPLETE, [])
            ]
            assert set(made.states().values()) == {NOT_DUE}

    def test_money_without_a_rate_has_no_dollars_and_is_listed(self, home, tmp_path):
        odd = written(FIRST, currency="CHF", currency_conversion_rate=None, cost=2.5)
        none = written(FIRST, currency="CHF", currency_conversion_rate=0.0, cost=0.5)
        with world(home, samples_bigquery(grown(tmp_path, odd, none), FakeClock(NOW))) as made:
            made.read()
            answer = made.answer()
            assert answer.unconverted == [("CHF", Decimal(3))]
            assert close(answer.total_usd, EXPECTED["total_usd"])


@pytest.mark.long
class TestWhatComesLate:
    late = written(FIRST, usage_start_time="2026-11-02T10:00:00Z", usage_end_time="2026-11-02T11:00:00Z", cost=7.25)

    def test_a_day_of_which_a_line_was_exported_is_read_again_however_old_it_is(self, home, tmp_path):
        rows = tmp_path / "rows.jsonl"
        rows.write_bytes(ROWS.read_bytes())
        clock = FakeClock(NOW)
        november = Window(date(2026, 11, 1), date(2026, 11, 22))
        with world(home, samples_bigquery(rows, clock)) as made:
            made.read(november)
            made.days_later(1 / 24)
            late = written(self.late, export_time="2026-11-22T18:30:00Z")
            rows_now = samples_bigquery(grown(tmp_path, late), clock)
            made.google.app = rows_now
            today = Window(date(2026, 11, 20), date(2026, 11, 22))
            fetches = made.read(today)
            assert Window(date(2026, 11, 2), date(2026, 11, 2)) in [fetch.window for fetch in fetches]
            due = [one.window for one in due_now(made.settings, made.clock.now())]
            assert any(date(2026, 11, 2) in window for window in due), "it is to be added up"
            made.add_up(Window(date(2026, 11, 2), date(2026, 11, 2)))
            assert made.answer(Window(date(2026, 11, 2), date(2026, 11, 2))).total_usd == Decimal("7.25")
            made.days_later(0.5)
            assert min(fetch.window.first for fetch in made.read(today)) == today.first, "once is enough"

    def test_the_watermark_stays_until_what_changed_was_read(self, home, tmp_path):
        clock = FakeClock(NOW)
        november = Window(date(2026, 11, 1), date(2026, 11, 22))
        today = Window(date(2026, 11, 22), date(2026, 11, 22))
        with world(home) as made:
            made.read(november)
            made.google.app = samples_bigquery(
                grown(tmp_path, written(self.late, export_time="2026-11-22T18:30:00Z")), clock
            )
            made.days_later(1 / 24)
            made.google.says(LINES, *[sample("bigquery_error_403_quota", 403)] * 20, after=1)
            made.read(today)
            made.google.answers.clear()
            made.read(today)
            made.add_up(november)
            assert made.answer(Window(date(2026, 11, 2), date(2026, 11, 2))).total_usd == Decimal("7.25")

    def test_the_days_that_may_be_corrected_are_due_once_a_day(self, home):
        november = Window(date(2026, 11, 1), date(2026, 11, 22))
        with world(home, AISPEND_START_DATE="2026-11-01") as made:
            made.read(november)
            made.days_later(1)
            asked = {day for one in due_now(made.settings, made.clock.now()) for day in one.window.days()}
            ten_days = {made.clock.now().date() - timedelta(days=days) for days in range(1, 11)}
            assert ten_days <= asked
            assert date(2026, 11, 10) not in asked


def page(**more: object) -> Response:
    """A page of lines that is none."""
    return JSONResponse({"jobComplete": True, "totalRows": "3", "rows": [], **more})


TROUBLES = [
    (TOKEN, [sample("token_error_400_invalid_grant", 400)] * 50, ErrorClass.UNAUTHORIZED, "Invalid JWT"),
    (TOKEN, [Response(status_code=500)] * 50, ErrorClass.CONNECT, "token endpoint"),
    (JOBS, [sample("bigquery_error_403_access_denied", 403)] * 5, ErrorClass.UNAUTHORIZED, "docs/providers.md"),
    (JOBS, [sample("bigquery_error_404_table", 404)] * 5, ErrorClass.REJECTED, "set GCP_BQ_TABLE"),
    (JOBS, [sample("bigquery_error_403_quota", 403)] * 5, ErrorClass.RATE_LIMITED, "quota exceeded"),
    (JOBS, [sample("bigquery_job_bytes_billed_limit")], ErrorClass.REJECTED, "raise GCP_BQ_MAX_BYTES_BILLED"),
    (LINES, [Response(status_code=500)] * 50, ErrorClass.SERVER_ERROR, "500"),
    (LINES, [HTMLResponse("<html>sign in</html>")] * 50, ErrorClass.UNEXPECTED_CONTENT, "no JSON object"),
    (LINES, [RedirectResponse("http://127.0.0.1:9/")] * 50, ErrorClass.REDIRECT, "redirects are not followed"),
    (LINES, [Response(b"{")] * 50, ErrorClass.MALFORMED, "broken JSON"),
    (LINES, [page()] * 50, ErrorClass.UNEXPECTED_CONTENT, "0 rows came, of 3"),
    (LINES, [page(pageToken="again", rows=[{"f": [{"v": "x"}] * 3}])] * 50, ErrorClass.CURSOR_LOOP, "cursor loop"),
    (LINES, [page(rows="abc")] * 50, ErrorClass.SCHEMA, "shape"),
]


class TestWhatGoesWrong:
    def test_nothing_becomes_visible_and_a_person_is_told_why(self, home):
        """One after the other, and then all is well."""
        with world(home) as made:
            for part, answers, error_class, words in TROUBLES:
                made.google.says(part, *answers)
                failed = made.read(limits=QUICK, adding=False)[-1]
                assert (failed.state, failed.error_class) == (FetchState.FAILED, error_class), failed.error
                assert words in failed.error
                assert "\n" not in failed.error
                made.google.answers.clear()
            made.add_up()
            assert made.rows("FROM spend") == []
            assert set(made.states().values()) == {FAILED}
            made.read()
            assert set(made.states().values()) == {COMPLETE}
            assert close(made.answer().total_usd, EXPECTED["total_usd"])

    @pytest.mark.parametrize(
        "answers",
        [
            [Response(status_code=503), Response(status_code=502)],
            [sample("bigquery_error_403_rate_limit", 403)],
            [Response(b"", 429, {"retry-after": "1"})],
        ],
    )
    def test_what_passes_is_waited_for(self, home, answers):
        with world(home) as made:
            made.google.says(LINES, *answers)
            fetches = made.read()
            assert [fetch.state for fetch in fetches] == [FetchState.COMPLETE] * 3
            assert len(made.clock.waits) == len(answers)

    def test_a_job_that_a_lost_attempt_had_begun_is_found(self, home):
        async def heard_and_not_answered(receive, send):
            """The job is begun, and the connection breaks off before that is said."""
            await made.google.app(made.google.newest, receive, _nobody)
            raise ConnectionResetError

        with world(home) as made:
            made.google.says(JOBS, heard_and_not_answered)
            assert [fetch.state for fetch in made.read()] == [FetchState.COMPLETE] * 3
            assert close(made.answer().total_usd, EXPECTED["total_usd"])

    @pytest.mark.long
    def test_silence_is_bounded(self, home):
        async def silence(receive, send):
            await asyncio.sleep(5)

        with world(home) as made:
            made.google.says(LINES, *[silence] * 5)
            hasty = Limits(attempt_seconds=0.3, attempts=1)
            assert made.read(limits=hasty)[-1].error_class == ErrorClass.TIMEOUT

    def test_a_page_that_is_too_large_is_no_answer(self, home):
        with world(home) as made:
            assert made.read(limits=Limits(page_bytes=2000))[-1].error_class == ErrorClass.TOO_LARGE

    def test_more_pages_than_there_may_be_are_no_answer(self, home):
        app = samples_bigquery(ROWS, FakeClock(NOW), rows_a_page=10)
        with world(home, app) as made:
            assert made.read(limits=Limits(pages=3))[-1].error_class == ErrorClass.TOO_MANY_PAGES

    def test_a_token_that_runs_out_between_pages_is_replaced(self, home):
        app = samples_bigquery(ROWS, FakeClock(NOW), rows_a_page=20)
        with world(home, app) as made:
            made.google.says(LINES, sample("error_401_unauthenticated", 401), after=4)
            assert [fetch.state for fetch in made.read()] == [FetchState.COMPLETE] * 3
            assert close(made.answer().total_usd, EXPECTED["total_usd"])
            assert made.google.app.state.tokens.issued >= 1

    def test_a_view_without_partitions_says_what_to_set(self, home):
        with world(home, samples_bigquery(ROWS, FakeClock(NOW), partitioned="view")) as made:
            assert "set GCP_BQ_PARTITION_MODE=none or export_time" in made.read()[-1].error

    def test_one_billing_account_fails_alone(self, home):
        with world(home) as made:
            made.google.says(LINES, *[sample("bigquery_error_403_quota", 403)] * 1, after=2)
            states = {fetch.account: fetch.state for fetch in made.read(limits=QUICK)}
            assert sorted(states.values()) == [FetchState.COMPLETE, FetchState.COMPLETE, FetchState.FAILED]

    def test_no_secret_is_ever_written_down(self, home, capsys):
        with world(home) as made:
            made.google.says(LINES, sample("error_401_unauthenticated", 401), *[Response(status_code=500)] * 9)
            made.read(limits=QUICK)
            made.google.answers.clear()
            made.read()
            secrets = ("ya29.", "PRIVATE KEY", json.loads(made.environment["GCP_SA_JSON"])["private_key"][40:90])
        said = capsys.readouterr()
        kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
        assert not any(secret in said.out + said.err or secret.encode() in kept for secret in secrets)


async def _nobody(message):
    """Whatever is sent is lost."""


def test_a_window_of_the_future_has_no_figures(home):
    with world(home, now=datetime(2026, 11, 16, 9, tzinfo=UTC)) as made:
        made.read(Window(date(2026, 11, 16), date(2026, 11, 16)))
        assert made.states(Window(date(2026, 11, 16), date(2026, 11, 16)))["default", date(2026, 11, 16)] is COMPLETE


def days_due(made) -> set[date]:
    """The days that a feed is asked for now."""
    return {day for one in due_now(made.settings, made.clock.now()) if one.feeds for day in one.window.days()}


@pytest.mark.long
class TestWhatMustNotHappen:
    @pytest.mark.parametrize("table", ["all_exports", "gcp_billing_export_v1_01AAAA_BBBBBB_CCCCCC"])
    @pytest.mark.parametrize("ids", ["", "01BBBB-BBBBBB-BBBBBB,01AAAA-BBBBBB-CCCCCC"])
    def test_a_line_never_changes_its_account_whoever_else_is_seen(self, table, ids):
        """An account that is left alone in a table is called what it was beside the others."""
        told = environment("http://127.0.0.1:9", f"p-one.set.{table}", GCP_BILLING_ACCOUNT_ID=ids)
        account = Settings.load(told, dotenv=None).vertex[0]
        everyone = {"01AAAA-BBBBBB-CCCCCC", "01BBBB-BBBBBB-BBBBBB", "01CCCC-CCCCCC-CCCCCC"}

        def called(seen):
            return {billed: name for name, billed in names_of(account, seen).items() if billed}

        for seen in map(set, chain.from_iterable(combinations(sorted(everyone), n) for n in range(4))):
            assert {one: called(seen)[one] for one in called(seen)}.items() <= called(everyone).items()

    def test_a_billing_account_that_is_not_in_the_table_is_no_zero(self, home):
        with world(home, GCP_BILLING_ACCOUNT_ID="01FFFF-FFFFFF-FFFFFF") as made:
            failed = made.read()[-1]
            assert failed.state is FetchState.FAILED
            assert "none of GCP_BILLING_ACCOUNT_ID; set it" in failed.error

    def test_days_of_any_account_that_failed_are_due_again_for_the_table(self, home):
        """As long as that account is one of the table; and then no more."""
        with world(home, AISPEND_START_DATE="2026-11-14", now=NOW + timedelta(days=20)) as made:
            made.google.says(LINES, *[sample("bigquery_error_403_quota", 403)] * 5, after=5)
            states = {fetch.account: fetch.state for fetch in made.read(limits=QUICK)}
            assert sorted(states.values()) == [FetchState.COMPLETE, FetchState.COMPLETE, FetchState.FAILED]
            made.google.answers.clear()
            assert WINDOW.first in days_due(made)
            made.read()
            assert WINDOW.first not in days_due(made)

    def test_an_account_that_leaves_does_not_keep_its_last_days_due_for_ever(self, home, tmp_path):
        still = written(FIRST, usage_start_time="2026-11-28T10:00:00Z", export_time="2026-11-28T15:00:00Z")
        with world(home, AISPEND_START_DATE="2026-11-21") as made:
            made.read(Window(date(2026, 11, 21), date(2026, 11, 22)))  # the others' newest day is not known yet
            made.google.app = samples_bigquery(grown(tmp_path, still), made.clock)
            made.days_later(6)
            made.read(Window(date(2026, 11, 21), date(2026, 11, 28)))
            made.add_up(Window(date(2026, 11, 21), date(2026, 11, 28)))
            assert date(2026, 11, 22) not in days_due(made)

    def test_changes_that_cannot_be_looked_for_are_a_failure_beside_the_running_days_figures(self, home):
        today = Window(date(2026, 11, 21), date(2026, 11, 22))
        with world(home) as made:
            made.read(today)
            made.days_later(1 / 24)
            made.google.says(JOBS, *[sample("bigquery_error_403_quota", 403)] * 5, after=9)
            fetches = made.read(today, limits=QUICK)
            assert [fetch.state for fetch in fetches] == [FetchState.COMPLETE] * 6 + [FetchState.FAILED]
            assert made.feed().state == FetchState.FAILED
            assert any("the last fetch failed" in one.text for one in made.feed().reasons(made.clock.now(), 10_800))
            assert all("watermark" not in fetch.detail for fetch in fetches)

    def test_lines_that_were_there_later_than_they_were_exported_are_found(self, home, tmp_path):
        """The accounts of a table are not loaded together: the newest export of one may be older than another's."""
        late = written(TestWhatComesLate.late, export_time="2026-11-22T12:00:00Z")  # before the newest of the sample
        day = Window(date(2026, 11, 2), date(2026, 11, 2))
        with world(home) as made:
            made.read(Window(date(2026, 11, 1), date(2026, 11, 22)))
            made.google.app = samples_bigquery(grown(tmp_path, late), made.clock)
            made.days_later(1 / 24)
            made.read(Window(date(2026, 11, 20), date(2026, 11, 22)))
            made.add_up(day)
            assert made.answer(day).total_usd == Decimal("7.25")

    def test_a_billing_account_in_two_tables_is_said_to_be_counted_twice(self, home):
        with world(home) as made:
            made.read()
            known = [made.feed(), replace(made.feed(), account="eu")]
        assert same_billing_accounts(known) == [
            "vertex_billing: the billing account 01AAAA-BBBBBB-CCCCCC is read as default and eu, and counted twice;"
            " name the accounts of each table with GCP_BILLING_ACCOUNT_ID, or remove one"
        ]
        assert same_billing_accounts(known[:1]) == []

    def test_the_same_lines_are_stored_once_however_often_they_are_read(self, home):
        with world(home) as made:
            made.read()
            bodies = made.rows("SELECT count(*) FROM body")
            made.read()
            assert made.rows("SELECT count(*) FROM body") == bodies

    def test_a_query_that_is_too_expensive_says_so_however_that_is_told(self, home):
        told = {"message": "Query exceeded limit for bytes billed: 10485760.", "reason": "bytesBilledLimitExceeded"}
        refused = JSONResponse({"error": {"code": 500, "message": told["message"], "errors": [told]}}, 500)
        with world(home) as made:
            made.google.says(JOBS, *[refused] * 5)
            assert "raise GCP_BQ_MAX_BYTES_BILLED" in made.read(limits=QUICK)[-1].error
            assert len(made.google.answers[JOBS]) == 4, "asking again helps nobody"
