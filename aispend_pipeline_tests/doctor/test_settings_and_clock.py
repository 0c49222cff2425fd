"""Settings that load and read nothing, and a clock that is wrong."""

from datetime import timedelta

import pytest

from aispend_pipeline.doctor import configured
from aispend_pipeline.doctor.heard import of_clock
from aispend_pipeline.settings import Settings

from .world import ANTHROPIC_KEY, OPENAI_KEY, about, answering, examined


@pytest.fixture
def said(tmp_path):
    def lines(dotenv: str | None = None, mode: int = 0o600, **environment: str) -> list[str]:
        file = tmp_path / "settings"
        if dotenv is not None:
            file.write_text(dotenv)
            file.chmod(mode)
        settings = Settings.load(environment, dotenv=file)
        return [finding.line.replace(str(tmp_path), "") for finding in configured.examine(settings, file)]

    return lines


def test_a_provider_that_is_on_without_a_key_and_one_that_is_off_with_one(said):
    assert said(ENABLE_OPENAI="true", ANTHROPIC_API_KEY=ANTHROPIC_KEY) == [
        "FAIL settings: openai is switched on but unconfigured; set OPENAI_API_KEY, or ENABLE_OPENAI=false",
        "note settings: anthropic has a key and is switched off; to read it set ENABLE_ANTHROPIC=true",
    ]


def test_warnings_are_notes(said):
    assert said("OPENAI_HARDCAP=5", OPENAI_API_KEY=OPENAI_KEY) == [
        "note settings: OPENAI_HARDCAP: no such setting; did you mean OPENAI_HARD_CAP?",
        "ok   settings: openai default to be read",
    ]


@pytest.mark.parametrize(("mode", "noted"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_of_keys_that_everybody_may_read(said, mode, noted):
    lines = said(f"OPENAI_API_KEY={OPENAI_KEY}", mode)

    assert lines[:-1] == (
        ["note settings: /settings: holds keys, and every user of this machine may read it; run: chmod 600 /settings"]
        if noted
        else []
    )


def test_a_file_without_keys_may_be_read_by_everybody(said):
    assert said("AISPEND_PORT=81", 0o644, OPENAI_API_KEY=OPENAI_KEY) == ["ok   settings: openai default to be read"]


@pytest.mark.parametrize(
    ("theirs", "code", "line"),
    [
        (timedelta(minutes=5), 0, "ok   clock: within 5 minutes of the providers'"),
        (timedelta(minutes=-5), 0, "ok   clock: within 5 minutes of the providers'"),
        (
            timedelta(minutes=-12),
            1,
            "FAIL clock: 12 minutes ahead of the providers', and days are told by it; set this machine's clock, for"
            " example by: timedatectl set-ntp true",
        ),
        (
            timedelta(days=2),
            1,
            "FAIL clock: 2,880 minutes behind the providers', and days are told by it; set this machine's clock, for"
            " example by: timedatectl set-ntp true",
        ),
    ],
)
def test_the_clock_is_held_against_the_providers(world, capsys, theirs, code, line):
    world.with_openai(ahead=theirs)

    found, lines = examined(world, capsys)

    assert (found, about(lines, "clock")) == (code, [line])


def test_an_answer_that_is_an_error_tells_the_time_too(world, capsys):
    world.with_openai(answering(401, b"{}"), ahead=timedelta(hours=1))

    _, lines = examined(world, capsys)

    assert about(lines, "clock")[0].startswith("FAIL clock: 60 minutes behind")


def test_one_provider_that_agrees_is_enough():
    assert of_clock([timedelta(hours=3), None, timedelta(seconds=-2)]).line.startswith("ok ")
