"""List prices of what usage counts, USD a unit, from the price list of `genai-prices`, which works offline.

A price is that of a tiny request and is multiplied by what was used: long-context prices are per request, so that a
sum must never be priced as if it were one. What the list does not price is not priced here: there is a reason instead.
"""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple

from aispend_pipeline import money
from aispend_pipeline.model import GRID_START, midnight


class Metered(NamedTuple):
    """All that a price depends on; `split` is whether audio and images are counted apart from text."""

    provider: str
    day: date
    kind: str
    model: str | None
    service_tier: str | None
    context_window: str | None
    location: str | None
    split: bool


class Rate(NamedTuple):
    """The list price of one unit of a meter, USD; or none, and why."""

    usd: Decimal | None
    why: str | None = None


class Meter(NamedTuple):
    """What is counted: the token type of the bill that it belongs to, how the price list counts it, and by what price.

    Without that price the list would silently take it for free.
    """

    token_type: str
    counted_as: tuple[str, ...]
    priced_by: tuple[str, ...]

    @property
    def of_tokens(self) -> bool:
        """Whether it counts tokens, and nothing else."""
        return self.counted_as[0].endswith("_tokens")


_INPUT, _OUTPUT = ("input_mtok",), ("output_mtok",)
# A meter without a price of its own is charged as what it is a part of: cached input as input, say.
METERS = {
    "input": Meter("input", ("input_tokens",), _INPUT),
    "input_audio": Meter("input", ("input_tokens", "input_audio_tokens"), ("input_audio_mtok", *_INPUT)),
    "input_image": Meter("input", ("input_tokens", "input_image_tokens"), ("input_image_mtok", *_INPUT)),
    "cached_input": Meter("cached_input", ("input_tokens", "cache_read_tokens"), _INPUT),
    "cached_input_audio": Meter(
        "cached_input",
        ("input_tokens", "cache_read_tokens", "input_audio_tokens", "cache_audio_read_tokens"),
        ("cache_audio_read_mtok", *_INPUT),
    ),
    "cached_input_image": Meter(
        "cached_input",
        ("input_tokens", "cache_read_tokens", "input_image_tokens", "cache_image_read_tokens"),
        ("cache_image_read_mtok", *_INPUT),
    ),
    "cache_write": Meter("cache_write", ("input_tokens", "cache_write_tokens"), _INPUT),
    "cache_write_1h": Meter(
        "cache_write", ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens"), ("cache_write_1h_mtok",)
    ),
    "output": Meter("output", ("output_tokens",), _OUTPUT),
    "output_audio": Meter("output", ("output_tokens", "output_audio_tokens"), ("output_audio_mtok", *_OUTPUT)),
    "output_image": Meter("output", ("output_tokens", "output_image_tokens"), ("output_image_mtok", *_OUTPUT)),
    "web_search": Meter("web_search", ("web_searches",), ("web_searches_kcount",)),
    "character": Meter("character", ("input_characters",), ("input_mchars",)),
    "second": Meter("second", ("audio_seconds", "input_audio_seconds"), ("audio_hours", "input_audio_hours")),
}
# Prices that make a modality cost other than text.
_OF_A_MODALITY = ("input_audio_mtok", "input_image_mtok", "output_audio_mtok", "output_image_mtok")

# How the list names each provider's tiers; a tier that is not here has no list price. Anthropic's priority and flex
# are sold apart and are in no bill; OpenAI's scale is a bundle.
_BATCH = {"processing": "batch"}
TIERS: Mapping[str, Mapping[str | None, Mapping[str, str]]] = {
    "openai": {
        None: {},
        "default": {},
        "batch": _BATCH,
        "flex": {"service_tier": "flex"},
        "priority": {"service_tier": "priority"},
        "fast": {"service_tier": "fast"},
    },
    "anthropic": {None: {}, "standard": {}, "batch": _BATCH},
}
# A request in that context: it has more input than these tokens.
CONTEXTS: Mapping[str | None, int] = {None: 0, "0-200k": 0, "200k-1M": 200_000}
# What the list lacks. Anthropic's pricing page, data residency: inference in the US alone costs 1.1 times as much, for
# every type of token, from Claude Opus 4.6 on; older models have no choice, and say "not_available".
LOCATIONS: Mapping[str, Mapping[str | None, Decimal]] = {
    "openai": {None: Decimal(1)},
    "anthropic": {
        None: Decimal(1),
        "global": Decimal(1),
        "not_available": Decimal(1),
        "us": Decimal("1.1"),
    },
}
# OpenAI's pricing page: moderation is free of charge. The list knows the model and has no price.
FREE = frozenset({("openai", "moderations")})


@cache
def price_list() -> str:
    """The price list and its version, as it is kept with every estimate."""
    import genai_prices

    return f"genai-prices {genai_prices.__version__}"


def rate(of: Metered, meter: str) -> Rate:
    """The list price of one unit of `meter`, one of `METERS`."""
    return _rate(of._replace(day=_since(of.provider, of.model, of.day)), meter)


@lru_cache(maxsize=100_000)
def _rate(of: Metered, meter: str) -> Rate:
    if (of.provider, of.kind) in FREE:
        return Rate(Decimal(0))
    counted = METERS[meter]
    why = _unpriced(of)
    if why is None and not _named(_standard(of), counted.priced_by):
        why = f"no list price of {meter.replace('_', ' ')} for model {of.model}"
    if why is not None:
        return Rate(None, why)
    factor = LOCATIONS[of.provider][of.location] if counted.of_tokens else Decimal(1)
    return Rate(money.quantize(money.EXACT.multiply(_unit(of, counted.counted_as), factor)))


def _since(provider: str, model: str | None, day: date) -> date:
    """The first day from which the prices of `day` were in force without a change: they are worked out once."""
    try:
        known = _calculated(provider, str(model), day, None, ()).model
    except LookupError:
        return day
    of_the_day = known.prices if isinstance(known.prices, list) else ()
    constraints = [one.constraint for one in (*of_the_day, *(known.price_variants or ()))]
    starts = [one.start_date for one in constraints if hasattr(one, "start_date")]
    return max((start for start in starts if start <= day), default=GRID_START)


def _unpriced(of: Metered) -> str | None:
    """Why the list has no price for any of it; none if it has."""
    if of.provider not in TIERS:
        return f"no list prices of {of.provider}"
    if of.model is None:
        return "no model is named"
    if of.service_tier not in TIERS[of.provider]:
        return f"no list price of tier {of.service_tier}"
    if of.context_window not in CONTEXTS:
        return f"no list price of context {of.context_window}"
    if of.location not in LOCATIONS[of.provider]:
        return f"no known price of location {of.location}"
    try:
        standard = _standard(of)
    except LookupError:
        return f"no list price of model {of.model}"
    if not of.split and _named(standard, _OF_A_MODALITY):
        return f"audio or images of model {of.model} have prices of their own, and are not told apart"
    context = TIERS[of.provider][of.service_tier]
    if context and not any(_applies(variant, context, of) for variant in standard.model.price_variants or ()):
        return f"no list price of tier {of.service_tier} for model {of.model}"
    return None


def _applies(variant: Any, context: Mapping[str, str], of: Metered) -> bool:
    """Whether a price of the list is for that tier on that day: without one it would be charged as standard."""
    in_force = variant.constraint is None or variant.constraint.active(midnight(of.day))
    return bool(variant.when == context and in_force)


def _named(calculated: Any, prices: tuple[str, ...]) -> bool:
    return any(getattr(calculated.model_price, price) is not None for price in prices)


def _standard(of: Metered) -> Any:
    """The model's standard prices on that day; `LookupError` if the list does not know it."""
    return _calculated(of.provider, str(of.model), of.day, None, ())


def _unit(of: Metered, counted_as: tuple[str, ...]) -> Decimal:
    """USD for one unit in a request of that context."""
    tier = tuple(TIERS[of.provider][of.service_tier].items())
    least = CONTEXTS[of.context_window] + 1

    def usd(*used: tuple[str, int]) -> Decimal:
        price: Decimal = _calculated(of.provider, str(of.model), of.day, tier, used).total_price
        return price

    if "input_tokens" in counted_as:
        return money.EXACT.divide(usd(*((name, least) for name in counted_as)), Decimal(least))
    besides = ("input_tokens", least)
    return money.EXACT.subtract(usd(besides, *((name, 1) for name in counted_as)), usd(besides))


@lru_cache(maxsize=100_000)
def _calculated(
    provider: str, model: str, day: date, tier: tuple[tuple[str, str], ...] | None, used: tuple[tuple[str, int], ...]
) -> Any:
    """What the list makes of a request on a day; `LookupError` for a model that it does not know."""
    from genai_prices import Usage, calc_price

    return calc_price(
        Usage(**dict(used)),
        model,
        provider_id=provider,
        genai_request_timestamp=midnight(day),
        price_context=dict(tier) if tier else None,
    )
