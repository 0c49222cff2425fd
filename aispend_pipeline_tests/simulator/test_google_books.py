"""What the simulated organisation is billed at Google: rows of the documented shape that only ever become more."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aispend_pipeline.model import Window, midnight
from aispend_pipeline.simulator import organisation
from aispend_pipeline.simulator.google_books import (
    BEGINS,
    BILLED,
    EXPORTS,
    LATEST,
    export_rows,
    exported,
    lines,
    net,
    row,
)
from aispend_pipeline.simulator.scenario import Late, Restated, Scenario, Where

from ..service.world import NOW
from .google_calls import SAMPLES

LONG_AFTER = NOW + timedelta(days=60)
DAY = date(2026, 6, 10)
days = st.dates(BEGINS, date(2027, 12, 31))
accounts = st.sampled_from(sorted(BILLED))


def published() -> list[dict]:
    return [json.loads(line) for line in (SAMPLES / "billing_export_detailed.jsonl").read_text().splitlines()]


def month(account: str) -> list:
    """All rows of June."""
    days_of_june = Window(date(2026, 6, 1), date(2026, 6, 30)).days()
    return [line for day in days_of_june for line in lines(account, day, LONG_AFTER)]


def test_a_row_has_columns_of_the_published_export_and_all_that_our_queries_read():
    first = published()[0]
    rows = export_rows("default", date(2026, 6, 1), date(2026, 6, 8), LONG_AFTER)

    for told in rows:
        assert set(told) <= set(first)
        for name, value in told.items():
            if isinstance(value, dict) and isinstance(first[name], dict):
                assert set(value) <= set(first[name]), name
    assert {"cost", "currency_conversion_rate", "credits", "cost_type", "invoice", "labels"} <= set(rows[0])
    given = {tuple(credit) for told in rows for credit in told["credits"]}
    assert given == {tuple(credit) for told in published() for credit in told["credits"]}


def test_what_google_calls_its_meters_is_what_it_has_been_seen_to_call_them():
    skus = {one["sku_id"]: one["sku"] for one in json.loads((SAMPLES / "google_skus.json").read_text())}
    skus |= {told["sku"]["id"]: told["sku"]["description"] for told in published()}
    services = {told["service"]["id"]: told["service"]["description"] for told in published()}
    units = {told["sku"]["id"]: told["usage"]["unit"] for told in published()}
    cases = [json.loads(line)["sku"] for line in (SAMPLES / "sku_parse_cases.jsonl").read_text().splitlines()]
    meters = {line.meter for account in BILLED for line in month(account)}

    for meter in meters:
        known = skus.get(meter.sku_id)
        placeholder = meter.sku_id.startswith("0000-0000-")
        assert meter.sku == known or (placeholder and (meter.sku in cases or not meter.counts or meter.service.seller))
        assert services[meter.service.service_id] == meter.service.description
        assert meter.unit == units.get(meter.sku_id, meter.unit)
    assert len(meters) > 20


@settings(max_examples=60)
@given(accounts, days)
def test_amounts_round_to_the_same_billionths_as_floats_and_as_decimals(account, day):
    for line in lines(account, day, midnight(day) + timedelta(days=60)):
        for amount in (line.cost, line.given):
            assert amount == round(amount, 9)
            exact = Fraction(amount) / Fraction(line.rate) * 10**9
            assert abs(exact - round(exact)) < Fraction(1, 1000)
            assert round(float(amount) / float(line.rate) * 1e9) == round(exact)
        assert line.currency == BILLED[account].currency
        assert (line.rate == 1) is (line.currency == "USD")


@settings(max_examples=40)
@given(accounts, days, st.integers(0, 20 * 24), st.integers(0, 20 * 24))
def test_an_export_only_grows(account, day, hours, more):
    earlier = midnight(day) + timedelta(hours=hours)
    before, after = (lines(account, day, at) for at in (earlier, earlier + timedelta(hours=more)))

    assert [line for line in after if line.export_time <= earlier] == before
    assert all(line.export_time <= line.start + LATEST for line in after)


def test_the_running_day_is_partly_there_and_yesterday_grows_until_noon():
    yesterday, today = DAY - timedelta(days=1), DAY
    at = [midnight(today) + timedelta(hours=hour) for hour in (0, 6, 9, 13, 20)]

    grown = [net("default", yesterday, now) for now in at]
    assert grown[0] < grown[1] < grown[3] == grown[4]
    assert 0 == net("default", today, at[0]) < net("default", today, at[2]) < net("default", today, at[4])
    assert net("default", today + timedelta(days=1), at[4]) == 0


def test_an_export_has_what_must_not_count_and_what_counts_is_told_apart():
    counted = {line.meter.service.description for line in month("default") if line.meter.counts}
    others = {line.meter.service.description for line in month("default") if not line.meter.counts}

    assert counted == {"Vertex AI", "Gemini API", "Claude Sonnet 4.6", "Claude Opus 4.8", "Vertex AI Search"}
    assert others == {"Compute Engine", "Cloud Storage", "Duet AI", "Vertex AI Search", "Invoice"}
    assert {line.cost_type for line in month("default")} == {"regular", "tax", "rounding_error", "adjustment"}
    assert {credit.kind for line in month("default") for credit in line.credits} == {
        "DISCOUNT",
        "COMMITTED_USAGE_DISCOUNT",
        "PROMOTION",
        "FREE_TIER",
    }
    assert any(line.project is None and line.meter.counts for line in month("default"))


def test_a_correction_comes_days_later_takes_a_row_back_and_bills_it_anew():
    (day,) = (day for day in Window(date(2026, 6, 1), date(2026, 6, 9)).days() if day.toordinal() % 9 == 4)
    late = midnight(day) + timedelta(days=5)
    (back, anew) = (line for line in lines("default", day, LONG_AFTER) if line.correction and line.export_time > late)
    (wrong,) = (line for line in lines("default", day, late) if line.cost == -back.cost and line.start == back.start)

    assert (back.quantity, back.given) == (-wrong.quantity, -wrong.given)
    assert 0 < anew.cost < wrong.cost
    assert net("default", day, LONG_AFTER) < net("default", day, late)


def test_a_table_has_the_rows_of_all_its_billing_accounts():
    rows = export_rows("default", DAY, DAY, LONG_AFTER)

    assert {told["billing_account_id"] for told in rows} == {one.account_id for one in EXPORTS["default"]}
    assert {told["currency"] for told in rows} == {"USD", "EUR"}
    assert organisation.total("vertex", EXPORTS["default"][1].account, [DAY], LONG_AFTER) > 0


@pytest.mark.parametrize("account", EXPORTS)
def test_what_was_exported_from_an_instant_on_is_all_there(account):
    since = NOW - timedelta(days=3)
    whole, some = exported(account, None, NOW), exported(account, since, NOW)

    assert 0 < len(some) < len(whole)
    assert [line for line in whole if line.export_time >= since] == [line for line in some if line.export_time >= since]


def test_a_day_that_is_late_is_there_in_part_and_its_rest_is_exported_later():
    until = NOW + timedelta(hours=1)
    scenario = Scenario(late=(Late(DAY, until, timedelta(hours=9), Where("vertex", "default")),))
    before, after = (lines("default", DAY, at, scenario) for at in (NOW, until))

    assert 0 < net("default", DAY, NOW, scenario) < net("default", DAY, NOW)
    assert all(line.start < midnight(DAY) + timedelta(hours=9) for line in before)
    assert net("default", DAY, until, scenario) == net("default", DAY, until)
    assert {line.export_time for line in after[len(before) :]} >= {until}
    assert lines("eu", DAY, NOW, scenario) == lines("eu", DAY, NOW)
    assert organisation.total("vertex", "default", [DAY], NOW, scenario) == net("default", DAY, NOW, scenario)


def test_a_day_that_is_restated_has_new_rows_of_the_difference_and_no_new_usage():
    since = NOW + timedelta(hours=1)
    scenario = Scenario(restated=(Restated(DAY, since, Decimal("0.9"), Where("vertex", "default")),))
    before, after = (lines("default", DAY, at, scenario) for at in (NOW, since))

    assert before == lines("default", DAY, NOW)
    assert after[: len(before)] == before
    assert all((line.quantity, line.export_time) == (0, since) for line in after[len(before) :])
    restated = net("default", DAY, since, scenario)
    assert restated == pytest.approx(net("default", DAY, since) * Decimal("0.9"), rel=Decimal("1e-7"))
    assert lines("eu", DAY, since, scenario) == lines("eu", DAY, since)


def test_nothing_is_exported_of_what_was_used_before_the_export_began():
    assert lines("default", BEGINS - timedelta(days=1), NOW) == []
    assert lines("default", BEGINS, NOW)


def test_the_month_of_an_invoice_is_that_of_california():
    first = [row(line) for line in lines("default", date(2026, 6, 1), LONG_AFTER)]

    assert {told["invoice"]["month"] for told in first} == {"202605", "202606"}
    fee = next(told for told in first if told["sku"]["description"].endswith("Provisioned Throughput 1 month"))
    assert (fee["usage_start_time"], fee["usage_end_time"]) == ("2026-06-01T07:00:00Z", "2026-07-01T07:00:00Z")
