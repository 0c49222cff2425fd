"""Google's settings: what is accepted, what is refused and how, which accounts they make, and that secrets stay so."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import example, given, strategies
from hypothesis import settings as bounded

from aispend_pipeline.cli import status
from aispend_pipeline.errors import SettingsError
from aispend_pipeline.settings import GoogleAccount, Settings
from aispend_pipeline.sources import feeds

from .conftest import ROOT
from .test_settings import load, refused

A, B, C = "01AAAA-BBBBBB-CCCCCC", "01EEEE-FFFFFF-000001", "0123AB-456789-CDEF00"
DETAILED, STANDARD = (f"gcp_billing_export{kind}_v1_01AAAA_BBBBBB_CCCCCC" for kind in ("_resource", ""))
TABLE = {"GCP_BQ_PROJECT": "finops-1", "GCP_BQ_DATASET": "billing", "GCP_BQ_TABLE": DETAILED}
BUDGET = f"billingAccounts/{A}/budgets/3f1c2d4e-0000-4000-8000-000000000001"
SUBSCRIPTION = "projects/finops-1/subscriptions/aispend"
PRIVATE = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg-of-nobody\n-----END PRIVATE KEY-----\n"
KEY = json.dumps({"type": "service_account", "client_email": "a@b.example", "private_key": PRIVATE})
DECLARED = [(field.alias, field) for field in GoogleAccount.model_fields.values() if field.alias]


def one(environment: dict[str, str] | None = None, /, **more: str) -> GoogleAccount:
    (account,) = load({**TABLE, **(environment or {})}, **more).vertex
    return account


@pytest.mark.parametrize(("alias", "field"), DECLARED, ids=lambda value: value if isinstance(value, str) else "")
def test_every_setting_is_described_and_its_example_is_accepted(alias, field):
    assert re.fullmatch(r"GCP_[A-Z_]+", alias)
    assert len(field.description) > 8
    (shown,) = field.examples

    assert alias in load({**TABLE, alias: shown}).shown()


def test_every_setting_is_in_the_references_table():
    reference = (ROOT / "docs" / "reference.md").read_text()

    assert [alias for alias, _ in DECLARED if f"\n| `{alias}` | " not in reference] == []


def test_the_default_is_what_google_says():
    account = one()

    assert (account.name, account.table) == ("default", f"finops-1.billing.{DETAILED}")
    assert (account.partition_mode, account.max_bytes_billed, account.lookback_days) == ("ingestion", 2147483648, 10)
    assert (account.include_tax, account.query_project, account.service_account) == (False, None, None)
    assert account.service_ids == ("C7E2-9256-1C43", "AEFD-7695-64FA")
    assert (account.service_pattern, account.mixed_sku_pattern) == (r"^(claude|anthropic)\b", "^ai dev tools:")
    assert account.mixed_service_ids == ("74B1-77CF-C302",)
    assert (account.budget_names, account.subscription, account.billing_accounts) == ((), None, ())
    assert {account.bigquery_endpoint, account.budgets_endpoint, account.pubsub_endpoint} == {
        f"https://{name}.googleapis.com" for name in ("bigquery", "billingbudgets", "pubsub")
    }


class TestTheTable:
    @pytest.mark.parametrize("missing", ["GCP_BQ_PROJECT", "GCP_BQ_DATASET"])
    @pytest.mark.parametrize("suffix", ["", "__EU"])
    def test_a_part_that_is_missing_is_one_line(self, missing, suffix):
        parts = {name + suffix: text for name, text in TABLE.items() if name != missing}

        assert refused(parts) == [
            f"{missing}{suffix}: missing; it is a part of the table's name, for example {missing}{suffix}=finops"
        ]

    def test_two_parts_that_are_missing_are_two_lines(self):
        assert [line.split(":")[0] for line in refused(GCP_BQ_TABLE="t")] == ["GCP_BQ_PROJECT", "GCP_BQ_DATASET"]

    @pytest.mark.parametrize("name", ["GCP_BQ_PROJECT", "GCP_BQ_DATASET", "GCP_SA_JSON", "GCP_QUERY_PROJECT"])
    def test_what_others_inherit_makes_no_account_by_itself(self, name):
        assert load({name: "finops_1"} if name == "GCP_BQ_DATASET" else {name: "finops-1"}).vertex == ()

    @pytest.mark.parametrize(
        "text",
        [
            *"a`b a;b a.b a/b a'b a\"b a\\b a(b) a\u200bb täble ..".split(),
            "a b",
            "a\nb",
            "`",
            "a\tb",
            "x" * 1025,
            "t; DROP TABLE t",
            "t` WHERE TRUE OR `",
        ],
        ids=lambda text: text[:12],
    )
    @pytest.mark.parametrize("name", ["GCP_BQ_TABLE", "GCP_BQ_DATASET"])
    def test_a_name_that_no_table_has_is_refused(self, name, text):
        (line,) = refused({**TABLE, name: text})

        assert line.startswith(f"{name}: {text[:60]!r} is not the name of a ")

    @pytest.mark.parametrize("text", ["abc", "Finops-1", "finops 1", "finops`1", "finops;1", "fin/ops", "x" * 81])
    @pytest.mark.parametrize("name", ["GCP_BQ_PROJECT", "GCP_QUERY_PROJECT"])
    def test_an_id_that_no_project_has_is_refused(self, name, text):
        (line,) = refused({**TABLE, name: text})

        assert line == f"{name}: {text[:60]!r} is not the id of a project; for example {name}=finops-1"

    @pytest.mark.long
    @given(strategies.text(min_size=1, max_size=30))
    @example("a`b")
    @bounded(max_examples=80, deadline=None)
    def test_whatever_is_accepted_stays_between_its_backticks(self, text):
        for name in ("GCP_BQ_PROJECT", "GCP_BQ_DATASET", "GCP_BQ_TABLE"):
            try:
                accounts = load({**TABLE, name: text}).vertex
            except SettingsError:
                continue
            for account in accounts:
                assert re.fullmatch(r"[A-Za-z0-9.:_-]+", account.table, re.ASCII)

    def test_an_organisations_own_project_has_a_colon(self):
        assert one(GCP_BQ_PROJECT="example.com:finops").table == f"example.com:finops.billing.{DETAILED}"


class TestBillingAccounts:
    def test_several_are_separated_by_commas_and_the_first_is_the_tables_own(self):
        account = one(GCP_BILLING_ACCOUNT_ID=f" {B}, {A},,{B} ")

        assert (account.billing_accounts, account.own_billing_account) == ((B, A), B)

    def test_the_tables_name_says_which_one_it_is_of(self):
        assert {one(GCP_BQ_TABLE=table).own_billing_account for table in (DETAILED, STANDARD)} == {A}
        assert one(GCP_BQ_TABLE="reseller_billing_detailed_export_v1").own_billing_account is None

    @pytest.mark.parametrize("text", ["01AAAA", A.lower(), A[:-1], f"{A};{B}", f"billingAccounts/{A}", f"{A} {B}", ","])
    def test_anything_else_is_refused(self, text):
        (line,) = refused(TABLE, GCP_BILLING_ACCOUNT_ID=text)

        assert line == (
            f"GCP_BILLING_ACCOUNT_ID: {text!r} is not the id of a billing account, or several separated by commas; for"
            f" example GCP_BILLING_ACCOUNT_ID={A}"
        )


class TestFurtherAccounts:
    def test_one_inherits_where_and_how_and_not_what(self):
        made = load(
            TABLE,
            GCP_BQ_TABLE__EU="gcp_billing_export_v1_01EEEE_FFFFFF_000001",
            GCP_SA_JSON=KEY,
            GCP_QUERY_PROJECT="pays-1",
            GCP_BQ_PARTITION_MODE="none",
            GCP_BQ_MAX_BYTES_BILLED="20971520",
            GCP_INCLUDE_TAX="true",
            GCP_LOOKBACK_DAYS="31",
            GCP_SERVICE_PATTERN="^mistral",
            GCP_BIGQUERY_ENDPOINT="http://127.0.0.1:9/",
            GCP_BUDGET_NAME=BUDGET,
            GCP_PUBSUB_SUBSCRIPTION=SUBSCRIPTION,
            GCP_BILLING_ACCOUNT_ID=A,
        )

        default, eu = made.vertex
        assert (default.name, eu.name, eu.suffix, eu.main_setting) == ("default", "eu", "__EU", "GCP_BQ_TABLE__EU")
        assert eu.table == "finops-1.billing.gcp_billing_export_v1_01EEEE_FFFFFF_000001"
        assert eu.service_account.get_secret_value() == KEY
        assert (eu.query_project, eu.partition_mode, eu.max_bytes_billed) == ("pays-1", "none", 20971520)
        assert (eu.include_tax, eu.lookback_days, eu.service_pattern) == (True, 31, "^mistral")
        assert eu.bigquery_endpoint == "http://127.0.0.1:9"
        assert (eu.budget_names, eu.subscription, eu.billing_accounts) == ((), None, ())

    def test_one_may_have_everything_of_its_own(self):
        made = load(TABLE, GCP_BQ_PROJECT__EU="finops-2", GCP_BQ_TABLE__EU="t", GCP_LOOKBACK_DAYS__EU="3")

        assert [account.table for account in made.vertex] == [f"finops-1.billing.{DETAILED}", "finops-2.billing.t"]
        assert [account.lookback_days for account in made.vertex] == [10, 3]

    def test_one_may_be_the_only_one(self):
        inherited = {name: text for name, text in TABLE.items() if name != "GCP_BQ_TABLE"}

        assert [account.name for account in load(inherited, GCP_BQ_TABLE__EU="t").vertex] == ["eu"]

    def test_what_all_inherit_is_refused_once_and_by_its_own_name(self):
        lines = refused(TABLE, GCP_BQ_TABLE__EU="t", GCP_LOOKBACK_DAYS="0")

        assert [line.split(":")[0] for line in lines] == ["GCP_LOOKBACK_DAYS"]

    def test_one_that_has_nothing_to_read_says_so(self):
        assert refused(TABLE, GCP_BQ_DATASET__EU="eu") == [
            "GCP_BQ_TABLE__EU: missing; nothing is read with the other settings"
        ]

    def test_the_default_one_has_no_suffix(self):
        assert refused(TABLE, GCP_BQ_TABLE__DEFAULT="t") == [
            "GCP_BQ_TABLE__DEFAULT: account default is the one without a suffix; set GCP_BQ_TABLE"
        ]


TWICE = "GCP_BQ_TABLE__EU: reads what account default reads, and the bill would be counted twice; remove one"


class TestCountedTwice:
    @pytest.mark.parametrize(
        "eu",
        [
            {"GCP_BQ_TABLE__EU": DETAILED},
            {"GCP_BQ_TABLE__EU": STANDARD},
            {"GCP_BQ_TABLE__EU": STANDARD, "GCP_BQ_PROJECT__EU": "finops-2"},
            {"GCP_BQ_TABLE__EU": "renamed", "GCP_BILLING_ACCOUNT_ID__EU": f"{B},{A}"},
            {"GCP_BQ_TABLE__EU": DETAILED, "GCP_BILLING_ACCOUNT_ID__EU": B},
            {"GCP_BQ_TABLE__EU": DETAILED, "GCP_BILLING_ACCOUNT_ID__EU": f"{B},{A}", "GCP_BILLING_ACCOUNT_ID": A},
            {"GCP_BQ_TABLE__EU": STANDARD, "GCP_BILLING_ACCOUNT_ID": f"{B},{A}"},
        ],
        ids=str,
    )
    def test_one_table_or_both_exports_of_one_billing_account(self, eu):
        assert refused(TABLE, **eu) == [TWICE]

    @pytest.mark.parametrize(
        "eu",
        [
            {"GCP_BQ_TABLE__EU": DETAILED, "GCP_BQ_DATASET__EU": "copy", "GCP_BILLING_ACCOUNT_ID__EU": B},
            {"GCP_BQ_TABLE__EU": DETAILED, "GCP_BILLING_ACCOUNT_ID__EU": B, "GCP_BILLING_ACCOUNT_ID": f"{A},{C}"},
            {"GCP_BQ_TABLE__EU": "gcp_billing_export_v1_01EEEE_FFFFFF_000001"},
            {"GCP_BQ_TABLE__EU": "renamed"},
            {"GCP_BUDGET_NAME__EU": BUDGET},
        ],
        ids=str,
    )
    def test_what_does_not_overlap_is_two_accounts(self, eu):
        assert [account.name for account in load(TABLE, **eu).vertex] == ["default", "eu"]

    def test_two_tables_that_nobody_knows_the_billing_account_of_are_two(self):
        assert len(load({**TABLE, "GCP_BQ_TABLE": "one"}, GCP_BQ_TABLE__EU="other").vertex) == 2


class TestNumbersAndModes:
    @pytest.mark.parametrize("text", ["0", "-5", "1000000000", "91", "1.5", "ten", "1e1", "９"])
    def test_a_look_back_that_makes_no_sense_is_refused(self, text):
        (line,) = refused(TABLE, GCP_LOOKBACK_DAYS=text)

        assert line.startswith(f"GCP_LOOKBACK_DAYS: {text!r} ")
        assert line.endswith("for example GCP_LOOKBACK_DAYS=10")

    @pytest.mark.parametrize("text", ["1", "10", "90"])
    def test_one_of_a_day_to_ninety_is_accepted(self, text):
        assert one(GCP_LOOKBACK_DAYS=text).lookback_days == int(text)

    @pytest.mark.parametrize("text", ["0", "-1", "10485759", "1e10", "2GB", "9" * 400])
    def test_a_limit_below_what_google_bills_at_least_is_refused(self, text):
        (line,) = refused(TABLE, GCP_BQ_MAX_BYTES_BILLED=text)

        assert line.endswith("for example GCP_BQ_MAX_BYTES_BILLED=2147483648")

    def test_the_least_limit_is_what_google_bills_at_least(self):
        assert one(GCP_BQ_MAX_BYTES_BILLED="10485760").max_bytes_billed == 10 * 1024**2

    @pytest.mark.parametrize("text", ["Ingestion", "export-time", "_PARTITIONTIME", "1"])
    def test_a_partition_mode_is_one_of_three(self, text):
        (line,) = refused(TABLE, GCP_BQ_PARTITION_MODE=text)

        assert line.startswith(f"GCP_BQ_PARTITION_MODE: {text!r} ")
        assert all(mode in line for mode in ("ingestion", "export_time", "none"))

    @pytest.mark.parametrize("name", ["GCP_SERVICE_PATTERN", "GCP_MIXED_SKU_PATTERN"])
    def test_a_pattern_that_is_none_is_refused(self, name):
        (line,) = refused({**TABLE, name: "^(claude"})

        assert line.startswith(f"{name}: '^(claude' is no regular expression (")

    @pytest.mark.parametrize("name", ["GCP_SERVICE_IDS", "GCP_MIXED_SERVICE_IDS"])
    def test_services_are_named_by_their_ids(self, name):
        made = one({name: "C7E2-9256-1C43, 24E6-581D-38E5"})
        assert getattr(made, name.removeprefix("GCP_").lower()) == ("C7E2-9256-1C43", "24E6-581D-38E5")
        (line,) = refused({**TABLE, name: "Vertex AI"})
        assert line.startswith(f"{name}: 'Vertex AI' is not the id of a service, or several separated by commas")

    @pytest.mark.parametrize("name", ["GCP_BIGQUERY_ENDPOINT", "GCP_BUDGETS_ENDPOINT", "GCP_PUBSUB_ENDPOINT"])
    @pytest.mark.parametrize("text", ["http://bigquery.example", "ftp://x", "bigquery.googleapis.com"])
    def test_an_endpoint_is_asked_in_the_clear_on_this_machine_only(self, name, text):
        (line,) = refused({**TABLE, name: text})

        assert line.startswith(f"{name}: {text!r} ")


class TestBudgetNames:
    def test_several_are_separated_by_commas(self):
        other = f"billingAccounts/{B}/budgets/x"

        assert load(GCP_BUDGET_NAME=f"{BUDGET}, {other}").vertex[0].budget_names == (BUDGET, other)

    @pytest.mark.parametrize(
        "text",
        [
            "AI monthly",
            f"projects/p/billingAccounts/{A}/budgets/x",
            f"billingAccounts/{A}/budgets/",
            f"billingAccounts/{A}/budgets/x/y",
            f"billingAccounts/{A}/budgets/x?alt=media",
        ],
    )
    def test_anything_else_is_refused(self, text):
        (line,) = refused(GCP_BUDGET_NAME=text)

        assert "is not billingAccounts/.../budgets/..., or several separated by commas" in line

    @pytest.mark.parametrize(
        "text", ["aispend", "projects/p/topics/t", "projects/p/subscriptions/", f"{SUBSCRIPTION}#"]
    )
    def test_a_subscription_is_named_whole(self, text):
        (line,) = refused(GCP_PUBSUB_SUBSCRIPTION=text)

        assert line.startswith(f"GCP_PUBSUB_SUBSCRIPTION: {text!r} is not projects/.../subscriptions/...; ")


ON, OFF = "true", "false"
EXPORT, BUDGETS = "ENABLE_VERTEX_BQ", "ENABLE_VERTEX_BILLING_API"
BOTH = {**TABLE, "GCP_BUDGET_NAME": BUDGET}


class TestFlags:
    @pytest.mark.parametrize(
        ("flags", "export", "budgets"),
        [
            ({}, True, True),
            ({EXPORT: ON}, True, False),
            ({EXPORT: OFF}, False, False),
            ({BUDGETS: ON}, False, True),
            ({BUDGETS: OFF}, False, False),
            ({EXPORT: ON, BUDGETS: ON}, True, True),
            ({EXPORT: ON, BUDGETS: OFF}, True, False),
            ({EXPORT: OFF, BUDGETS: ON}, False, True),
            ({EXPORT: OFF, BUDGETS: OFF}, False, False),
            ({"ENABLE_OPENAI": ON}, False, False),
            ({"ENABLE_OPENAI": OFF, EXPORT: ON}, True, False),
        ],
        ids=str,
    )
    def test_as_soon_as_one_is_set_those_not_set_are_off(self, flags, export, budgets):
        made = load(BOTH, **flags)

        assert (bool(made.exports()), bool(made.budgets())) == (export, budgets)
        assert made.enabled("vertex") is (export or budgets)
        assert [name for source, name, _ in feeds(made) if source == "vertex_billing"] == ["default"] * export

    def test_without_a_table_there_is_no_export_to_read(self):
        made = load(GCP_BUDGET_NAME=BUDGET)

        assert (made.exports(), made.budgets(), made.enabled("vertex")) == ((), made.vertex, True)

    @pytest.mark.parametrize(
        ("more", "read"),
        [
            ({}, False),
            ({"GCP_BUDGET_NAME": BUDGET}, True),
            ({"GCP_PUBSUB_SUBSCRIPTION": SUBSCRIPTION}, True),
            ({"GCP_BILLING_ACCOUNT_ID": A}, False),
            ({"GCP_BILLING_ACCOUNT_ID": A, EXPORT: ON, BUDGETS: ON}, True),
        ],
        ids=str,
    )
    def test_beside_a_table_budgets_are_read_if_any_are_named_or_that_is_on(self, more, read):
        assert bool(load(TABLE, **more).budgets()) is read

    def test_a_billing_account_without_a_table_is_read_for_its_budgets(self):
        made = load(GCP_BILLING_ACCOUNT_ID=A)

        assert (made.exports(), made.budgets()) == ((), made.vertex)

    def test_one_that_is_on_without_anything_to_read_is_not_read_and_the_others_are(self):
        made = load(OPENAI_API_KEY="sk-1", ENABLE_OPENAI=ON, ENABLE_VERTEX_BQ=ON)

        assert (made.exports(), made.budgets()) == ((), ())
        assert {name for name, _, _ in feeds(made)} == {"openai_costs", "openai_usage"}

    def test_a_cap_of_google_needs_no_credentials(self):
        assert load(VERTEX_HARD_CAP="10", ENABLE_VERTEX_BQ=ON).vertex_hard_cap == Decimal(10)


class TestSecrets:
    SECRETS = (PRIVATE, "MIIEvQIBADANBg-of-nobody")

    def shows_nothing(self, text: str) -> None:
        assert not any(secret in text for secret in self.SECRETS)

    def test_no_way_to_write_settings_down_shows_a_key(self):
        made = load(TABLE, GCP_SA_JSON=KEY, GCP_BQ_TABLE__EU="t", GCP_SA_JSON__EU=KEY)

        shown = made.shown()
        assert (shown["GCP_SA_JSON"], shown["GCP_SA_JSON__EU"]) == ("set", "set")
        assert shown["GCP_BQ_TABLE"] == DETAILED
        for text in (repr(made), str(made), json.dumps(shown), made.model_dump_json(), repr(made.vertex[0])):
            self.shows_nothing(text)

    def test_what_is_in_no_setting_is_not_shown(self):
        assert {"GCP_SA_JSON", "GCP_BUDGET_NAME", "GCP_QUERY_PROJECT"}.isdisjoint(load(TABLE).shown())

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            (KEY[:-1], "is no JSON"),
            ("{" * 100_000, "is no JSON"),
            ("{}", "has no type, and is no credentials of Google's"),
            (
                '{"type": 1, "private_key": "MIIEvQIBADANBg-of-nobody"}',
                "has no type, and is no credentials of Google's",
            ),
            (f'"{KEY}"', "is neither JSON nor the path of a file"),
            (PRIVATE, "is neither JSON nor the path of a file"),
            ("MIIEvQIBADANBg-of-nobody" * 60, "is neither JSON nor the path of a file"),
        ],
        ids=lambda text: text[:12],
    )
    def test_a_key_that_is_none_is_refused_and_not_shown(self, text, what):
        (line,) = refused(TABLE, GCP_SA_JSON=text)

        assert line == f"GCP_SA_JSON: (not shown) {what}; for example GCP_SA_JSON=/etc/aispend/key.json"

    def test_a_file_is_looked_at_when_it_is_used_since_it_may_come_later(self, tmp_path):
        assert one(GCP_SA_JSON=str(tmp_path / "key.json")).service_account is not None

    def test_the_command_shows_that_one_is_set_and_not_which(self, monkeypatch, capsys):
        for name, text in {**TABLE, "GCP_SA_JSON": KEY}.items():
            monkeypatch.setenv(name, text)

        assert status.config() == 0
        out, err = capsys.readouterr()
        assert re.search(r"GCP_SA_JSON\W+set\b", out)
        assert "gcp_billing_export" in out
        self.shows_nothing(out + err)

    def test_a_misspelt_name_is_said_with_the_nearest(self):
        assert Settings.load({"GCP_BQ_TABEL": "t"}, dotenv=None).warnings == (
            "GCP_BQ_TABEL: no such setting; did you mean GCP_BQ_TABLE?",
        )


def test_settings_of_google_without_anything_to_read_are_said():
    made = Settings.load({"GCP_BQ_PROJECT": "finops-1", "GCP_BQ_DATASET": "billing"}, None)

    assert made.warnings == ("GCP_BQ_PROJECT, GCP_BQ_DATASET: set, but nothing of Google is read without GCP_BQ_TABLE",)
    assert not made.enabled("vertex")
