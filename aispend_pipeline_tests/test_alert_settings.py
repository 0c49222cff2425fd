"""Settings of caps and alerts: whom they cover, which addresses are taken, and that none of them is shown."""

import base64
import json
from decimal import Decimal

import pytest
from hypothesis import given, strategies
from hypothesis import settings as bounded

from aispend_pipeline.caps.model import Caps, Scope
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.settings import OURS, Settings
from aispend_pipeline.settings.smtp import Tls

WEBHOOKS = ["SLACK_WEBHOOK_URL", "ALERT_EMAIL_WEBHOOK", "ON_HARDCAP_WEBHOOK", "AISPEND_HEARTBEAT_URL"]
OLD, NEW = (f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2))


def load(environment: dict[str, str] | None = None, /, **more: str) -> Settings:
    return Settings.load({**(environment or {}), **more}, dotenv=None)


def refused(environment: dict[str, str] | None = None, /, **more: str) -> str:
    """The one line of the refusal."""
    with pytest.raises(SettingsError) as raised:
        load(environment, **more)
    (line,) = raised.value.lines
    return line


class TestScopes:
    def test_without_caps_there_are_none(self):
        assert load(OPENAI_API_KEY="sk-1").scopes() == ()

    def test_each_provider_with_a_cap_is_one_and_global_is_over_those_that_are_on(self):
        made = load(
            OPENAI_API_KEY="sk-1",
            ANTHROPIC_API_KEY="sk-2",
            OPENAI_SOFT_CAP="80",
            OPENAI_HARD_CAP="100",
            VERTEX_HARD_CAP="7",
            GLOBAL_SOFT_CAP="0.01",
        )

        assert made.scopes() == (
            Scope("openai", ("openai",), Caps(Decimal(80), Decimal(100))),
            Scope("vertex", ("vertex",), Caps(None, Decimal(7))),
            Scope("global", ("openai", "anthropic"), Caps(Decimal("0.01"), None)),
        )

    @pytest.mark.parametrize(("soft", "hard"), [("0", "0.00"), ("0", ""), ("", "0")])
    def test_a_cap_of_nothing_is_no_cap(self, soft, hard):
        assert load(GLOBAL_SOFT_CAP=soft, GLOBAL_HARD_CAP=hard).scopes() == ()

    def test_a_provider_that_is_switched_off_is_not_in_global(self):
        made = load(OPENAI_API_KEY="sk-1", ANTHROPIC_API_KEY="sk-2", ENABLE_OPENAI="true", GLOBAL_HARD_CAP="5")

        (scope,) = made.scopes()
        assert scope.providers == ("openai",)


class TestTimes:
    def test_what_is_not_said_is_as_the_readme_has_it(self):
        made = load()

        assert (made.debounce_seconds, made.remind_soft_seconds, made.remind_hard_seconds) == (3600, 0, 86400)
        assert (made.hook_hold_seconds, made.settle_days, made.milestones) == (21600, 4, ())

    @pytest.mark.parametrize("kind", ["SOFT", "HARD"])
    def test_a_reminder_below_the_debounce_is_refused(self, kind):
        name = f"AISPEND_REMIND_{kind}_SECONDS"
        times = {"AISPEND_DEBOUNCE_SECONDS": "600", "AISPEND_REMIND_HARD_SECONDS": "600"}

        assert refused({**times, name: "599"}) == (
            f"{name}: 599 is below AISPEND_DEBOUNCE_SECONDS, 600; raise it, or write 0 for never"
        )
        load({**times, name: "600"})
        load({**times, name: "0"})

    def test_a_debounce_above_the_reminder_of_every_day_is_refused(self):
        assert refused(AISPEND_DEBOUNCE_SECONDS="86401").startswith("AISPEND_REMIND_HARD_SECONDS: 86400 is below")

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("AISPEND_DEBOUNCE_SECONDS", "59"),
            ("AISPEND_DEBOUNCE_SECONDS", "604801"),
            ("AISPEND_DEBOUNCE_SECONDS", "1h"),
            ("AISPEND_REMIND_SOFT_SECONDS", "-1"),
            ("AISPEND_REMIND_HARD_SECONDS", "1e9"),
            ("AISPEND_HOOK_HOLD_SECONDS", "-1"),
            ("AISPEND_SETTLE_DAYS", "29"),
            ("AISPEND_SETTLE_DAYS", "-1"),
            ("AISPEND_SETTLE_DAYS", "1.5"),
        ],
    )
    def test_what_is_out_of_bounds_is_refused_with_its_name_and_value(self, name, text):
        assert refused({name: text}).startswith(f"{name}: {text!r} ")


@pytest.mark.parametrize(("text", "told"), [("", False), ("false", False), ("true", True)])
def test_forecasts_are_told_to_nobody_who_does_not_ask_for_it(text, told):
    assert load(AISPEND_FORECAST_ALERTS=text).forecast_alerts is told
    assert load().forecast_alerts is False


class TestMilestones:
    @pytest.mark.parametrize(
        ("text", "taken"),
        [("50,75,90", (50, 75, 90)), (" 90 , 50,90 ", (50, 90)), ("1", (1,)), ("1000", (1000,)), ("007", (7,))],
    )
    def test_percentages_are_taken_once_each_lowest_first(self, text, taken):
        made = load(AISPEND_MILESTONES=text)

        assert made.milestones == taken
        assert made.shown()["AISPEND_MILESTONES"] == ",".join(map(str, taken))

    @pytest.mark.parametrize("text", ["0", "1001", "50,", ",", "50,,75", "50%", "-5", "5.5", "50;75", "fifty", "٥"])
    def test_anything_else_is_refused(self, text):
        assert refused(AISPEND_MILESTONES=text) == (
            f"AISPEND_MILESTONES: {text!r} is not a list of whole percentages from 1 to 1000;"
            " for example AISPEND_MILESTONES=50,75,90"
        )


class TestWebhooks:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("https://hooks.slack.com/services/T0/B0/hunter2", "https://hooks.slack.com"),
            (" https://mail.example/send?key=hunter2 ", "https://mail.example"),
            ("http://10.1.2.3:8080/hunter2", "http://10.1.2.3:8080"),
            ("http://127.0.0.1:9/", "http://127.0.0.1:9"),
            ("http://localhost", "http://localhost"),
            ("https://[2001:db8::1]:8443/hunter2", "https://[2001:db8::1]:8443"),
            ("http://[::1]/hunter2", "http://[::1]"),
            ("http://[fd12:3456::1]/hunter2", "http://[fd12:3456::1]"),
        ],
    )
    @pytest.mark.parametrize("name", WEBHOOKS)
    def test_any_http_address_is_taken_and_only_where_it_leads_is_shown(self, name, text, shown):
        made = load({name: text})

        assert made.shown()[name] == shown
        assert "hunter2" not in f"{made!r} {made.model_dump_json()} {json.dumps(made.shown())}"

    @pytest.mark.parametrize(
        "text",
        [
            "hooks.example/hunter2",
            "file:///etc/hunter2",
            "ftp://hooks.example/hunter2",
            "https://",
            "https:///hunter2",
            "https://[::1/hunter2",
            "https://hooks.example:99999/hunter2",
            "https://hooks.example:0/hunter2",
            "https://hooks.example/hunter2 hunter2",
            "https://hooks.example/hunter2\nhunter2",
            "https://hooks.example/#hunter2",
            "https://me:hunter2@hooks.example/",
            "https://hunter2@hooks.example/",
            "https://:@hooks.example/hunter2",
            "https://hooks..example/hunter2",
            "https://b\u00fccher.example/hunter2",
            "http://169.254.169.254\\@hooks.example/hunter2",
            "http://169.254.169.254/hunter2",
            "http://169.254.0.1/hunter2",
            "http://2852039166/hunter2",
            "http://0xa9fea9fe/hunter2",
            "http://169.254.43518/hunter2",
            "http://100.100.100.200/hunter2",
            "http://[fe80::1]/hunter2",
            "http://[fe80::1%25eth0]/hunter2",
            "http://[febf::1]/hunter2",
            "http://[fd00:ec2::254]/hunter2",
            "http://[::ffff:169.254.169.254]/hunter2",
            "http://[::ffff:a9fe:a9fe]/hunter2",
            "http://[2002:a9fe:a9fe::1]/hunter2",
            "http://[64:ff9b::a9fe:a9fe]/hunter2",
            "http://224.0.0.1/hunter2",
            "http://[ff02::1]/hunter2",
            "http://0.0.0.0/hunter2",
            "http://0/hunter2",
            "http://[::]/hunter2",
        ],
    )
    def test_others_are_refused_and_never_repeated(self, text):
        for name in WEBHOOKS:
            line = refused({name: text})

            assert line.startswith(f"{name}: (not shown) ")
            assert f"; for example {name}=https://" in line
            assert "hunter2" not in line

    def test_a_link_for_people_is_shown_and_takes_no_query(self):
        assert load(AISPEND_PUBLIC_URL="https://spend.example:8443/ai/").public_url == "https://spend.example:8443/ai"
        assert "must not carry a query" in refused(AISPEND_PUBLIC_URL="https://spend.example/?token=1")


class TestHookSecret:
    def test_one_is_one_key_and_two_are_two_newest_first(self):
        assert load().hook_keys == ()
        assert load(AISPEND_HOOK_SECRET=NEW).hook_keys == (b"\2" * 32,)
        for between in (" ", ",", ", "):
            assert load(AISPEND_HOOK_SECRET=f"{NEW}{between}{OLD}").hook_keys == (b"\2" * 32, b"\1" * 32)

    @pytest.mark.parametrize("size", [24, 64])
    def test_keys_of_24_to_64_bytes_are_taken(self, size):
        secret = f"whsec_{base64.b64encode(b'k' * size).decode()}"
        assert load(AISPEND_HOOK_SECRET=secret).hook_keys == (b"k" * size,)

    @pytest.mark.parametrize(
        "text",
        [
            "hunter2",
            NEW.removeprefix("whsec_"),
            "whsec_",
            NEW.rstrip("="),
            NEW + "!",
            f"whsec_{base64.b64encode(b'k' * 23).decode()}",
            f"whsec_{base64.b64encode(b'k' * 65).decode()}",
            f"{NEW},{OLD},{NEW}",
            f"{NEW},",
            f"{NEW} hunter2",
        ],
    )
    def test_anything_else_is_refused_and_not_shown(self, text):
        line = refused(AISPEND_HOOK_SECRET=text)

        assert line.startswith("AISPEND_HOOK_SECRET: (not shown) ")
        assert text == "whsec_" or text not in line
        assert NEW not in line


class TestSmtp:
    def test_everything_said_is_taken(self):
        smtp = load(
            AISPEND_SMTP_URL="smtp://me%40x.org:p%2F%3Aw%2B+d@mail.example:2525/"
            "?from=ai+spend@x.org&to=b@y.org,c@z.org&to=d+e@w.org&to=b@y.org"
        ).smtp

        assert (smtp.host, smtp.port, smtp.user) == ("mail.example", 2525, "me@x.org")
        assert smtp.password.get_secret_value() == "p/:w++d"
        assert (smtp.sender, smtp.recipients) == ("ai+spend@x.org", ("b@y.org", "c@z.org", "d+e@w.org"))
        assert smtp.tls is Tls.REQUIRED

    @pytest.mark.parametrize(
        ("address", "port", "tls"),
        [
            ("smtp://mail.example?to=a@x.org", 587, Tls.REQUIRED),
            ("smtp://10.0.0.5?to=a@x.org", 587, Tls.REQUIRED),
            ("smtp://localhost?to=a@x.org", 587, Tls.OFFERED),
            ("smtp://127.0.0.2:1025?to=a@x.org", 1025, Tls.OFFERED),
            ("smtp://[::1]?to=a@x.org", 587, Tls.OFFERED),
            ("smtp://127.0.0.1?to=a@x.org&tls=required", 587, Tls.REQUIRED),
            ("smtp://mail.example?to=a@x.org&tls=never", 587, Tls.NEVER),
            ("smtps://mail.example?to=a@x.org", 465, Tls.IMPLICIT),
            ("smtps://mail.example:4650?to=a@x.org&tls=required", 4650, Tls.IMPLICIT),
        ],
    )
    def test_tls_is_required_except_on_this_machine_or_where_it_is_said(self, address, port, tls):
        smtp = load(AISPEND_SMTP_URL=address).smtp
        assert (smtp.port, smtp.tls, smtp.user, smtp.password) == (port, tls, None, None)

    def test_without_a_sender_mail_comes_from_this_machine_or_the_mail_server(self, monkeypatch):
        address = "smtp://mail.example.org?to=a@x.org"
        for machine, sender in (
            ("spend.example.com", "aispend@spend.example.com"),
            ("spend", "aispend@mail.example.org"),
        ):
            monkeypatch.setattr("socket.gethostname", lambda machine=machine: machine)
            assert load(AISPEND_SMTP_URL=address).smtp.sender == sender

    @pytest.mark.parametrize(
        ("address", "why"),
        [
            ("mail.example:587?to=a@x.org", "smtp or smtps address"),
            ("https://mail.example?to=a@x.org", "smtp or smtps address"),
            ("smtp://?to=a@x.org", "smtp or smtps address"),
            ("smtp://mail.example:0?to=a@x.org", "smtp or smtps address"),
            ("smtp://mail.example", "to whom"),
            ("smtp://mail.example?to=", "to whom"),
            ("smtp://mail.example?to=hunter2", "mail address"),
            ("smtp://mail.example?to=a@x.org%0d%0abcc:hunter2@x.org", "mail address"),
            ("smtp://mail.example?to=a@x.org&from=hunter2", "mail address"),
            ("smtp://mail.example?to=a@x.org&from=a@x.org&from=b@x.org", "more than one sender"),
            ("smtp://mail.example?to=a@x.org&hunter2=1", "other than"),
            ("smtp://mail.example?to=a@x.org&tls=hunter2", "tls="),
            ("smtp://mail.example?to=a@x.org&tls=never&tls=required", "tls="),
            ("smtps://mail.example?to=a@x.org&tls=never", "tls=never"),
            ("smtp://mail.example/hunter2?to=a@x.org", "path"),
            ("smtp://mail.example?to=a@x.org#hunter2", "fragment"),
            ("smtp://me:hunter2/x@mail.example?to=a@x.org", "not an address"),
            ("smtp://me@mail.example?to=a@x.org", "without a password"),
            ("smtp://:hunter2@mail.example?to=a@x.org", "without a password"),
            ("smtp://me:hunter2%0d%0a@mail.example?to=a@x.org", "characters"),
            ("smtp://me:hunter2@169.254.169.254?to=a@x.org", "metadata"),
            ("smtp://me:hunter2@[fe80::1]?to=a@x.org", "link-local"),
        ],
    )
    def test_others_are_refused_and_never_repeated(self, address, why):
        line = refused(AISPEND_SMTP_URL=address)

        assert line.startswith("AISPEND_SMTP_URL: (not shown) ")
        assert why in line
        assert "hunter2" not in line

    @bounded(max_examples=60, deadline=None)
    @given(drawn=strategies.text("abcXYZ0123456789-_!~%{}'\"$&+=;,@:/?#<>|\\", max_size=30))
    def test_a_password_is_in_nothing_that_can_be_written_down(self, drawn):
        secret = f"hunter2{drawn}"
        address = f"smtp://me:{secret}@mail.example?to=a@x.org"
        try:
            made = load(AISPEND_SMTP_URL=address)
        except SettingsError as error:
            assert secret not in f"{error} {error!r} {error.__cause__}"
            return
        assert made.shown()["AISPEND_SMTP_URL"] == "smtp://mail.example"
        assert secret not in f"{made!r} {made} {made.smtp!r} {made.smtp.origin} {made.model_dump_json()}"


def test_with_every_secret_set_none_is_shown():
    secrets = {
        **{name: f"https://hooks.example:81/{name}-hunter2?hunter2" for name in WEBHOOKS},
        "AISPEND_SMTP_URL": "smtps://hunter2:hunter2@mail.example:587?to=hunter2@x.org",
        "AISPEND_HOOK_SECRET": NEW,
        "ADMIN_TOKEN": "https://hunter2",
        "OPENAI_API_KEY": "https://hunter2",
    }

    shown = load(secrets).shown()

    assert {name: shown[name] for name in secrets} == {
        **dict.fromkeys(WEBHOOKS, "https://hooks.example:81"),
        "AISPEND_SMTP_URL": "smtps://mail.example:587",
        **dict.fromkeys(("AISPEND_HOOK_SECRET", "ADMIN_TOKEN", "OPENAI_API_KEY"), "set"),
    }
    assert "hunter2" not in json.dumps(shown)


@pytest.mark.parametrize("token", ["has space", "cl\u00e9", "new\nline"])
def test_a_token_that_no_header_can_carry_is_refused_and_not_shown(token):
    line = refused(ADMIN_TOKEN=token)

    assert line.startswith("ADMIN_TOKEN: (not shown) ")
    assert token not in line


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("SLACK_WEBHOOK", "SLACK_WEBHOOK_URL"),
        ("ALERT_EMAIL_WEBHOOKS", "ALERT_EMAIL_WEBHOOK"),
        ("ON_HARD_CAP_WEBHOOK", "ON_HARDCAP_WEBHOOK"),
        ("ADMIN_TOKENS", "ADMIN_TOKEN"),
    ],
)
def test_a_misspelt_one_is_said_with_the_nearest(wrong, right):
    assert load({wrong: "1"}).warnings == (f"{wrong}: no such setting; did you mean {right}?",)


def test_every_name_begins_as_ours_do_so_that_the_demo_leaves_none_of_the_machine_in_place():
    aliases = [field.alias for field in Settings.model_fields.values() if field.alias]
    assert [alias for alias in aliases if not alias.startswith((*OURS, "DAGSTER_HOME"))] == []
