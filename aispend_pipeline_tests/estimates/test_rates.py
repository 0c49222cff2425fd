"""List prices are those that the providers publish; what has no published price is unpriced, and says why."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import pytest

from aispend_pipeline.estimates.rates import METERS, Metered, Rate, price_list, rate

NOVEMBER = date(2026, 11, 10)


class Published(NamedTuple):
    """A price as a provider publishes it: USD a million tokens, characters or seconds, or a thousand searches."""

    model: str
    meter: str
    usd: str
    tier: str | None = None
    day: date = NOVEMBER
    context: str | None = None
    location: str | None = None
    kind: str = "completions"


def batch(model: str, meter: str, usd: str, **more: object) -> Published:
    return Published(model, meter, usd, "batch", **more)


BEFORE, SINCE = {"day": date(2026, 8, 20)}, {"day": date(2026, 8, 21)}
LONG, US = {"context": "200k-1M", "day": date(2026, 3, 10)}, {"location": "us"}
OPENAI = {
    "https://developers.openai.com/api/docs/models/gpt-5.6-sol": [
        Published("gpt-5.6-sol", "input", "5.00", **BEFORE),
        Published("gpt-5.6-sol", "cached_input", "0.50", **BEFORE),
        Published("gpt-5.6-sol", "cache_write", "6.25", **BEFORE),
        Published("gpt-5.6-sol", "output", "30.00", **BEFORE),
        Published("gpt-5.6-sol", "input", "4.00", **SINCE),
        Published("gpt-5.6-sol", "cached_input", "0.40", **SINCE),
        Published("gpt-5.6-sol", "cache_write", "5.00", **SINCE),
        Published("gpt-5.6-sol", "output", "20.00", **SINCE),
        Published("gpt-5.6-sol", "output", "20.00", "default"),
    ],
    "https://developers.openai.com/api/docs/pricing": [
        Published("gpt-5.6-sol", "input", "8.00", "priority", date(2026, 10, 12)),
        Published("gpt-5.6-sol", "cached_input", "0.80", "priority"),
        Published("gpt-5.6-sol", "output", "40.00", "priority"),
        Published("gpt-5.6-sol", "input", "2.00", "flex", date(2026, 10, 12)),
        Published("gpt-5.6-sol", "cached_input", "0.20", "flex"),
        Published("gpt-5.6-sol", "cache_write", "2.50", "flex"),
        Published("gpt-5.6-sol", "output", "10.00", "flex"),
        Published("gpt-5.6-sol", "output", "40.00", "fast"),
        batch("gpt-5.6-sol", "input", "2.00", day=date(2026, 10, 14)),
        batch("gpt-5.6-sol", "output", "10.00"),
        batch("gpt-5.4-2026-03-05", "input", "1.25"),
        batch("gpt-5.4-2026-03-05", "cached_input", "0.13"),
        batch("gpt-5.4-2026-03-05", "output", "7.50"),
        Published("gpt-4o-2024-08-06", "input", "2.50"),
        Published("gpt-4o-2024-08-06", "cached_input", "1.25"),
        Published("gpt-4o-2024-08-06", "cache_write", "2.50"),
        Published("gpt-4o-2024-08-06", "output", "10.00"),
        Published("o3", "input", "10.00", day=date(2025, 6, 9)),
        Published("o3", "input", "2.00", day=date(2025, 6, 10)),
        Published("ft:gpt-4o-2024-08-06:acme::9Xy", "input", "3.75"),
        Published("ft:gpt-4o-2024-08-06:acme::9Xy", "output", "15.00"),
        Published("text-embedding-3-small", "input", "0.02", kind="embeddings"),
        Published("tts-1", "character", "15.00", kind="audio_speeches"),
        Published("whisper-1", "second", "100.00", kind="audio_transcriptions"),
        Published("gpt-audio-mini", "input", "0.60"),
        Published("gpt-audio-mini", "input_audio", "10.00"),
        Published("gpt-audio-mini", "output", "2.40"),
        Published("gpt-audio-mini", "output_audio", "20.00"),
        Published("gpt-realtime", "input_image", "5.00"),
        Published("gpt-realtime", "cached_input", "0.40"),
        Published("gpt-realtime", "cached_input_audio", "0.40"),
        Published("gpt-realtime", "cached_input_image", "0.50"),
        Published("gpt-4o", "web_search", "10.00", kind="web_search_calls"),
    ],
}
ANTHROPIC = {
    "https://platform.claude.com/docs/en/about-claude/pricing#model-pricing": [
        Published("claude-opus-5-5", "input", "4.00"),
        Published("claude-opus-5-5", "cached_input", "0.20"),
        Published("claude-opus-5-5", "cache_write", "5.00"),
        Published("claude-opus-5-5", "cache_write_1h", "8.00"),
        Published("claude-opus-5-5", "output", "20.00"),
        Published("claude-opus-5-5", "output", "20.00", "standard", context="200k-1M"),
        Published("claude-haiku-4-5-20251001", "input", "1.00"),
        Published("claude-haiku-4-5-20251001", "cached_input", "0.10"),
        Published("claude-haiku-4-5-20251001", "cache_write", "1.25"),
        Published("claude-haiku-4-5-20251001", "cache_write_1h", "2.00"),
        Published("claude-haiku-4-5-20251001", "output", "5.00"),
    ],
    "https://platform.claude.com/docs/en/about-claude/pricing": [
        batch("claude-opus-5-5", "input", "2.00"),
        batch("claude-opus-5-5", "cached_input", "0.10"),
        batch("claude-opus-5-5", "cache_write", "2.50"),
        batch("claude-opus-5-5", "cache_write_1h", "4.00"),
        batch("claude-opus-5-5", "output", "10.00"),
        Published("claude-opus-5-5", "input", "4.40", **US),
        Published("claude-opus-5-5", "cached_input", "0.22", **US),
        Published("claude-opus-5-5", "cache_write_1h", "8.80", **US),
        Published("claude-opus-5-5", "output", "22.00", **US),
        batch("claude-opus-5-5", "output", "11.00", **US),
        Published("claude-opus-5-5", "web_search", "10.00", **US),
        Published("claude-opus-5-5", "output", "20.00", location="global"),
        Published("claude-haiku-4-5-20251001", "output", "5.00", location="not_available"),
    ],
    "https://platform.claude.com/docs/en/about-claude/pricing#long-context-pricing": [
        Published("claude-sonnet-4-5-20250929", "input", "3.00", context="0-200k"),
        Published("claude-sonnet-4-5-20250929", "output", "15.00", context="0-200k"),
        Published("claude-sonnet-4-5-20250929", "input", "6.00", **LONG),
        Published("claude-sonnet-4-5-20250929", "cached_input", "0.60", **LONG),
        Published("claude-sonnet-4-5-20250929", "cache_write", "7.50", **LONG),
        Published("claude-sonnet-4-5-20250929", "cache_write_1h", "12.00", **LONG),
        Published("claude-sonnet-4-5-20250929", "output", "22.50", **LONG),
    ],
    "https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool": [
        Published("claude-opus-5-5", "web_search", "10.00"),
        batch("claude-haiku-4-5-20251001", "web_search", "10.00"),
    ],
}
CASES = [
    (provider, one)
    for provider, pages in (("openai", OPENAI), ("anthropic", ANTHROPIC))
    for published in pages.values()
    for one in published
]


def metered(provider: str, model: str | None, **more: object) -> Metered:
    """Text of a standard request in November, unless `more` says otherwise."""
    kind = "completions" if provider == "openai" else "messages"
    return Metered(provider, NOVEMBER, kind, model, None, None, None, split=True)._replace(**more)


@pytest.mark.parametrize(("provider", "one"), CASES)
def test_a_price_is_the_published_one(provider, one):
    kind = one.kind if provider == "openai" else "messages"
    of = Metered(provider, one.day, kind, one.model, one.tier, one.context, one.location, split=True)

    found = rate(of, one.meter)

    assert found == Rate(Decimal(one.usd) / (1000 if one.meter == "web_search" else 1_000_000))


UNPRICED = [
    ("openai", "gpt-99", "input", {}, "no list price of model gpt-99"),
    ("anthropic", "claude-9", "output", {}, "no list price of model claude-9"),
    ("openai", "claude-opus-5-5", "output", {}, "no list price of model claude-opus-5-5"),
    ("vertex", "gemini-2.5-pro", "input", {}, "no list prices of vertex"),
    ("openai", None, "input", {}, "no model is named"),
    ("anthropic", None, "web_search", {}, "no model is named"),
    ("openai", "gpt-4o", "input", {"service_tier": "scale"}, "no list price of tier scale"),
    ("openai", "gpt-4o", "input", {"service_tier": "turbo"}, "no list price of tier turbo"),
    ("anthropic", "claude-opus-5-5", "input", {"service_tier": "flex"}, "no list price of tier flex"),
    ("anthropic", "claude-opus-5-5", "input", {"service_tier": "priority"}, "no list price of tier priority"),
    ("openai", "gpt-4o", "input", {"service_tier": "flex"}, "no list price of tier flex for model gpt-4o"),
    *(
        ("openai", "gpt-5.6-sol", "input", {"service_tier": tier, "day": day}, f"no list price of tier {tier} for model"
         " gpt-5.6-sol")
        for tier, day in (
            ("batch", date(2026, 10, 13)),
            ("flex", date(2026, 10, 11)),
            ("priority", date(2026, 10, 11)),
            ("fast", date(2026, 10, 11)),
        )
    ),
    ("openai", "ft:gpt-4o-2024-08-06:acme::9Xy", "input", {"service_tier": "batch"},
     "no list price of tier batch for model ft:gpt-4o-2024-08-06:acme::9Xy"),
    ("anthropic", "claude-opus-5-5", "input", {"service_tier": "batch", "day": date(2026, 10, 13)},
     "no list price of tier batch for model claude-opus-5-5"),
    ("anthropic", "claude-opus-5-5", "input", {"context_window": "1M-2M"}, "no list price of context 1M-2M"),
    ("anthropic", "claude-opus-5-5", "input", {"location": "eu"}, "no known price of location eu"),
    ("openai", "gpt-4o", "input", {"location": "us"}, "no known price of location us"),
    *(
        ("openai", "gpt-audio-mini", meter, {"split": False},
         "audio or images of model gpt-audio-mini have prices of their own, and are not told apart")
        for meter in ("input", "output")
    ),
    ("openai", "text-embedding-3-small", "output", {}, "no list price of output for model text-embedding-3-small"),
    ("openai", "whisper-1", "input", {}, "no list price of input for model whisper-1"),
    ("openai", "gpt-4o", "second", {}, "no list price of second for model gpt-4o"),
    ("openai", "gpt-4o", "character", {}, "no list price of character for model gpt-4o"),
    ("openai", "text-embedding-3-small", "web_search", {},
     "no list price of web search for model text-embedding-3-small"),
    ("openai", "gpt-4o", "cache_write_1h", {}, "no list price of cache write 1h for model gpt-4o"),
    ("openai", "omni-moderation-latest", "input", {}, "no list price of input for model omni-moderation-latest"),
]  # fmt: skip


@pytest.mark.parametrize(("provider", "model", "meter", "more", "why"), UNPRICED)
def test_what_has_no_published_price_is_unpriced_and_says_why(provider, model, meter, more, why):
    assert rate(metered(provider, model, **more), meter) == Rate(None, why)


def test_moderation_is_free():
    assert rate(metered("openai", "omni-moderation-latest", kind="moderations"), "input") == Rate(Decimal(0))


@pytest.mark.parametrize("meter", METERS)
@pytest.mark.parametrize("model", ["gpt-5.6-sol", "gpt-4o", "gpt-audio", "gpt-image-1", "text-embedding-3-large"])
def test_nothing_that_counts_is_for_free(model, meter):
    found = rate(metered("openai", model), meter)
    assert found.usd is None or found.usd > 0
    assert (found.usd is None) == bool(found.why)


def test_the_price_list_has_a_name_and_a_version():
    name, version = price_list().split()
    assert name == "genai-prices"
    assert version[0].isdigit()
