"""The texts of Google's SKUs: every wording that was seen, and whatever else may come."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline.model import LONGEST_NAME
from aispend_pipeline.normalise.skus import METERS, Sku, parse_sku
from aispend_pipeline_tests.normalise.billing_pages import GOOGLE

steady = settings(deadline=None, derandomize=True)
CASES = [json.loads(line) for line in (GOOGLE / "sku_parse_cases.jsonl").read_text().splitlines()]
LISTED = [listed for listed in json.loads((GOOGLE / "google_skus.json").read_text()) if listed["exact"]]
FIELDS = ("model", "token_type", "modality", "tier", "long_context", "thinking")


@pytest.mark.parametrize(("known", "how_many"), [(CASES, 83), (LISTED, 38)], ids=["cases", "listed"])
def test_every_known_wording_is_read_as_it_is_meant(known, how_many):
    assert len(known) == how_many
    got = [(one["sku"], *parse_sku(one["sku"], one["service"], one.get("model_label"))[: len(FIELDS)]) for one in known]
    assert Sku._fields[: len(FIELDS)] == FIELDS
    assert got == [(one["sku"], *(one[field] for field in FIELDS)) for one in known]


@pytest.mark.parametrize(
    ("sku", "model"),
    [
        ("Gemini 3.0 Flash Text Input", "gemini-3-flash"),
        ("Gemini 2.5 Flash-Lite Text Input", "gemini-2.5-flash-lite"),
        ("Gemini 2.5 Flash Image Output - Predictions", "gemini-2.5-flash"),
        ("Gemini 2.5 Flash Image Text Output - Predictions", "gemini-2.5-flash-image"),
        ("Gemini 2.5 Flash Image", "gemini-2.5-flash-image"),
        ("Gemini 2.5 Flash TTS Audio Output", "gemini-2.5-flash-tts"),
        ("Gemini Code Assist", None),
        ("Claude Opus 5 5-minute Cache Write", "claude-opus-5"),
        ("Claude Opus 4.8 1-hour Cache Write", "claude-opus-4-8"),
        ("Claude Sonnet 4 20250514 Input", "claude-sonnet-4"),
        ("Claude 3.5 Sonnet v2 Input", "claude-3-5-sonnet"),
        ("Llama 4 Input Tokens", "llama-4"),
        ("Kimi K2 Thinking Output", "kimi-k2-thinking"),
        ("Gemma 4 26B A4B IT Input Token", "gemma-4-26b-a4b-it"),
        ("Mistral Medium 3 Batch Output", "mistral-medium-3"),
        ("DeepSeek OCR Input", "deepseek-ocr"),
        ("Veo 3 Video Generation", "veo-3"),
        ("Tax", None),
    ],
)
def test_a_models_name_ends_where_the_meter_begins(sku, model):
    assert parse_sku(sku, "Vertex AI").model == model


@pytest.mark.parametrize(
    ("service", "label", "model"),
    [
        ("Claude Opus 4.8", "gemini25flash", "claude-opus-4-8"),
        ("Gemini API", "gemini25flash", "gemini-2.5-flash"),
        ("Gemini API", "gemini30pro", "gemini-3-pro"),
        ("Gemini API", "gemini3flashliteimage", "gemini-3-flash-lite-image"),
        ("Gemini API", "something", None),
        (None, None, None),
    ],
)
def test_a_text_without_a_model_is_of_the_services_or_the_labels(service, label, model):
    assert parse_sku("Output token count text", service, label).model == model
    assert parse_sku("Something new", service, label).model is None


@pytest.mark.parametrize(
    ("sku", "meter"),
    [
        ("Cloud Vertex AI Model Garden Managed OSS Fine Tuning for Llama 4 Input Tokens", "tuning"),
        ("Gemini 2.5 Pro Training Tokens, Input", "tuning"),
        ("Gemini 3 Pro Content Storage", "cache_storage"),
        ("Claude Opus 5 Cache Creation Input", "cache_write"),
        ("Generate content input token count gemini 2.5 flash short output text", "input"),
        ("Generate content output token count gemini 2.5 flash long input text", "output"),
        ("Jamba 2 Completion", "output"),
        ("Jamba 2 Prompt", "input"),
        ("Lyria 2 Music Output", "audio_generation"),
        ("Custom Prediction Node Hour in Oregon", "compute"),
        ("Agent Platform CPU", "compute"),
    ],
)
def test_the_first_rule_that_fits_says_what_is_metered(sku, meter):
    assert parse_sku(sku).token_type == meter


@pytest.mark.parametrize(
    ("sku", "modality"),
    [
        ("Gemini 3 Flash Input Short Audio Caching", "audio"),
        ("Gemini 3 Flash Long Video Input", "video"),
        ("Generate content input token count gemini 3.1 flash lite preview audio", "audio"),
        ("Gemini 3 Flash Audio Lite Input", "text"),
        ("Gemini 3 Flash Caching Storage", "text"),
        ("Gemini 3 Flash Tuning Text Input", None),
        ("Lyria 2 Generation", "audio"),
    ],
)
def test_a_modality_is_the_word_beside_a_side(sku, modality):
    assert parse_sku(sku).modality == modality


@pytest.mark.parametrize(
    ("sku", "unit"),
    [
        ("Gemini 2.5 Pro Text Input - Predictions", "tokens"),
        ("Claude Opus 5 Cache Write", "tokens"),
        ("Large Text Embedding Model", "tokens"),
        ("Translation LLM Input Characters", "characters"),
        ("Embeddings for Text, per Character", "characters"),
        ("Imagen 4 Generation", "images"),
        ("Veo 3 Fast Video Generation", "seconds"),
        ("Grounding with Google Search on Gemini 3", "queries"),
        ("Gemini 3 Flash Text Input Caching Storage", None),
        ("Lyria 2 Generation", None),
        ("Agent Platform Memory", None),
    ],
)
def test_a_quantitys_unit_is_what_the_meter_counts_or_what_the_bill_says(sku, unit):
    assert parse_sku(sku).unit == unit


@pytest.mark.parametrize(
    ("sku", "long"),
    [
        ("Generate content input token count gemini 2.5 pro long input text", True),
        ("Generate content cached input token count gemini 2.5 pro input long text", True),
        ("Generate content input token count gemini 2.5 pro short input text", False),
        ("Gemini 1.5 Pro Long Context Text Input", True),
        ("Long-form Video Generation", False),
    ],
)
def test_a_long_context_is_said_in_several_ways(sku, long):
    assert parse_sku(sku).long_context is long


words = st.lists(
    st.sampled_from(
        "gemini claude llama veo qwen3-x opus 3 haiku 4.8 2.5 flash lite image text input output cached token count"
        " long thinking non-thinking batch live — - embedding tuning (av2a) generate storage".split()
    ),
    max_size=12,
).map(" ".join)


@steady
@given(st.text() | words, st.none() | st.text() | words, st.none() | st.text() | st.just("gemini25pro"))
@example("gemini " + "9" * 5000 + " pro", None, None)
@example("qwen3" + " word" * 2000, None, None)
def test_no_text_is_too_odd(sku, service, label):
    read = parse_sku(sku, service, label)
    assert read.token_type in {meter for meter, _ in METERS}
    assert read.model is None or (0 < len(read.model) <= LONGEST_NAME and " " not in read.model)
    assert read == parse_sku(f"  {sku.upper()} ", service, label) or not sku.isascii()
