"""The grammar of OpenAI's `line_item`: every spelling that was seen, and whatever else may come."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aispend_pipeline.model import LONGEST_NAME
from aispend_pipeline.normalise.openai_costs import LineItem, parse_line_item
from aispend_pipeline_tests.conftest import SAMPLES

steady = settings(deadline=None, derandomize=True)
SEEN = json.loads((SAMPLES / "line_items.json").read_text())
SIDES = {"input": "input", "output": "output", "cached input": "cached_input", "cache writes": "cache_write"}

words = st.sampled_from(
    [
        *[
            "gpt-4o",
            "o1-pro",
            "whisper",
            "text",
            "image",
            "input",
            "cached input",
            "output",
            "cache writes",
            "priority",
        ],
        *["flex", "evals", "long context", "Vector storage", "ft:gpt-4o:acme::x", "", " ", "|", ",", "\n", "<script>"],
    ]
)
joined = st.lists(words | st.sampled_from([" | ", ", ", " "]), max_size=9).map("".join)
texts = st.text() | joined | st.text(min_size=190, max_size=300).map(lambda text: f"{text}, input")


@pytest.mark.parametrize("row", SEEN, ids=[repr(row["line_item"]) for row in SEEN])
def test_a_seen_spelling_is_read_as_its_table_says(row):
    said = {name: row[name] for name in LineItem._fields}
    assert parse_line_item(row["line_item"])._asdict() == said


def test_the_table_has_every_kind_of_spelling():
    assert len(SEEN) >= 25
    for name in LineItem._fields:
        assert {row[name] is None for row in SEEN} == {True, False}


@steady
@given(st.none() | texts)
@example("x" * 10_000 + ", input")
@example(" | , ")
@example(", input")
@example("priority | ")
@example("a | b | c, input, d, e")
def test_no_text_is_too_odd_and_no_model_is_invented(text):
    item = parse_line_item(text)
    assert item.model is None or (item.model and item.model in text and len(item.model) <= LONGEST_NAME)
    assert item.token_type is None or item.token_type in SIDES.values()
    assert item.service_tier in (None, "priority", "flex", "batch", "scale")
    assert item.modality in (None, "text", "audio", "image", "video")
    for part in (item.surface, item.qualifier, item.service_tier, item.modality):
        assert part is None or (part and part in text)


names = st.text(st.characters(exclude_characters=" ,|"), min_size=1, max_size=300).filter(lambda name: name.strip())


@steady
@given(
    names,
    st.sampled_from([None, "priority", "flex", "batch", "scale", "evals", "assistants api"]),
    st.sampled_from([None, "text", "audio", "image", "video"]),
    st.sampled_from(sorted(SIDES)),
    st.sampled_from([None, "long context", "a, b"]),
)
def test_what_the_grammar_builds_it_also_reads(name, prefix, modality, side, qualifier):
    text = f"{prefix} | " if prefix else ""
    text += f"{name} {modality}" if modality else name
    text += f", {side}" + (f", {qualifier}" if qualifier else "")
    is_tier = prefix in ("priority", "flex", "batch", "scale")
    assert parse_line_item(text) == LineItem(
        model=name[:LONGEST_NAME],
        token_type=SIDES[side],
        service_tier=prefix if is_tier else None,
        surface=None if is_tier else prefix,
        modality=modality,
        qualifier=qualifier,
    )


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("whisper", "whisper"),
        ("o3", "o3"),
        ("octopus", None),
        ("Vector storage", None),
        ("input_tokens", None),
        ("gpt-4o, frobnication", None),
        ("gpt-4o hd", None),
        ("web search tool calls | gpt-4o", "gpt-4o"),
        ("gpt-4o | web search tool calls", None),
        ("my own model, input", None),
        ("a/b\n<script>, input", "a/b\n<script>"),
        ("g" * 201 + ", input", "g" * 200),
        ("gpt" + "g" * 300, "gpt" + "g" * 197),
    ],
)
def test_a_model_is_named_only_where_it_is_sure(text, model):
    assert parse_line_item(text).model == model
