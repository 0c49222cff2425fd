"""What each source asks, parameter by parameter: a limit always, closed days with an end, the running day without."""

import json
from datetime import date

import pytest

from aispend_pipeline.model import Reading, Window
from aispend_pipeline.sources import SOURCES
from aispend_pipeline.sources.reports import ReportSource
from aispend_pipeline_tests.conftest import SCHEMAS

from .scripted import ANTHROPIC_KEY, NOW, SETTLED, TODAY, Answer, read, scripted, settings_for
from .shapes import ALL, ANTHROPIC_COSTS, ANTHROPIC_USAGE, OPENAI_USAGE

CLOSED, RUNNING = SETTLED, Window(TODAY, TODAY)
COMPLETIONS = ["project_id", "api_key_id", "model", "batch", "service_tier"]
OF_A_MODEL = ["project_id", "api_key_id", "model"]
USAGE = {
    "completions": COMPLETIONS,
    "embeddings": OF_A_MODEL,
    "moderations": OF_A_MODEL,
    "images": OF_A_MODEL,
    "audio_speeches": OF_A_MODEL,
    "audio_transcriptions": OF_A_MODEL,
    "vector_stores": ["project_id"],
    "code_interpreter_sessions": ["project_id"],
    "file_search_calls": ["project_id", "api_key_id"],
    "web_search_calls": OF_A_MODEL,
}

REPORTS = [source for source in SOURCES.values() if isinstance(source, ReportSource)]


def questions(shape, window: Window = CLOSED, **more: str) -> list[tuple[str, str, list[tuple[str, str]]]]:
    settings = settings_for("https://api.example/v1", shape.source.provider, **more)
    asked = shape.source.questions(settings, "default", window, NOW)
    return [(each.reading.value, each.request.path, list(each.request.params)) for each in asked]


def test_a_bill_of_anthropic_is_asked_for_by_workspace_and_description_and_then_as_a_whole():
    common = [("starting_at", "2026-11-18T00:00:00Z"), ("bucket_width", "1d"), ("limit", "31")]
    common.append(("ending_at", "2026-11-21T00:00:00Z"))
    path = "/v1/organizations/cost_report"
    assert questions(ANTHROPIC_COSTS) == [
        ("rows", path, [*common, ("group_by[]", "workspace_id"), ("group_by[]", "description")]),
        ("control", path, common),
    ]


def test_usage_of_anthropic_is_asked_for_by_the_hour_and_in_five_groups():
    assert questions(ANTHROPIC_USAGE) == [
        (
            "rows",
            "/v1/organizations/usage_report/messages",
            [
                ("starting_at", "2026-11-18T00:00:00Z"),
                ("bucket_width", "1h"),
                ("limit", "168"),
                ("ending_at", "2026-11-21T00:00:00Z"),
                *(
                    ("group_by[]", group)
                    for group in ("model", "workspace_id", "api_key_id", "service_tier", "context_window")
                ),
            ],
        )
    ]


def test_usage_of_openai_is_asked_for_by_the_hour_at_ten_endpoints():
    common = [("start_time", "1794960000"), ("bucket_width", "1h"), ("limit", "168"), ("end_time", "1795219200")]
    assert questions(OPENAI_USAGE) == [
        ("rows", f"/organization/usage/{name}", [*common, *(("group_by[]", group) for group in groups)])
        for name, groups in USAGE.items()
    ]


def test_every_endpoint_whose_shape_is_published_is_asked():
    published = {file.name for file in (SCHEMAS / "openai").glob("usage_*.schema.json")}
    assert published == {f"usage_{name}.schema.json" for name in USAGE}


def test_only_the_chosen_projects_are_asked_for():
    chosen = questions(OPENAI_USAGE, OPENAI_PROJECT_ID="proj_a, proj_b")
    assert len(chosen) == 10
    for _, _, params in chosen:
        assert [value for name, value in params if name == "project_ids[]"] == ["proj_a", "proj_b"]


@pytest.mark.parametrize("shape", ALL, ids=str)
def test_closed_days_have_an_end_and_the_running_day_has_none(shape):
    ends = {"openai": "end_time", "anthropic": "ending_at"}
    end = ends[shape.source.provider]
    for window, times in ((CLOSED, 1), (RUNNING, 0)):
        for _, _, params in questions(shape, window):
            assert [name for name, _ in params].count(end) == times
            assert [name for name, _ in params].count("limit") == 1


@pytest.mark.parametrize("shape", ALL, ids=str)
def test_a_question_is_never_about_more_than_its_limit_or_five_groups(shape):
    """Else the provider hides older buckets, or refuses."""
    most = shape.source.max_days
    window = Window(date(2026, 1, 1), date.fromordinal(date(2026, 1, 1).toordinal() + most - 1))
    for _, _, params in questions(shape, window):
        of = dict(params)
        assert int(of["limit"]) == most * {"1d": 1, "1h": 24}[of["bucket_width"]]
        assert [name for name, _ in params].count("group_by[]") <= 5


@pytest.mark.parametrize("shape", ALL, ids=str)
def test_what_is_asked_on_the_wire_is_what_is_kept_beside_the_answer_and_holds_no_key(shape):
    with scripted(shape.script([shape.page(*(shape.bucket(day) for day in SETTLED.days()))])) as provider:
        (fetch,) = read(provider.base_url, source=shape.source)
    kept = [json.loads(page.request.text()) for page in fetch.pages]
    assert [(each["path"], [tuple(pair) for pair in each["params"]]) for each in kept] == [
        (asked.path if "/v1/" in each["path"] else asked.path.removeprefix("/v1"), list(asked.query))
        for asked, each in zip(provider.asked, kept, strict=True)
    ]
    for secret in shape.credentials.values():
        assert secret.removeprefix("Bearer ") not in str(kept)


def test_rows_come_before_their_control():
    for source in REPORTS:
        settings = settings_for("https://api.example/v1", source.provider)
        readings = [question.reading for question in source.questions(settings, "default", CLOSED, NOW)]
        assert readings == sorted(readings, key=[Reading.ROWS, Reading.CONTROL].index)


def test_anthropic_is_asked_with_its_key_its_version_and_no_organisation():
    shape = ANTHROPIC_COSTS
    with scripted(lambda asked: Answer(shape.page())) as provider:
        more = {"AISPEND_ANTHROPIC_VERSION": "2026-10-21", "ANTHROPIC_ORG_ID": "org-1"}
        read(provider.base_url, source=shape.source, **more)
    for asked in provider.asked:
        assert (asked.headers["x-api-key"], asked.headers["anthropic-version"]) == (ANTHROPIC_KEY, "2026-10-21")
        assert "org-1" not in str(asked)
        assert "anthropic-beta" not in asked.headers
