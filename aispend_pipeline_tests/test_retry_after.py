"""What a `Retry-After` asks for."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aispend_pipeline import retry_after

NOW = datetime(2026, 11, 10, 11, 5, tzinfo=UTC)
A_YEAR = 365 * 86400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        (" 3600 ", 3600),
        ("86400", 86400),
        ("1000000000", A_YEAR),
        ("9" * 30, A_YEAR),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=900), usegmt=True), A_YEAR),
        ("Tue, 10 Nov 2026 11:05:30", 30),
    ],
)
def test_seconds_and_dates_are_heard_up_to_a_year(value, seconds):
    assert retry_after.seconds(value, NOW) == seconds


@pytest.mark.parametrize("value", [None, "", "-5", "1e9", "soon", "7 s", "٧", "9" * 31, "Xyz, 99 Nov 2026 25:61"])
def test_what_makes_no_sense_is_not(value):
    assert retry_after.seconds(value, NOW) is None


@given(st.text(max_size=60) | st.from_regex(r"[A-Z][a-z]{2}, [0-9]+ [A-Z][a-z]{2} [0-9]+ [0-9:]+ [A-Z+0-9-]+"))
def test_nothing_it_may_say_is_an_error_or_longer_than_a_year(value):
    assert 0 <= (retry_after.seconds(value, NOW) or 0) <= A_YEAR
