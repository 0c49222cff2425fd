"""What the simulated organisation runs at OpenAI: meters, their list prices, and what the usage book counts them as.

Prices are those published on https://developers.openai.com/api/docs/pricing, in force since 2026-10-14, and hold for
every day; some are of models whose names here no list has. A meter without a price is counted and not billed: those
of which no billed line has been seen in real answers, and what is free.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aispend_pipeline.simulator.rhythm import NIGHT, OFFICE

Dimensions = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Count:
    """What one endpoint of the usage book makes of a meter: `fields` grow by one for `each` units."""

    path: str
    fields: tuple[str, ...]
    dimensions: Dimensions
    each: int = 1


@dataclass(frozen=True)
class Meter:
    """One line item: its list price for each `per` units, and how much a busy key uses on a normal day."""

    line_item: str
    usd: Decimal
    per: int
    unit: str
    amount: int
    counts: tuple[Count, ...] = ()


@dataclass(frozen=True)
class Work:
    """Meters that are run together, and when."""

    meters: tuple[Meter, ...]
    weekend: float  # how much of a weekday's use a weekend day sees
    growth: float  # a week over the week before
    hours: tuple[int, ...] = OFFICE


_SHARE = {"input": 1.0, "cached input": 2.2, "cache writes": 0.3, "output": 0.25}
_FIELDS = {
    "input": ("input_tokens", "input_uncached_tokens", "input_{}_tokens"),
    "cached input": ("input_tokens", "input_cached_tokens", "input_cached_{}_tokens"),
    "cache writes": ("input_tokens", "input_cache_write_tokens"),
    "output": ("output_tokens", "output_{}_tokens"),
}
_TOKENS_A_REQUEST = 420  # of output


def _model(name: str, tier: str = "default", *, batch: bool = False) -> Dimensions:
    return (("model", name), ("service_tier", tier), ("batch", batch))


def _counts(side: str, used: Dimensions, modality: str, each: int) -> tuple[Count, ...]:
    """How completions count a token of `side`; `each` tokens are a request, 0 if another side tells those."""
    fields = tuple(field.format(modality) for field in _FIELDS[side])
    requests = (Count("completions", ("num_model_requests",), used, each),) if each else ()
    return (Count("completions", fields, used), *requests)


def _tokens(model: str, millions: float, prices: dict[str, str], used: Dimensions) -> tuple[Meter, ...]:
    """Meters of a model, USD a million tokens by side; `millions` of input a day, the rest in proportion."""
    made = []
    for spelt, usd in prices.items():
        side = spelt.split(",")[0]
        counts = _counts(side, used, "text", _TOKENS_A_REQUEST if side == "output" else 0)
        amount = int(millions * _SHARE[side] * 1e6)
        made.append(Meter(f"{model}, {spelt}", Decimal(usd), 1_000_000, "tokens", amount, counts))
    return tuple(made)


def _counted(name: str, amount: int, unit: str, *counts: Count, usd: str = "0", per: int = 1) -> Meter:
    return Meter(name, Decimal(usd), per, unit, amount, counts)


_SOL = _tokens(
    "gpt-5.6-sol",
    14,
    {"input": "4.00", "cached input": "0.40", "cache writes": "5.00", "output": "20.00"},
    _model("gpt-5.6-sol"),
)
_TERRA = _tokens(
    "gpt-5.6-terra", 40, {"input": "2.00", "cached input": "0.20", "output": "12.00"}, _model("gpt-5.6-terra")
)
_SEARCHED = (("model", "gpt-5.6-sol"), ("context_level", "medium"))
_WEB_SEARCH = _counted(
    "web search tool calls",
    900,
    "calls",
    Count("web_search_calls", ("num_requests",), _SEARCHED),
    Count("web_search_calls", ("num_model_requests",), _SEARCHED, 3),
    usd="0.01",
)
_EMBEDDED = (("model", "text-embedding-3-small"),)
_EMBEDDING = _counted(
    "text-embedding-3-small, input",
    90_000_000,
    "tokens",
    Count("embeddings", ("input_tokens",), _EMBEDDED),
    Count("embeddings", ("num_model_requests",), _EMBEDDED, 700),
    usd="0.02",
    per=1_000_000,
)
_MODERATED = (("model", "omni-moderation-latest"),)
_MODERATION = _counted(
    "moderation",
    3_000_000,
    "tokens",
    Count("moderations", ("input_tokens",), _MODERATED),
    Count("moderations", ("num_model_requests",), _MODERATED, 180),
)
_FILE_SEARCH = _counted(
    "file search", 260, "calls", Count("file_search_calls", ("num_requests",), (("vector_store_id", "vs_handbook"),))
)
_INTERPRETER = _counted("code interpreter", 40, "sessions", Count("code_interpreter_sessions", ("num_sessions",), ()))
_SPOKEN = (("model", "gpt-4o-mini-tts"),)
_SPEECH = _counted(
    "speech",
    400_000,
    "characters",
    Count("audio_speeches", ("characters",), _SPOKEN),
    Count("audio_speeches", ("num_model_requests",), _SPOKEN, 900),
)
_WHISPERED = (("model", "whisper-1"),)
_WHISPER = _counted(
    "whisper",
    61_000,
    "duration_seconds",
    Count("audio_transcriptions", ("seconds",), _WHISPERED),
    Count("audio_transcriptions", ("num_model_requests",), _WHISPERED, 75),
    usd="0.0001",
)
# The two books date these two models differently, as real ones do, in both directions.
_IMAGE = _model("gpt-image-1-2025-04-23")
_AUDIO = _model("gpt-audio-mini")
_DRAWN = (("model", "gpt-image-1-2025-04-23"), ("size", "1024x1024"), ("source", "image.generation"))
_IMAGES = (
    _counted(
        "gpt-image-1 image, output",
        900_000,
        "tokens",
        *_counts("output", _IMAGE, "image", 1056),
        Count("images", ("images", "num_model_requests"), _DRAWN, 1056),
        usd="40.00",
        per=1_000_000,
    ),
    _counted(
        "gpt-image-1 text, input",
        200_000,
        "tokens",
        *_counts("input", _IMAGE, "text", 0),
        usd="5.00",
        per=1_000_000,
    ),
)
_LISTENING = _counted(
    "gpt-audio-mini-2025-12-15 audio, input",
    1_100_000,
    "tokens",
    *_counts("input", _AUDIO, "audio", 1500),
    usd="10.00",
    per=1_000_000,
)

ASSISTANT = Work(
    (
        *_SOL,
        *_TERRA,
        *_tokens(
            "priority | gpt-5.6-sol",
            1.5,
            {"input": "8.00", "output": "40.00", "output, long context": "60.00"},
            _model("gpt-5.6-sol", "priority"),
        ),
        _WEB_SEARCH,
        _EMBEDDING,
        _MODERATION,
        _FILE_SEARCH,
    ),
    weekend=0.45,
    growth=1.021,
)
NIGHTLY = Work(
    (
        *_tokens(
            "batch | gpt-5.4-2026-03-05",
            120,
            {"input": "1.25", "cached input": "0.13", "output": "7.50"},
            _model("gpt-5.4-2026-03-05", batch=True),
        ),
        *_tokens(
            "gpt-5.4-mini-2026-03-17",
            60,
            {"input": "0.75", "cached input": "0.075", "output": "4.50"},
            _model("gpt-5.4-mini-2026-03-17"),
        ),
        *_tokens("ft-gpt-4o-2024-08-06", 3, {"input": "3.75", "output": "15.00"}, _model("ft-gpt-4o-2024-08-06")),
    ),
    weekend=0.95,
    growth=1.008,
    hours=NIGHT,
)
CODE = Work(
    (
        *_tokens(
            "gpt-5.3-codex",
            35,
            {"input": "1.75", "cached input": "0.175", "output": "14.00"},
            _model("gpt-5.3-codex"),
        ),
        *_tokens("o1-pro", 0.02, {"input": "150.00", "output": "600.00"}, _model("o1-pro")),
        *_tokens(
            "evals | gpt-4o-mini-2024-07-18", 12, {"input": "0.15", "output": "0.60"}, _model("gpt-4o-mini-2024-07-18")
        ),
        _INTERPRETER,
    ),
    weekend=0.12,
    growth=1.034,
)
SUPPORT = Work((*_TERRA, _EMBEDDING), weekend=0.70, growth=1.012)
STUDIO = Work((*_IMAGES, _LISTENING, _WHISPER, _SPEECH), weekend=0.30, growth=1.018)
PILOT = Work(_tokens("gpt-4o-2024-08-06", 2, {"input": "2.50", "output": "10.00"}, _model("gpt-4o-2024-08-06")), 0.1, 1)
# A day costs 0.10; a 24th of it never ends, and is cut so that a discount's two places are still kept.
STORAGE = _counted("Vector storage", 410, "gibibyte_hours", usd="0.0041666666666667")
