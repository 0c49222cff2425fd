"""Events to read: one day in November 2026, openai with caps of 80 and 100 USD."""

from datetime import UTC, datetime

from aispend_pipeline.caps.model import Event, EventType, Level, Reason

AT = datetime(2026, 11, 10, 11, 5, tzinfo=UTC)
TOP = [
    {
        "project": "proj_a",
        "project_name": "Research",
        "api_key": "key_a",
        "api_key_name": "ana-notebook",
        "model": "gpt-5.4",
        "usd": "61.20",
        "recent_usd": "40.10",
    },
    {
        "project": "proj_b",
        "project_name": None,
        "api_key": None,
        "api_key_name": None,
        "model": "gpt-5.4-mini",
        "usd": "22.712",
        "recent_usd": "0.00",
    },
    {
        "project": None,
        "project_name": None,
        "api_key": None,
        "api_key_name": None,
        "model": None,
        "usd": "9.10",
        "recent_usd": None,
    },
]


def cap_event(type_=EventType.BREACHED, level=Level.HARD, prev=Level.SOFT, reason=Reason.SPEND, at=AT, **facts):
    """An event of openai's caps; `total`, `soft`, `hard`, `cap` are USD, `scope` another name."""
    scope = facts.pop("scope", "openai")
    soft, hard = facts.pop("soft", "80.00"), facts.pop("hard", "100.00")
    known = {
        "total_usd": facts.pop("total", "100.40"),
        "soft_usd": soft,
        "hard_usd": hard,
        "cap_usd": facts.pop("cap", soft if level is Level.SOFT else hard),
        "since": "2026-11-10T11:05:00Z",
        "complete": True,
        "doubts": [],
        "data_through": {"openai": "2026-11-10T11:00:00Z"},
        "billed_through": {"openai": "2026-11-10"},
        "top": TOP,
    }
    return Event("evt_cap", type_, scope, "2026-11", level, prev, reason, known | facts, at)


def forecast_event(level=Level.HARD, prev=Level.OK, expected="104.20", hit_on="2026-11-27", **facts):
    """An event of a cap of openai's that is expected to be reached; `tried` and `filled` are numbers of days."""
    forecast = {
        "expected_usd": expected,
        "low_usd": "99.00",
        "high_usd": "1230.5",
        "hit_on": hit_on,
        "filled_days": facts.pop("filled", 0),
        "rests_on_days": 56,
        "tried_on_days": facts.pop("tried", 56),
    }
    return cap_event(EventType.FORECAST, level, prev, **{"total": "41.00", "forecast": forecast, **facts})


def ingest_event(type_, at=AT):
    """An event of an account that cannot be read, or can again."""
    facts = {"subject": "openai default", "detail": "3 runs failed in a row", "since": "2026-11-10T03:05:00Z"}
    return Event("evt_ingest", type_, "openai default", "2026-11", None, None, None, facts, at)


def channel_event(type_, channel="slack"):
    """An event of a channel that does not carry, or does again."""
    facts = {"channel": channel, "detail": "answered 404", "since": "2026-11-10T10:50:00Z"}
    return Event("evt_channel", type_, channel, "2026-11", None, None, None, facts, AT)


def a_test(by="command"):
    """A test that somebody asked for."""
    return Event("evt_test", EventType.TEST, "test", "2026-11", None, None, None, {"by": by}, AT)
