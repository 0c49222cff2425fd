"""What the simulated organisation runs at Google: the meters of its projects, and what Google calls them.

Services, SKUs and units are spelt as they have been seen in real exports; prices and ids of projects are invented.
A meter that does not count is one of a service that is no AI: the export has those too.
"""

from dataclasses import dataclass
from decimal import Decimal

# The weight of each hour of a day, UTC: nothing is used at most hours, so that a day has a few hundred rows.
DESK = (0,) * 8 + (14, 22, 25, 20, 23, 26, 22, 12, 7) + (0,) * 7
NIGHT = (26, 28, 20, 6) + (0,) * 19 + (14,)
TWICE = (0,) * 9 + (3,) + (0,) * 6 + (2,) + (0,) * 7


@dataclass(frozen=True)
class Service:
    """A service as the export names it; a partner's has a seller."""

    service_id: str
    description: str
    seller: str | None = None


VERTEX = Service("C7E2-9256-1C43", "Vertex AI")
GEMINI_API = Service("AEFD-7695-64FA", "Gemini API")
SONNET = Service("0000-0000-C046", "Claude Sonnet 4.6", "Anthropic, PBC")
OPUS = Service("0000-0000-C048", "Claude Opus 4.8", "Anthropic, PBC")
HAIKU = Service("0000-0000-C045", "Claude Haiku 4.5", "Anthropic, PBC")
SEARCH = Service("74B1-77CF-C302", "Vertex AI Search")
INVOICE = Service("0000-0000-0F04", "Invoice")
_COMPUTE = Service("6F81-5844-456A", "Compute Engine")
_STORAGE = Service("95FF-2EF5-5EA1", "Cloud Storage")
_ASSIST = Service("719A-983F-202D", "Duet AI")


@dataclass(frozen=True)
class Discount:
    """A credit: the `share` of a row's cost that it pays, until the `last` day of each month that it is given."""

    name: str
    credit_id: str
    kind: str
    share: Decimal
    last: int = 31


NEGOTIATED = Discount("Negotiated discount", "sbd-12-34", "DISCOUNT", Decimal("0.05"))
COMMITTED = Discount("Committed use discount", "cud-56-78", "COMMITTED_USAGE_DISCOUNT", Decimal("0.12"))
PROMOTION = Discount("Promotional credit", "FreeTrial:Credit-2026", "PROMOTION", Decimal(1), last=3)
FREE_TIER = Discount("Free tier", "free-tier-gemini", "FREE_TIER", Decimal(1))


@dataclass(frozen=True)
class Meter:
    """One SKU: USD a unit, how many units a weekday sees, and at which hours."""

    service: Service
    sku_id: str
    sku: str
    usd: Decimal
    amount: int
    hours: tuple[int, ...] = DESK
    unit: str | None = "requests"
    location: str | None = "global"
    discounts: tuple[Discount, ...] = ()
    model_label: str | None = None
    counts: bool = True


@dataclass(frozen=True)
class Project:
    """A project and what it runs; how much of a weekday a weekend day sees, and of a week the next."""

    project_id: str
    number: str
    name: str
    meters: tuple[Meter, ...]
    weekend: float = 0.3
    growth: float = 1.015


def _claude(service: Service, number: int, kind: str, usd: str, thousands: int, region: str = "global") -> Meter:
    spelt = service.description.replace("4.8", "4 8").replace("4.5", "4 5")
    sku = f"{spelt} — {kind} — {region} — Context Window Size from 0 to 200000 Tokens"
    return Meter(service, f"0000-0000-C{number}", sku, Decimal(usd), thousands * 1000, unit="count", location=region)


def _open_model(sku_id: str, what: str, usd: str, thousands: int) -> Meter:
    sku = f"Cloud Vertex AI Model Garden Model as a Service {what}"
    return Meter(VERTEX, sku_id, sku, Decimal(usd), thousands * 1000, NIGHT, location="us-central1")


def _studio(sku_id: str, sku: str, usd: str, thousands: int, label: str | None, *discounts: Discount) -> Meter:
    return Meter(
        GEMINI_API,
        sku_id,
        sku,
        Decimal(usd),
        thousands * 1000,
        TWICE,
        "count",
        discounts=discounts,
        model_label=label,
    )


def _gemini(sku_id: str, sku: str, usd: str, thousands: int, location: str, *discounts: Discount) -> Meter:
    return Meter(VERTEX, sku_id, sku, Decimal(usd), thousands * 1000, location=location, discounts=discounts)


def _other(service: Service, sku_id: str, sku: str, usd: str, amount: int, unit: str) -> Meter:
    return Meter(service, sku_id, sku, Decimal(usd), amount, TWICE, unit, "us-central1", counts=False)


_CODE_ASSIST = "Gemini Code Assist Standard monthly subscription"
ASSISTANT = (
    _gemini(
        "A121-E2B5-1418", "Gemini 2.5 Pro Text Input - Predictions", "0.00000125", 9_000, "us-central1", NEGOTIATED
    ),
    _gemini("5DA2-3F77-1CA5", "Gemini 2.5 Pro Text Output - Predictions", "0.00001", 1_400, "us-central1", NEGOTIATED),
    _gemini("E941-1B12-88B9", "Gemini 2.5 Pro Input Text Caching", "0.000000125", 21_000, "us-central1"),
    _gemini("2A35-AC68-14D6", "Gemini 3.8 Flash Global Text Input - Predictions", "0.0000015", 6_000, "global"),
    _gemini("90FD-DC5F-DC55", "Gemini 3.8 Flash Global Text Output - Predictions", "0.0000075", 900, "global"),
    _claude(SONNET, 101, "Input Tokens", "0.000003", 4_000),
    _claude(SONNET, 102, "Output Tokens", "0.000015", 700),
    _claude(SONNET, 103, "Input Cache Read Tokens", "0.0000003", 30_000),
    Meter(VERTEX, "0000-0000-0B06", "Grounding with Google Search on Gemini 3", Decimal("0.035"), 90, TWICE),
    Meter(
        VERTEX,
        "8A55-0B95-B7DC",
        "Vertex AI: ReasoningEngine management fee on CPU",
        Decimal("0.000027611"),
        60_000,
        TWICE,
        "seconds",
        "us-central1",
    ),
)
NIGHTLY = (
    _open_model("3243-D407-B462", "Llama 4 Scout Input Tokens", "0.00000025", 40_000),
    _open_model("FAF9-F39A-C679", "Llama 4 Scout Output Tokens", "0.0000007", 6_000),
    _open_model("A40E-4C0C-1639", "DeepSeek-V3.1 Cached Text Input Token", "0.00000006", 25_000),
    Meter(
        VERTEX,
        "FDAB-647C-5A22",
        "Gemini 2.5 Flash GA Text Input - Predictions",
        Decimal("0.0000003"),
        30_000_000,
        NIGHT,
        location="us-central1",
        discounts=(COMMITTED, NEGOTIATED),
    ),
    Meter(
        VERTEX,
        "A253-E8A3-DE5C",
        "Gemini 2.5 Flash GA Text Output (Thinking On) - Predictions",
        Decimal("0.0000025"),
        3_000_000,
        NIGHT,
        location="us-central1",
    ),
    _other(_COMPUTE, "CF4E-A0C7-E3BF", "E2 Instance Core running in Americas", "0.00000605", 345_600, "seconds"),
    _other(_STORAGE, "E5F0-6A5D-7BAD", "Standard Storage US Regional", "0.00000002", 90_000_000, "byte-seconds"),
)
STUDIO = (
    _studio(
        "981A-C057-0BF9",
        "Generate content input token count gemini 2.5 flash short input text",
        "0.0000003",
        12_000,
        "gemini25flash",
        PROMOTION,
    ),
    _studio(
        "911A-8880-A243",
        "Generate content output token count gemini 2.5 flash short input text",
        "0.0000025",
        2_000,
        "gemini25flash",
        PROMOTION,
    ),
    _studio(
        "ACA6-865B-F153",
        "Generate_content text output token count for gemini 3 flash",
        "0.000003",
        1_500,
        "gemini3flash",
    ),
    _studio(
        "E211-E01C-0CB3", "EmbedContent input token count for gemini-embedding-001", "0.00000015", 800, None, FREE_TIER
    ),
)
CODE = (
    _claude(OPUS, 112, "Output Tokens", "0.000025", 260, "us-east5"),
    Meter(
        SEARCH,
        "0000-0000-0D01",
        "AI Dev Tools: Claude Opus 4.8 Input Tokens",
        Decimal("0.000005"),
        1_100_000,
        TWICE,
        "count",
    ),
    _other(_ASSIST, "0000-0000-0F01", _CODE_ASSIST, "19", 2, "count"),
    _other(SEARCH, "0000-0000-0D02", "Search API Request Count - Standard", "0.0015", 900, "count"),
)
SUPPORT = (
    _gemini("7EBE-3B46-F75C", "Gemini 3 Flash Text Input - Predictions", "0.0000005", 8_000, "europe-west4"),
    _gemini("0127-F0B7-365E", "Gemini 3 Flash Text Output - Predictions", "0.000003", 1_300, "europe-west4"),
    _claude(HAIKU, 121, "Input Tokens", "0.000001", 2_500, "europe-west4"),
    Meter(
        VERTEX,
        "7C13-537E-1E75",
        "Gemini 2.5 Flash GA Image Input - Predictions",
        Decimal("0.0000003"),
        4_000_000,
        NIGHT,
    ),
    Meter(VERTEX, "180A-C24F-9D7F", "Imagen 4 Generation", Decimal("0.04"), 60, TWICE, location="europe-west4"),
)
CUSTOMER = (
    _gemini("F91E-007E-3BA1", "Gemini 2.5 Flash Lite Text Input - Predictions", "0.0000001", 3_000, "europe-west4"),
    _gemini("2D6E-6AC5-B1FD", "Gemini 2.5 Flash Lite Text Output - Predictions", "0.0000004", 500, "europe-west4"),
)

# What is billed on the first of a month besides: USD, and of what cost type.
THROUGHPUT = Meter(VERTEX, "0000-0000-0B05", "Vertex AI: Provisioned Throughput 1 month", Decimal(270), 1, unit="month")
TAX = Meter(INVOICE, "0000-0000-0F05", "Tax", Decimal("21.37"), 1, unit=None, location=None, counts=False)
ROUNDING = Meter(INVOICE, "0000-0000-0F05", "Tax", Decimal("-0.000004"), 1, unit=None, location=None, counts=False)
