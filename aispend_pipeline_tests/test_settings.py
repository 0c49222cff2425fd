"""Settings: what is accepted, what is refused and how, and that a secret stays one."""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import assume, given, strategies
from hypothesis import settings as bounded

from aispend_pipeline.errors import SettingsError, UsageError
from aispend_pipeline.settings import AnthropicAccount, OpenAIAccount, Settings
from aispend_pipeline.sources import feeds

KEY = "sk-admin-Zq81-a"


def secrets_of(made: Settings) -> tuple[str, ...]:
    return tuple(account.api_key.get_secret_value() for account in (*made.openai, *made.anthropic))


def load(environment: dict[str, str] | None = None, /, **more: str) -> Settings:
    return Settings.load({**(environment or {}), **more}, dotenv=None)


def refused(environment: dict[str, str] | None = None, /, **more: str) -> list[str]:
    """The lines of the refusal."""
    with pytest.raises(SettingsError) as raised:
        load(environment, **more)
    assert str(raised.value) == "\n".join(raised.value.lines)
    assert isinstance(raised.value, UsageError)
    for line in raised.value.lines:
        assert "\n" not in line
    return raised.value.lines


DECLARED = [
    (field.alias, field)
    for model in (Settings, OpenAIAccount, AnthropicAccount)
    for name, field in model.model_fields.items()
    if name not in {"openai", "anthropic", "vertex", "warnings", "name"}
]


@pytest.mark.parametrize(("alias", "field"), DECLARED, ids=lambda value: value if isinstance(value, str) else "")
def test_every_setting_is_described_and_its_example_is_accepted(alias, field):
    assert re.fullmatch(r"[A-Z][A-Z_]+", alias)
    assert field.description
    assert len(field.description) > 8
    (example,) = field.examples

    made = load({"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY, alias: example})

    assert alias in made.shown()
    assert made.warnings == ()


def test_nothing_is_needed():
    made = load()

    assert made.home == Path("data")
    assert (made.host, made.port, made.lookback_hours, made.stale_after_seconds) == ("127.0.0.1", 8080, 48, 10800)
    assert (made.start_date, made.openai, made.anthropic, made.warnings) == (None, (), (), ())
    assert (made.anthropic_version, made.anthropic_calls_per_hour) == ("2023-06-01", 60)


@pytest.mark.parametrize("nothing", ["", " ", "\t\n"])
def test_empty_means_unset(nothing):
    for alias, _ in DECLARED:
        assert load({alias: nothing}) == load(), alias


def test_values_are_trimmed():
    made = load(AISPEND_PORT=" 81 ", OPENAI_API_KEY=f" {KEY}\n", OPENAI_HARD_CAP=" 12 ")

    assert (made.port, secrets_of(made), made.openai_hard_cap) == (81, (KEY,), Decimal(12))


class TestDotenv:
    def test_the_environment_wins(self, tmp_path):
        (tmp_path / ".env").write_text(f"AISPEND_PORT=1111\nAISPEND_HOST=127.0.0.2\nOPENAI_API_KEY={KEY}\n")

        made = Settings.load({"AISPEND_PORT": "2222"}, dotenv=tmp_path / ".env")

        assert (made.port, made.host, secrets_of(made)) == (2222, "127.0.0.2", (KEY,))

    def test_it_is_that_of_the_working_directory(self):
        Path(".env").write_text("AISPEND_PORT=1111\n")

        assert Settings.load({}).port == 1111

    def test_its_values_are_taken_as_they_are(self, tmp_path):
        (tmp_path / ".env").write_text("OPENAI_API_KEY='sk-$HOME-${USER}'\n")

        assert (
            Settings.load({"HOME": "x", "USER": "y"}, dotenv=tmp_path / ".env").openai[0].api_key.get_secret_value()
            == "sk-$HOME-${USER}"
        )

    @pytest.mark.parametrize("text", ["", "# nothing\n", "AISPEND_PORT\n", "AISPEND_PORT=\n"])
    def test_one_that_says_nothing_changes_nothing(self, tmp_path, text):
        (tmp_path / ".env").write_text(text)

        assert Settings.load({}, dotenv=tmp_path / ".env") == load()

    def test_one_that_cannot_be_read_is_refused_by_name_and_without_its_contents(self, tmp_path):
        (tmp_path / ".env").write_bytes(f"OPENAI_API_KEY={KEY}".encode() + b"\xff\xfe\n")

        with pytest.raises(SettingsError, match=r"cannot be read .*; mend or remove the file") as raised:
            Settings.load({}, dotenv=tmp_path / ".env")

        assert str(raised.value).startswith(str(tmp_path / ".env"))
        assert KEY not in str(raised.value)

    @pytest.mark.parametrize("wrong", [f"OPENAI_API_KEY {KEY}", f"OPENAI_API_KEY='{KEY}", f"OPENAI_API_KEY='{KEY}' x"])
    @pytest.mark.parametrize(("before", "line"), [("", 1), ("AISPEND_PORT=1\n\n# mine\n\n", 5)])
    def test_a_line_that_cannot_be_understood_is_said_by_its_number_and_without_its_contents(
        self, tmp_path, wrong, before, line
    ):
        (tmp_path / ".env").write_text(f"{before}{wrong}\nAISPEND_HOST=127.0.0.1\n")

        with pytest.raises(SettingsError) as raised:
            Settings.load({}, dotenv=tmp_path / ".env")

        assert str(raised.value) == (
            f"{tmp_path / '.env'}, line {line}: cannot be understood; write NAME=value, with quotes that are closed if"
            " there are any, or put # before it"
        )

    def test_an_unknown_name_in_it_is_always_said(self, tmp_path):
        (tmp_path / ".env").write_text("SOMETHING_ELSE=1\nAISPEND_PORTS=1\n")

        assert Settings.load({}, dotenv=tmp_path / ".env").warnings == (
            "AISPEND_PORTS: no such setting; did you mean AISPEND_PORT?",
            "SOMETHING_ELSE: no such setting",
        )


class TestAccounts:
    def test_each_key_is_an_account_and_the_default_comes_first(self):
        made = load(OPENAI_API_KEY__EU="sk-2", OPENAI_API_KEY__ASIA_1="sk-3", OPENAI_API_KEY="sk-1")

        assert [(account.name, account.api_key.get_secret_value()) for account in made.openai] == [
            ("default", "sk-1"),
            ("asia_1", "sk-3"),
            ("eu", "sk-2"),
        ]
        assert made.warnings == ()

    def test_a_further_account_inherits_the_address_and_nothing_else(self):
        made = load(
            OPENAI_API_KEY="sk-1",
            OPENAI_API_KEY__EU="sk-2",
            OPENAI_ORG_ID="org-1",
            OPENAI_PROJECT_ID="proj_1",
            OPENAI_BASE_URL="https://proxy.example/v1/",
        )

        default, eu = made.openai
        assert (default.org_id, default.project_ids, default.base_url) == (
            "org-1",
            ("proj_1",),
            "https://proxy.example/v1",
        )
        assert (eu.org_id, eu.project_ids, eu.base_url) == (None, (), "https://proxy.example/v1")

    def test_a_further_account_may_have_everything_of_its_own(self):
        made = load(
            OPENAI_API_KEY__EU="sk-2",
            OPENAI_ORG_ID__EU="org-2",
            OPENAI_PROJECT_ID__EU="a, b,,",
            OPENAI_BASE_URL__EU="https://eu.api.openai.com/v1",
            OPENAI_BASE_URL="https://proxy.example/v1",
        )

        (eu,) = made.openai
        assert (eu.org_id, eu.project_ids, eu.base_url) == ("org-2", ("a", "b"), "https://eu.api.openai.com/v1")
        assert set(made.shown()) >= {"OPENAI_API_KEY__EU", "OPENAI_BASE_URL__EU", "OPENAI_PROJECT_ID__EU"}

    def test_a_suffix_without_a_key_says_so(self):
        assert refused(OPENAI_ORG_ID__EU="org-2", OPENAI_API_KEY="sk-1") == [
            "OPENAI_API_KEY__EU: missing; set it, for example OPENAI_API_KEY__EU=sk-admin-..."
        ]

    def test_what_is_wrong_with_an_account_is_said_with_its_suffix(self):
        (line,) = refused(OPENAI_API_KEY__EU="sk-2", OPENAI_BASE_URL__EU="ftp://x")

        assert line.startswith("OPENAI_BASE_URL__EU: ")
        assert line.endswith("for example OPENAI_BASE_URL__EU=https://api.openai.com/v1")

    @pytest.mark.parametrize("name", ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_BASE_URL"])
    def test_settings_of_an_account_without_any_key_make_no_account(self, name):
        assert load({name: "https://x.example"}).openai == ()

    @pytest.mark.parametrize("key", ["sk-\nx-123", "sk-clé-123", "sk-a b-123", "sk-\u200b-123", "sk-\x00-123"])
    def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(self, key):
        (line,) = refused(OPENAI_API_KEY=key)

        assert line.startswith("OPENAI_API_KEY: (not shown) ")
        assert "123" not in line


CAPS = [f"{scope}_{kind}_CAP" for scope in ("OPENAI", "ANTHROPIC", "VERTEX", "GLOBAL") for kind in ("SOFT", "HARD")]


class TestCaps:
    @pytest.mark.parametrize(
        ("text", "value"),
        [("12", "12"), (" 12 ", "12"), ("0", "0"), ("0.00", "0"), ("250.00", "250"), ("0.000001", "0.000001")],
    )
    def test_a_plain_decimal_is_accepted(self, text, value):
        for name in CAPS:
            assert getattr(load({name: text}), name.lower()) == Decimal(value), name

    @pytest.mark.parametrize(
        "text",
        [
            *"abc -5 +5 Infinity NaN 1e400 1e3 1,000 1_000 0x10 12. .5 $5 5USD ٣ １２ 1.2.3 -0".split(),
            "1 000",
            "9" * 21,
            "0." + "1" * 19,
            "9" * 10_000,
        ],
        ids=lambda text: text[:12],
    )
    def test_anything_else_is_refused_with_name_value_and_example(self, text):
        (line,) = refused(OPENAI_HARD_CAP=text)

        assert line == (
            f"OPENAI_HARD_CAP: {text[:60]!r} is not a plain amount of US dollars; for example OPENAI_HARD_CAP=250.00"
        )

    @pytest.mark.parametrize("scope", ["OPENAI", "ANTHROPIC", "VERTEX", "GLOBAL"])
    def test_a_soft_cap_above_the_hard_one_is_refused(self, scope):
        (line,) = refused({f"{scope}_SOFT_CAP": "100.01", f"{scope}_HARD_CAP": "100"})

        assert line.startswith(f"{scope}_SOFT_CAP: 100.01 is above {scope}_HARD_CAP, 100;")

    @pytest.mark.parametrize(
        ("soft", "hard"), [("100", "100"), ("1", "2"), ("5", "0"), ("5", ""), ("", "5"), ("0", "5")]
    )
    def test_equal_caps_and_no_caps_are_no_contradiction(self, soft, hard):
        load(GLOBAL_SOFT_CAP=soft, GLOBAL_HARD_CAP=hard)


FLAGS = ["ENABLE_OPENAI", "ENABLE_ANTHROPIC", "ENABLE_VERTEX_BILLING_API", "ENABLE_VERTEX_BQ"]


class TestFlags:
    @pytest.mark.parametrize(
        ("text", "value"),
        [(t, True) for t in "1 yes TRUE True on ON".split()] + [(t, False) for t in "0 no FALSE off Off".split()],
    )
    def test_the_usual_words_are_understood(self, text, value):
        for name in FLAGS:
            assert getattr(load({name: text}), name.lower()) is value, name

    @pytest.mark.parametrize("text", ["maybe", "2", "y", "t", "nope", "-1", "truе", "1.0"])
    def test_others_are_refused(self, text):
        assert refused(ENABLE_OPENAI=text) == [
            f"ENABLE_OPENAI: {text!r} is neither true nor false; for example ENABLE_OPENAI=true"
        ]

    @pytest.mark.parametrize(
        ("environment", "on"),
        [
            ({}, []),
            ({"OPENAI_API_KEY": "sk-1"}, ["openai"]),
            ({"OPENAI_API_KEY__EU": "sk-1"}, ["openai"]),
            ({"OPENAI_API_KEY": "sk-1", "ENABLE_OPENAI": "true"}, ["openai"]),
            ({"OPENAI_API_KEY": "sk-1", "ENABLE_OPENAI": "false"}, []),
            ({"OPENAI_API_KEY": "sk-1", "ENABLE_ANTHROPIC": "true"}, ["anthropic"]),
            ({"OPENAI_API_KEY": "sk-1", "ENABLE_ANTHROPIC": "false"}, []),
            ({"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"}, ["openai", "anthropic"]),
            ({"ANTHROPIC_API_KEY__EU": "sk-2"}, ["anthropic"]),
            ({"ANTHROPIC_API_KEY": "sk-2", "ENABLE_ANTHROPIC": "false"}, []),
            ({"ANTHROPIC_API_KEY": "sk-2", "ENABLE_OPENAI": "true"}, ["openai"]),
            ({"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2", "ENABLE_ANTHROPIC": "yes"}, ["anthropic"]),
            ({"ENABLE_OPENAI": "true"}, ["openai"]),
            ({"ENABLE_VERTEX_BQ": "1"}, ["vertex"]),
            ({"ENABLE_VERTEX_BILLING_API": "1", "ENABLE_VERTEX_BQ": "0"}, ["vertex"]),
            ({"ENABLE_VERTEX_BILLING_API": "0", "ENABLE_VERTEX_BQ": "0"}, []),
            (dict.fromkeys(FLAGS, "1"), ["openai", "anthropic", "vertex"]),
        ],
        ids=str,
    )
    def test_as_soon_as_one_is_set_those_not_set_are_off(self, environment, on):
        made = load(environment)

        assert [provider for provider in ("openai", "anthropic", "vertex") if made.enabled(provider)] == on


def feeds_of(made: Settings) -> list[tuple[str, str]]:
    return [(source, account) for source, account, _ in feeds(made)]


class TestFeeds:
    def test_one_that_is_on_without_a_key_is_not_read_and_the_others_are(self):
        made = load(OPENAI_API_KEY="sk-1", ENABLE_OPENAI="true", ENABLE_ANTHROPIC="true", ENABLE_VERTEX_BQ="true")

        assert feeds_of(made) == [("openai_costs", "default"), ("openai_usage", "default")]

    def test_one_that_is_off_is_not_read_whatever_keys_it_has(self):
        made = load(OPENAI_API_KEY="sk-1", ANTHROPIC_API_KEY="sk-2", ENABLE_OPENAI="false", ENABLE_ANTHROPIC="true")

        assert feeds_of(made) == [("anthropic_costs", "default"), ("anthropic_usage", "default")]

    def test_every_account_of_every_source_is_read_by_itself(self):
        made = load(ANTHROPIC_API_KEY="sk-1", ANTHROPIC_API_KEY__EU="sk-2", OPENAI_API_KEY__US="sk-3")

        assert feeds_of(made) == [
            ("openai_costs", "us"),
            ("openai_usage", "us"),
            ("anthropic_costs", "default"),
            ("anthropic_costs", "eu"),
            ("anthropic_usage", "default"),
            ("anthropic_usage", "eu"),
        ]


class TestAnthropic:
    def test_each_key_is_an_account_that_inherits_the_address_and_nothing_else(self):
        made = load(
            ANTHROPIC_API_KEY__EU="sk-2",
            ANTHROPIC_API_KEY__ASIA_1="sk-3",
            ANTHROPIC_API_KEY="sk-1",
            ANTHROPIC_ORG_ID="org-1",
            ANTHROPIC_BASE_URL="https://proxy.example/anthropic/",
        )

        assert [(account.name, account.api_key.get_secret_value(), account.org_id) for account in made.anthropic] == [
            ("default", "sk-1", "org-1"),
            ("asia_1", "sk-3", None),
            ("eu", "sk-2", None),
        ]
        assert {account.base_url for account in made.anthropic} == {"https://proxy.example/anthropic"}
        assert (made.openai, made.warnings) == ((), ())

    def test_an_account_may_have_an_address_of_its_own(self):
        made = load(ANTHROPIC_API_KEY="sk-1", ANTHROPIC_API_KEY__EU="sk-2", ANTHROPIC_BASE_URL__EU="https://eu.example")

        assert [account.base_url for account in made.anthropic] == ["https://api.anthropic.com", "https://eu.example"]

    def test_an_address_that_all_inherit_is_refused_once_and_by_its_own_name(self):
        lines = refused(ANTHROPIC_API_KEY="sk-1", ANTHROPIC_API_KEY__EU="sk-2", ANTHROPIC_BASE_URL="ftp://x")

        assert [line.split(":")[0] for line in lines] == ["ANTHROPIC_BASE_URL"]

    @pytest.mark.parametrize("first", ["", "org-1"])
    def test_one_bill_is_not_counted_twice(self, first):
        """The key alone decides the organisation, so no other setting tells two accounts apart."""
        keys = {"ANTHROPIC_API_KEY": "sk-ant-admin01-a", "ANTHROPIC_API_KEY__EU": "sk-ant-admin01-a"}
        assert refused(keys, ANTHROPIC_ORG_ID=first, ANTHROPIC_ORG_ID__EU="org-2") == [
            "ANTHROPIC_API_KEY__EU: reads what account default reads, and the bill would be counted twice; remove one"
        ]

    def test_one_key_at_two_providers_is_two_accounts(self):
        assert len(secrets_of(load(OPENAI_API_KEY="sk-1", ANTHROPIC_API_KEY="sk-1"))) == 2

    def test_a_suffix_without_a_key_says_so(self):
        assert refused(ANTHROPIC_ORG_ID__EU="org-2", ANTHROPIC_API_KEY="sk-1") == [
            "ANTHROPIC_API_KEY__EU: missing; set it, for example ANTHROPIC_API_KEY__EU=sk-ant-admin01-..."
        ]

    def test_the_default_account_has_no_suffix(self):
        assert refused(ANTHROPIC_API_KEY__DEFAULT="sk-1") == [
            "ANTHROPIC_API_KEY__DEFAULT: account default is the one without a suffix; set ANTHROPIC_API_KEY"
        ]

    @pytest.mark.parametrize("name", ["ANTHROPIC_ORG_ID", "ANTHROPIC_BASE_URL"])
    def test_settings_of_an_account_without_any_key_make_no_account(self, name):
        assert load({name: "https://x.example"}).anthropic == ()

    @pytest.mark.parametrize("key", ["sk-\nx-123", "sk-clé-123", "sk-a b-123", "sk-\u200b-123"])
    def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(self, key):
        (line,) = refused(ANTHROPIC_API_KEY__EU=key)

        assert line.startswith("ANTHROPIC_API_KEY__EU: (not shown) ")
        assert "123" not in line

    @pytest.mark.parametrize("text", ["2023-06-01", "2026-10-21"])
    def test_a_version_is_taken_as_it_is(self, text):
        assert load(AISPEND_ANTHROPIC_VERSION=text).anthropic_version == text

    @pytest.mark.parametrize("text", ["2023\n06", "2023\u201106\u201101", "x\x00"])
    def test_a_version_that_no_header_can_carry_is_refused(self, text):
        (line,) = refused(AISPEND_ANTHROPIC_VERSION=text)

        assert line.startswith("AISPEND_ANTHROPIC_VERSION: ")
        assert line.endswith("for example AISPEND_ANTHROPIC_VERSION=2023-06-01")

    @pytest.mark.parametrize("text", ["1", "60", "90", "100000"])
    def test_a_number_of_calls_an_hour_is_accepted(self, text):
        assert load(AISPEND_ANTHROPIC_CALLS_PER_HOUR=text).anthropic_calls_per_hour == int(text)

    @pytest.mark.parametrize("text", ["0", "-1", "100001", "1.5", "1e2", "many", "9" * 5000], ids=lambda text: text[:9])
    def test_any_other_number_of_calls_is_refused(self, text):
        (line,) = refused(AISPEND_ANTHROPIC_CALLS_PER_HOUR=text)

        assert line.startswith(f"AISPEND_ANTHROPIC_CALLS_PER_HOUR: {text[:60]!r} ")
        assert line.endswith("for example AISPEND_ANTHROPIC_CALLS_PER_HOUR=60")


class TestNames:
    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("OPENAI_HARDCAP", "OPENAI_HARD_CAP"),
            ("OPENAI_APIKEY", "OPENAI_API_KEY"),
            ("OPENAI_API_KEYS", "OPENAI_API_KEY"),
            ("AISPEND_PROT", "AISPEND_PORT"),
            ("AISPEND_STARTDATE", "AISPEND_START_DATE"),
            ("CRON_LOOKBACK_HOUR", "CRON_LOOKBACK_HOURS"),
            ("ENABLE_OPEN_AI", "ENABLE_OPENAI"),
            ("ANTHROPIC_SOFTCAP", "ANTHROPIC_SOFT_CAP"),
            ("ANTHROPIC_APIKEY", "ANTHROPIC_API_KEY"),
            ("ANTHROPIC_BASE_URI", "ANTHROPIC_BASE_URL"),
            ("AISPEND_ANTHROPIC_CALLS_PER_HOURS", "AISPEND_ANTHROPIC_CALLS_PER_HOUR"),
        ],
    )
    def test_a_misspelt_one_is_said_with_the_nearest(self, wrong, right):
        assert load({wrong: "1"}).warnings == (f"{wrong}: no such setting; did you mean {right}?",)

    @pytest.mark.parametrize(
        "name",
        [
            "PATH",
            "HOME",
            "DAGSTER_HOME",
            "PORT",
            "OPENAI_LOG",
            "GLOBAL_AGENT_HTTP_PROXY",
            "GCP_REGION",
            "ENABLE_X",
            "_",
        ],
    )
    def test_those_of_other_programs_stay_silent(self, name):
        assert load({name: "1"}).warnings == ()

    def test_a_misspelt_one_never_shows_its_value(self):
        assert "secret" not in str(load(OPENAI_APIKEY="secret").warnings)


class TestBounds:
    @pytest.mark.parametrize("text", ["24", "48", "2160"])
    def test_a_look_back_of_a_day_to_90_days_is_accepted(self, text):
        assert load(CRON_LOOKBACK_HOURS=text).lookback_hours == int(text)

    @pytest.mark.parametrize(
        "text", ["0", "-5", "23", "2161", str(10**9), "9" * 5000, "48.5", "1e2", "two", "0x30", "NaN"]
    )
    def test_any_other_look_back_is_refused(self, text):
        (line,) = refused(CRON_LOOKBACK_HOURS=text)

        assert line.startswith(f"CRON_LOOKBACK_HOURS: {text[:60]!r} ")
        assert line.endswith("for example CRON_LOOKBACK_HOURS=48")

    @pytest.mark.parametrize("text", ["0", "1", "65535"])
    def test_a_port_is_accepted(self, text):
        assert load(AISPEND_PORT=text).port == int(text)

    @pytest.mark.parametrize("text", ["-1", "65536", "http", "8080.5", "80 80"])
    def test_what_is_no_port_is_refused(self, text):
        (line,) = refused(AISPEND_PORT=text)

        assert line.startswith(f"AISPEND_PORT: {text!r} ")

    @pytest.mark.parametrize("text", ["2024-01-01", "2026-09-30"])
    def test_a_start_date_is_accepted(self, text):
        assert load(AISPEND_START_DATE=text).start_date == date.fromisoformat(text)

    @pytest.mark.parametrize(
        "text", ["2023-12-31", "0001-01-01", "2026-02-30", "today", "1700000000", "2026-1-1", "20260101"]
    )
    def test_a_start_date_before_the_grid_or_of_another_form_is_refused(self, text):
        (line,) = refused(AISPEND_START_DATE=text)

        assert line.startswith("AISPEND_START_DATE: ")
        assert text in line

    @pytest.mark.parametrize("text", ["59", "-1", "0", "soon"])
    def test_a_staleness_below_a_minute_is_refused(self, text):
        assert len(refused(AISPEND_STALE_AFTER_SECONDS=text)) == 1


class TestAddresses:
    @pytest.mark.parametrize(
        ("text", "taken"),
        [
            ("https://api.openai.com/v1", "https://api.openai.com/v1"),
            (" https://proxy.example:8443/v1/ ", "https://proxy.example:8443/v1"),
            ("http://127.0.0.1:9000/v1", "http://127.0.0.1:9000/v1"),
            ("http://localhost/v1", "http://localhost/v1"),
            ("http://[::1]:9000", "http://[::1]:9000"),
        ],
    )
    def test_https_and_plain_http_to_this_machine_are_accepted(self, text, taken):
        assert load(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=text).openai[0].base_url == taken

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("http://api.openai.com/v1", "plain http only for this machine"),
            ("http://127.0.0.1.evil.example/", "plain http only for this machine"),
            ("http://localhost.evil.example/", "plain http only for this machine"),
            ("http://192.168.1.2/v1", "plain http only for this machine"),
            ("http://127.0.0.1@evil.example/", "user"),
            ("https://me@api.openai.com/v1", "user"),
            ("https://api.openai.com/v1?x=1", "query"),
            ("https://api.openai.com/v1#x", "fragment"),
            ("api.openai.com/v1", "not an http or https address"),
            ("file:///etc/passwd", "not an http or https address"),
            ("https://", "not an http or https address"),
            ("https:///v1", "not an http or https address"),
            ("https://[::1/v1", "not an address"),
            ("https://x:99999/v1", "not an address"),
            ("https://x:port/v1", "not an address"),
        ],
    )
    def test_others_are_refused(self, text, why):
        (line,) = refused(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=text)

        assert line.startswith("OPENAI_BASE_URL: ")
        assert why in line

    @pytest.mark.parametrize(
        "text",
        ["https://me:hunter2@api.openai.com/v1", "https://x.example/v1?token=hunter2", "http://hunter2@10.0.0.1/"],
    )
    def test_a_password_in_an_address_is_not_repeated(self, text):
        assert "hunter2" not in str(refused(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=text))


def test_all_that_is_wrong_is_said_at_once_a_line_each():
    lines = refused(
        AISPEND_PORT="http",
        ENABLE_OPENAI="maybe",
        GLOBAL_HARD_CAP="1,000",
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL="ftp://x",
        OPENAI_ORG_ID__EU="org-2",
        VERTEX_SOFT_CAP="3",
        VERTEX_HARD_CAP="2",
        AISPEND_START_DATE="2001-01-01",
    )

    assert sorted(line.split(":")[0] for line in lines) == [
        "AISPEND_PORT",
        "AISPEND_START_DATE",
        "ENABLE_OPENAI",
        "GLOBAL_HARD_CAP",
        "OPENAI_API_KEY__EU",
        "OPENAI_BASE_URL",
        "VERTEX_SOFT_CAP",
    ]
    assert KEY not in "\n".join(lines)


# Every key begins with what no text of ours has: a drawn one may be any word.
_KEYS = strategies.text("abcdefghijkmnopqrstuvwxyzABCXYZ0123456789-_!~{}'\"\\%$&<>", max_size=60).map("Zq8x{}".format)


@bounded(max_examples=60, deadline=None)
@given(key=_KEYS, of_eu=_KEYS)
def test_a_key_is_in_nothing_that_can_be_written_down(key, of_eu):
    assume(key != of_eu)
    environment = {
        f"{provider}_API_KEY{suffix}": secret
        for provider in ("OPENAI", "ANTHROPIC")
        for suffix, secret in (("", key), ("__EU", of_eu))
    }
    made = load(environment)

    assert secrets_of(made) == (key, of_eu) * 2
    written = [
        str(made),
        repr(made),
        made.model_dump_json(),
        made.model_dump_json(by_alias=True),
        str(made.model_dump()),
        repr(made.openai),
        repr(made.anthropic),
        f"{made.openai[0]} {made.openai[1]!r} {made.anthropic[0]} {made.anthropic[1]!r}",
        json.dumps(made.shown()),
        str(made.shown()),
        str(made.warnings),
        str(Settings.model_json_schema()),
    ]
    wrong = {"AISPEND_PORT": "x", "OPENAI_BASE_URL": "ftp://x", "OPENAI_HARD_CAP": "1,0", "OPENAI_ORG_ID__ASIA": "o"}
    wrong |= {"ANTHROPIC_BASE_URL": "ftp://x", "ANTHROPIC_ORG_ID__ASIA": "o", "AISPEND_ANTHROPIC_VERSION": "\u2013"}
    for one in wrong.items():
        with pytest.raises(SettingsError) as raised:
            load(environment, **dict([one]))
        written += [str(raised.value), repr(raised.value), str(raised.value.__cause__), str(raised.value.lines)]
        assert raised.value.__context__ is None or raised.value.__suppress_context__
    for text in written:
        for secret in (key, of_eu):
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text
            assert repr(secret)[1:-1] not in text


def test_settings_cannot_be_changed_and_take_no_unknown_field():
    made = load(OPENAI_API_KEY=KEY)

    with pytest.raises(ValueError, match="frozen"):
        made.port = 1
    with pytest.raises(ValueError, match="Extra inputs"):
        Settings(nothing=1)


def test_one_bill_is_not_counted_twice():
    with pytest.raises(SettingsError) as raised:
        load({"OPENAI_API_KEY": "sk-admin-a", "OPENAI_API_KEY__EU": "sk-admin-a"})

    (line,) = raised.value.lines
    assert line.startswith("OPENAI_API_KEY__EU: reads what account default reads")
    assert "sk-admin-a" not in line


def test_one_key_may_read_two_groups_of_projects_as_two_accounts():
    made = load(
        {
            "OPENAI_API_KEY": "sk-admin-a",
            "OPENAI_PROJECT_ID": "proj_a",
            "OPENAI_API_KEY__LAB": "sk-admin-a",
            "OPENAI_PROJECT_ID__LAB": "proj_b",
        }
    )

    assert [account.project_ids for account in made.openai] == [("proj_a",), ("proj_b",)]


def test_the_default_account_has_no_suffix():
    with pytest.raises(SettingsError, match="OPENAI_API_KEY__DEFAULT: account default is the one without a suffix"):
        load({"OPENAI_API_KEY": "sk-admin-a", "OPENAI_API_KEY__DEFAULT": "sk-admin-b"})


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [("", "proj_a", True), ("proj_a,proj_b", "proj_b,proj_c", True), ("proj_a", "proj_b", False), ("", "", True)],
)
def test_accounts_of_one_key_overlap_where_their_projects_do(first, second, overlap):
    environment = {"OPENAI_API_KEY": "sk-a", "OPENAI_API_KEY__B": "sk-a"}
    environment |= {"OPENAI_PROJECT_ID": first, "OPENAI_PROJECT_ID__B": second}
    if overlap:
        with pytest.raises(SettingsError, match="counted twice"):
            load(environment)
    else:
        assert len(load(environment).openai) == 2


def test_one_key_of_two_organisations_is_two_accounts():
    made = load(
        {"OPENAI_API_KEY": "sk-a", "OPENAI_ORG_ID": "org-1", "OPENAI_API_KEY__B": "sk-a", "OPENAI_ORG_ID__B": "org-2"}
    )
    assert [account.org_id for account in made.openai] == ["org-1", "org-2"]


def test_an_id_that_no_header_can_carry_is_refused():
    with pytest.raises(SettingsError, match="OPENAI_ORG_ID__EU"):
        load({"OPENAI_API_KEY__EU": "sk-a", "OPENAI_ORG_ID__EU": "org\u20131"})


def test_a_key_in_the_wrong_place_is_not_repeated():
    with pytest.raises(SettingsError) as raised:
        load({"AISPEND_PORT": "sk-admin-misplaced"})
    assert "misplaced" not in str(raised.value)
