"""What the simulated organisation runs at Anthropic: workspaces, their keys, and what those use.

Prices are those published on https://platform.claude.com/docs/en/about-claude/pricing, in force since 2026-10-14, and
hold for every day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from aispend_pipeline.simulator.people import PEOPLE, Person
from aispend_pipeline.simulator.rhythm import NIGHT, OFFICE

_UNCACHED, _READ, _OUTPUT = "uncached_input_tokens", "cache_read_input_tokens", "output_tokens"
_WRITE_5M, _WRITE_1H = (f"cache_creation.ephemeral_{kept}_input_tokens" for kept in ("5m", "1h"))
# By type of token: the words of the description, and the share of its use.
TYPES = {
    _UNCACHED: ("Input Tokens", 1.0),
    _WRITE_5M: ("Input Tokens, Cache Write", 0.35),
    _WRITE_1H: ("Input Tokens, Cache Write", 0.12),
    _READ: ("Input Tokens, Cache Hit", 4.5),
    _OUTPUT: ("Output Tokens", 0.3),
}
# The price over that of input, the same for every model; that of a cache read is the model's own.
_TIMES = {_UNCACHED: Decimal(1), _WRITE_5M: Decimal("1.25"), _WRITE_1H: Decimal(2), _OUTPUT: Decimal(5)}


@dataclass(frozen=True)
class Model:
    """A model: its name, how descriptions spell it, and the list price of a million tokens of its input, US cents.

    `read` is the price of a cache read over that of input; `long_costs_more` says whether prompts of more than
    200,000 tokens do.
    """

    name: str
    spelt: str
    cents: Decimal
    read: Decimal = Decimal("0.1")
    long_costs_more: bool = False


@dataclass(frozen=True)
class Load:
    """One way in which a key uses a model: `millions` of uncached input on a normal day, the rest in proportion."""

    model: Model
    millions: float
    service_tier: str = "standard"
    context_window: str = "0-200k"
    inference_geo: str = "not_available"
    searches: int = 0

    def price(self, token_type: str) -> Decimal:
        """The list price, US cents a million tokens; batch, long context and `us` have their own."""
        cents = self.model.cents * (self.model.read if token_type == _READ else _TIMES[token_type])
        if self.service_tier == "batch":
            cents *= Decimal("0.5")
        if self.context_window == "200k-1M" and self.model.long_costs_more:
            cents *= Decimal("1.5") if token_type == _OUTPUT else 2
        return cents * Decimal("1.1") if self.inference_geo == "us" else cents


@dataclass(frozen=True)
class Key:
    """An API key, what it runs and when; without an id it is the console's playground."""

    key_id: str | None
    name: str
    loads: tuple[Load, ...]
    owner: Person | None = None
    status: str = "active"
    hours: tuple[int, ...] = OFFICE
    weekend: float = 0.4
    growth: float = 1.015


@dataclass(frozen=True)
class Workspace:
    """A workspace and its keys; without an id it is the default one."""

    workspace_id: str | None
    name: str
    keys: tuple[Key, ...]
    archived_at: datetime | None = None


_OPUS = Model("claude-opus-5-5", "Claude Opus 5.5", Decimal(400), read=Decimal("0.05"))
_SONNET = Model("claude-sonnet-4-5-20250929", "Claude Sonnet 4.5", Decimal(300), long_costs_more=True)
_HAIKU = Model("claude-haiku-4-5-20251001", "Claude Haiku 4.5", Decimal(100))
_OLD_HAIKU = Model("claude-3-5-haiku-20241022", "Claude Haiku 3.5", Decimal(80))
_OURS, _THEIRS = PEOPLE["default"], PEOPLE["eu"]
_CHAT = (
    Load(_OPUS, 6, inference_geo="global", searches=700),
    Load(_OPUS, 1.5, inference_geo="us"),
    Load(_OPUS, 0.8, context_window="200k-1M", inference_geo="global"),
    Load(_OPUS, 2, "priority", inference_geo="global"),
    Load(_HAIKU, 9, searches=120),
)
_NIGHTLY = (
    Load(_SONNET, 25, "batch"),
    Load(_SONNET, 3, "batch", "200k-1M"),
    Load(_HAIKU, 12, "flex"),
    Load(_OLD_HAIKU, 4),
)
WORKSPACES: dict[str, tuple[Workspace, ...]] = {
    "default": (
        Workspace(
            None,
            "Default",
            (
                Key("apikey_legacy", "prod", (Load(_SONNET, 5), Load(_OLD_HAIKU, 2))),
                Key(None, "playground", (Load(_OPUS, 0.2, inference_geo="global", searches=15),), weekend=0.05),
                Key("apikey_trial", "trial", (), _OURS[5], "expired"),
            ),
        ),
        Workspace(
            "wrkspc_chat",
            "Chat",
            (Key("apikey_chat", "prod", _CHAT), Key("apikey_chat_old", "prod", (), _OURS[0], "inactive")),
        ),
        Workspace("wrkspc_nightly", "Nightly jobs", (Key("apikey_batch", "ci", _NIGHTLY, hours=NIGHT, weekend=0.9),)),
        Workspace(
            "wrkspc_code",
            "Claude Code",
            (
                Key(
                    "apikey_editors",
                    "editors",
                    (Load(_SONNET, 14), Load(_SONNET, 4, context_window="200k-1M")),
                    _OURS[2],
                    weekend=0.1,
                    growth=1.03,
                ),
                Key("apikey_review", "review", (Load(_SONNET, 3),), weekend=0.2),
            ),
        ),
        Workspace(
            "wrkspc_pilot",
            "Pilot of 2025",
            (Key("apikey_pilot", "pilot", (Load(_OLD_HAIKU, 1),), _OURS[0], "archived"),),
            datetime(2026, 3, 2, tzinfo=UTC),
        ),
    ),
    "eu": (
        Workspace(None, "Default", (Key("apikey_eu", "prod", (Load(_HAIKU, 5, searches=60),)),)),
        Workspace(
            "wrkspc_support",
            "Support",
            (
                Key("apikey_desk", "helpdesk", (Load(_OPUS, 3, inference_geo="global"), Load(_SONNET, 2, "batch"))),
                Key("apikey_mail", "mail", (Load(_HAIKU, 4), Load(_OPUS, 1, "priority", inference_geo="global"))),
            ),
        ),
    ),
}
