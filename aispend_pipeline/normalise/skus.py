"""What Google's SKU texts say: the model, what is metered, and which of its prices it is.

Facts: SKU texts as the billing export has them, August and September 2026; their grammar is not documented, so
that the rules are tried in order and what fits none is `other`, without a model. It is money all the same.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from aispend_pipeline.model import LONGEST_NAME


class Sku(NamedTuple):
    """What a SKU's text says; none where it does not say. `unit` is none where the bill's own unit holds."""

    model: str | None
    token_type: str
    modality: str | None
    tier: str
    long_context: bool
    thinking: bool
    unit: str | None


# What is metered: the first that is found in the text, which is in lower case. Where both sides are named, the one
# before "token count" is the side, or output: a later "short input text" is only the class of the prompt.
METERS = tuple(
    (meter, re.compile(pattern))
    for meter, pattern in (
        ("tuning", r"\b(tuning|training)\b"),
        ("provisioned_throughput", r"provisioned throughput"),
        ("cache_storage", r"cach\w* storage|content storage"),
        ("cache_write", r"cache (write|creation)"),
        ("cached_input", r"\bcach(e|ed|ing)\b"),
        ("grounding", r"grounding|search quer"),
        ("image_generation", r"\bimagen\b"),
        ("video_generation", r"\bveo\b"),
        ("audio_generation", r"\blyria\b"),
        ("input", r"\binput token count"),
        ("output", r"\boutput\b|\bcompletion\b"),
        ("input", r"\binput\b|\bprompt\b"),
        ("embedding", r"embed"),
        ("compute", r"reasoningengine|agent platform|management fee|node hour|\bcpu\b|\bmemory\b"),
        ("other", r""),
    )
)
TOKENS = frozenset({"input", "output", "cached_input", "cache_write", "embedding"})
_UNITS = dict.fromkeys(TOKENS, "tokens") | {
    "image_generation": "images",
    "video_generation": "seconds",
    "grounding": "queries",
}

# The word next to a side: before it, after it, or after "token count"; else what the meter's own is.
_MODALITIES = tuple(
    re.compile(pattern.replace("MODALITY", r"(text|audio|image|video)"))
    for pattern in (
        r"\bMODALITY (?:\(\w+\) )?(?:input|output)\b",
        r"\b(?:input|output) (?:short |long )?MODALITY\b",
        r"\btoken count .*\bMODALITY\b",
    )
)
_MODALITY_OF = dict.fromkeys((*TOKENS, "cache_storage"), "text") | {
    "image_generation": "image",
    "video_generation": "video",
    "audio_generation": "audio",
}

_TIERS = tuple((tier, re.compile(rf"\b{tier}\b")) for tier in ("live", "batch", "flex", "priority", "offpeak"))
# "(Long)" and "long context"; of the Gemini API, "long input text"; of Claude, a window that does not start at zero.
_LONG = re.compile(r"\blong\b(?!-)|context window size from [1-9]")
_THINKING = re.compile(r"(?<!non-)\bthinking\b")

# Words that end the name of a model.
_ENDS = (
    "input|output|cache|cached|caching|prompt|completion|token|tokens|text|audio|image|video|generation|predictions"
    "|batch|flex|priority|live|offpeak|global|ga|managed|tuning|training"
)
# A model's name, and how it is written: the groups that there are, joined by "-".
_MODELS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\bgemini[ -](?:mm )?embedding(?:-(\d+))?\b", "gemini-embedding"),
        (
            # " image" before a side, caching or a tier is the modality.
            r"\bgemini (\d+(?:\.\d+)?) (pro|flash)(?:[ -](lite))?"
            r"(?:[ -](tts|cyber|image(?! (?:input|output|caching|batch|flex|priority)\b)))?\b",
            "gemini",
        ),
        # The minor version of "Claude Opus 5 5-minute Cache Write" is none.
        (r"\bclaude ([a-z]+) (\d{1,2})(?:[. ](\d{1,2})(?![-\d]))?\b", "claude"),
        (r"\bclaude (\d{1,2})(?:[. ](\d{1,2}))? (opus|sonnet|haiku)\b", "claude"),
        (rf"\bllama ?(\d+(?:\.\d+)?)(?: (?!(?:{_ENDS})\b)(\w+))?", "llama"),
        (r"\bdeepseek[- ](v\d+(?:\.\d+)?|r1|ocr)\b", "deepseek"),
        (
            r"\b((?:qwen|gpt-oss|glm|gemma|kimi|minimax|mistral|codestral|jamba|imagen|veo|lyria)[\w.-]*"
            rf"(?: (?!(?:{_ENDS})\b)\w[\w.-]*)*)",
            "",
        ),
    )
)
# Meters of which neither the service nor the label names the model.
_OF_NO_MODEL = frozenset({"grounding", "provisioned_throughput", "compute", "other"})
_LABEL = re.compile(r"gemini(\d)(\d)?(pro|flash)(lite)?(tts|cyber|image)?")


@lru_cache(maxsize=65536)
def parse_sku(sku: str, service: str | None = None, label: str | None = None) -> Sku:
    """Read a SKU's text; `service` is its service's description, `label` the Gemini API's own name of the model."""
    text = _plain(sku)
    meter = next(meter for meter, pattern in METERS if pattern.search(text))
    unit = "characters" if meter in TOKENS and "character" in text else _UNITS.get(meter)
    model = _model(text)
    if not model and meter not in _OF_NO_MODEL:
        model = _model(_plain(service or "")) or _model_of_label(label or "")
    return Sku(
        model=model[:LONGEST_NAME] if model else None,
        token_type=meter,
        modality=_modality(meter, text),
        tier=next((tier for tier, pattern in _TIERS if pattern.search(text)), "standard"),
        long_context=bool(_LONG.search(text)),
        thinking=bool(_THINKING.search(text)),
        unit=unit,
    )


def _plain(text: str) -> str:
    """In lower case, without needless spaces."""
    return " ".join(text.lower().split())


def _modality(meter: str, text: str) -> str | None:
    """How what is metered was written or heard; none for meters that have no such thing."""
    if meter not in _MODALITY_OF:
        return None
    return next((found[1] for pattern in _MODALITIES if (found := pattern.search(text))), _MODALITY_OF[meter])


def _model(text: str) -> str | None:
    """The model that a text names, as its maker writes it."""
    for pattern, family in _MODELS:
        if found := pattern.search(text):
            return _joined(family, *found.groups())
    return None


def _model_of_label(label: str) -> str | None:
    """`gemini25flashlite` is `gemini-2.5-flash-lite`."""
    found = _LABEL.fullmatch(label)
    if not found:
        return None
    major, minor, *rest = found.groups()
    return _joined("gemini", f"{major}.{minor}" if minor else major, *rest)


def _joined(family: str, *parts: str | None) -> str:
    """A name of its parts; Gemini's third version on is called `3`, where the second is `2.0`."""
    if family == "gemini" and parts[0] and parts[0][0] > "2":
        parts = (parts[0].removesuffix(".0"), *parts[1:])
    return "-".join(part.replace(" ", "-") for part in (family, *parts) if part)
