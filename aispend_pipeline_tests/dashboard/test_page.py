"""What a person sees: the service's figures, what they rest on, and the way to the bytes."""

import csv
import re
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr

from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse

from ..service.world import DAYS, ODD_DAY, TODAY, StandingClock
from .browser import PHONE, WIDE, complaints, opened, settled
from .conftest import TOKEN

VIEW = f"/#period=own&from={DAYS.first}&to={DAYS.last}"
ASKED = {"from": str(DAYS.first), "to": str(DAYS.last)}


def on_screen(usd: str) -> str:
    return f"${Decimal(usd):,.2f}"


def test_the_figures_are_those_that_the_service_answers(browser, address):
    spend = httpx.get(f"{address}/spend", params={**ASKED, "groupBy": "model", "sort": "-cost_usd"}).json()
    caps = {cap["scope"]: cap for cap in httpx.get(f"{address}/status").json()["caps"]}
    with opened(browser, address + VIEW) as (page, _):
        expect(page.locator("#daily strong")).to_have_text(on_screen(spend["total_usd"]))
        expect(page.locator("#daily strong span")).to_have_attribute("title", f"{spend['total_usd']} USD")
        rows = page.locator("#groups tbody tr")
        assert rows.count() == len(spend["rows"])
        for row, told in zip(rows.all(), spend["rows"], strict=True):
            billed = "not billed" if told["cost_usd"] is None else on_screen(told["cost_usd"])
            expect(row.locator("td").first).to_have_text(billed)
        card = page.locator("#caps article").filter(has=page.get_by_role("heading", name="openai"))
        expect(card.locator(".amount span")).to_have_attribute("title", f"{caps['openai']['total_usd']} USD")
        for doubt in caps["openai"]["doubts"]:
            expect(card).to_contain_text(doubt)
        assert complaints(page) == []


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_everybody_can_use_it(browser, address, width, scheme):
    with opened(browser, address + VIEW, width=width, scheme=scheme) as (page, _):
        assert complaints(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_sum_leads_to_its_lines_and_a_line_to_the_bytes_by_keyboard_alone(browser, address):
    total = httpx.get(
        f"{address}/spend",
        params={"from": str(ODD_DAY), "to": str(ODD_DAY), "groupBy": "provider"},
    ).json()["total_usd"]
    with opened(browser, address + VIEW) as (page, _):
        page.locator("#daily-table summary").press("Enter")
        page.locator("#daily-table tbody tr").first.get_by_role("link").first.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"exactly {total} USD")
        assert complaints(page) == []
        line = dialog.locator("tbody tr").last
        what, billed = (line.locator("td").nth(column).inner_text() for column in (1, 4))
        line.get_by_role("link", name=re.compile("^record")).press("Enter")
        expect(dialog.locator("mark")).to_be_in_viewport()
        for said in (what, billed.split()[0]):
            expect(dialog.locator("mark")).to_contain_text(f'"{said}"')
        with page.expect_download() as download:
            dialog.get_by_role("link", name="The bytes as received").press("Enter")
        assert b'"organization.costs.result"' in download.value.path().read_bytes()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert "line." not in page.url


@pytest.mark.long
def test_what_is_only_estimated_leads_to_its_lines_and_to_the_page_of_its_usage(browser, address):
    day = {"from": str(TODAY), "to": str(TODAY)}
    found = httpx.get(f"{address}/spend/estimates", params=day).json()
    assert found["count"] > 0
    with opened(browser, f"{address}/#line.from={TODAY}&line.to={TODAY}") as (page, _):
        estimates = page.get_by_role("dialog").locator("section").last
        expect(estimates).to_contain_text(f"exactly {found['total_estimated_usd']} USD")
        assert complaints(page) == []
        quantity = estimates.locator("tbody tr").first.locator("td").nth(3).inner_text()
        estimates.get_by_role("link", name=re.compile("^record")).first.click()
        expect(page.locator("dialog mark")).to_contain_text(quantity.replace(",", ""))


@pytest.mark.long
def test_all_lines_of_a_sum_are_one_file_however_many_parts_it_takes(browser, address):
    asked = {"from": str(DAYS.first), "to": str(DAYS.last), "provider": "openai"}
    found = httpx.get(f"{address}/spend/rows", params=asked).json()
    opening = "&".join(f"line.{name}={value}" for name, value in asked.items())
    with opened(browser, f"{address}/#{opening}") as (page, _):
        page.route("**/spend/rows?*limit=500*", lambda route: route.continue_(url=in_parts_of(7, route.request.url)))
        with page.expect_download() as download:
            page.get_by_role("button", name=f"All {found['count']} as CSV").click()
        rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == found["count"] > 7
    assert sum(Decimal(row["cost_usd"]) for row in rows if row["cost_usd"]) == Decimal(found["total_usd"])
    assert download.value.suggested_filename.startswith(f"spend-rows_{DAYS.first}_to_{DAYS.last}")


@pytest.mark.long
def test_of_a_line_that_is_shared_the_share_is_what_adds_up(browser, address):
    asked = {"from": str(DAYS.first), "to": str(DAYS.last), "account": "default"}
    found = httpx.get(f"{address}/spend/rows", params=asked).json()
    found["rows"][0] |= {"allocated_usd": "0.10"}
    with opened(browser, address) as (page, _):
        page.route("**/spend/rows?*", lambda route: route.fulfill(json=found))
        page.goto(f"{address}/#" + "&".join(f"line.{name}={value}" for name, value in asked.items()))
        first, second = (page.get_by_role("dialog").locator("tbody tr").nth(row).locator("td") for row in (0, 1))
        expect(first.first).to_have_text("0.10")
        expect(first.nth(1)).to_have_text(found["rows"][0]["cost_usd"])
        expect(second.first).to_have_text(found["rows"][1]["cost_usd"])
        expect(second.nth(1)).to_have_text("")
        expect(page.get_by_role("dialog")).to_contain_text("the share of what was used by the key")


@pytest.mark.long
def test_more_lines_are_shown_also_when_there_are_new_figures_meanwhile(browser, address):
    asked = {"from": str(DAYS.first), "to": str(DAYS.last), "provider": "openai"}
    problem = {
        "type": "about:blank",
        "title": "Bad cursor",
        "status": 400,
        "detail": "cursor: the figures have changed",
    }
    refused = []

    def once(route):
        if "cursor=" in route.request.url and not refused:
            refused.append(route.request.url)
            route.fulfill(status=400, json=problem)
        else:
            route.continue_(url=route.request.url.replace("limit=200", "limit=3"))

    with opened(browser, address) as (page, seen):
        page.route("**/spend/rows?*", once)
        page.goto(f"{address}/#" + "&".join(f"line.{name}={value}" for name, value in asked.items()))
        rows = page.get_by_role("dialog").locator("section").first.locator("tbody tr")
        expect(rows).to_have_count(3)
        page.get_by_role("button", name="More lines").first.click()
        expect(rows).not_to_have_count(3)
        assert refused
        seen.expect("400")


def in_parts_of(lines: int, url: str) -> str:
    return url.replace("limit=500", f"limit={lines}")


@pytest.mark.long
def test_an_amount_on_a_page_is_shown_as_it_came(browser, address):
    page_of_odd = next(
        item
        for item in httpx.get(f"{address}/providers/openai/raw", params={"account": "odd"}).json()["items"]
        if item["source"] == "openai_costs"
    )
    with opened(browser, f"{address}/#page=openai/{page_of_odd['id']}") as (page, _):
        shown = page.locator("dialog pre")
        expect(shown).to_contain_text('"value": "0.000003"')


@pytest.mark.long
def test_a_bar_leads_to_its_lines(browser, address):
    with opened(browser, address + VIEW) as (page, _):
        page.locator("#chart .bars .point").first.click(force=True)
        expect(page.get_by_role("dialog")).to_contain_text("is the sum of")


@pytest.mark.long
def test_a_view_is_a_link_that_can_be_shared_and_left(browser, address):
    with opened(browser, address + VIEW) as (page, _):
        page.get_by_label("Table by").select_option("account")
        page.get_by_role("link", name="Only eu").click()
        shared = page.url
        expect(page.get_by_role("button", name="Without the filter account: eu")).to_be_visible()
        settled(page)
        told = page.locator("#daily strong").inner_text()
        page.go_back()
        expect(page.get_by_role("button", name="Without the filter account: eu")).to_be_hidden()
    with opened(browser, shared) as (page, _):
        expect(page.locator("#daily strong")).to_have_text(told)
        expect(page.get_by_label("Table by")).to_have_value("account")


@pytest.mark.long
def test_what_is_chosen_quickly_one_after_the_other_is_all_chosen(browser, address):
    with opened(browser, address + VIEW) as (page, _):
        page.evaluate("""() => {
          for (const [id, value] of [["cut", "model"], ["by", "account"], ["bars", "sum"]]) {
            const field = document.getElementById(id);
            field.value = value;
            field.dispatchEvent(new Event("change"));
          }
        }""")
        expect(page.locator("#groups caption")).to_contain_text("By account")
        assert all(part in page.url for part in ("cut=model", "by=account", "chart=sum"))


@pytest.mark.long
def test_the_lines_behind_a_sum_are_those_of_the_filter_too(browser, address):
    asked = {**ASKED, "account": "eu", "groupBy": "model", "sort": "-cost_usd"}
    largest = httpx.get(f"{address}/spend", params=asked).json()["rows"][0]
    with opened(browser, address + VIEW + "&account=eu") as (page, _):
        page.locator("#groups tbody th a").first.click()
        expect(page.get_by_role("dialog")).to_contain_text(f"exactly {largest['cost_usd']} USD")


@pytest.mark.long
def test_days_that_were_not_read_look_missing(browser, address):
    before = DAYS.first - timedelta(days=2)
    with opened(browser, f"{address}/#period=own&from={before}&to={DAYS.last}") as (page, _):
        page.locator("#daily-table summary").click()
        expect(page.locator("#daily-table tbody tr").first).to_contain_text("not read")
        assert "$0" not in page.locator("#daily-table tbody tr").first.inner_text()
        assert page.locator("#chart .shapelayer path").count() > 0


@pytest.mark.long
def test_nothing_that_a_provider_names_becomes_markup(browser, address):
    name = "<img src=x onerror=alert(1)>"
    with opened(browser, address + VIEW + "&cut=account") as (page, _):

        def renamed(route) -> None:
            answer = route.fetch()
            body = answer.json()
            for row in body["rows"]:
                row |= {key: name for key in ("model", "account") if key in row}
            route.fulfill(response=answer, json=body)

        page.route("**/spend?*", renamed)
        page.reload()
        settled(page)
        expect(page.locator("#groups tbody th").first).to_have_text(name)
        assert page.locator("main img").count() == 0


@pytest.mark.long
@pytest.mark.parametrize(("counts", "used"), [(True, "100.5 %"), (False, "97 %")])
def test_a_card_says_how_much_of_the_cap_is_used_by_what_the_cap_counts(browser, address, counts, used):
    status = httpx.get(f"{address}/status").json()
    figures = {"billed_usd": "97.00", "estimated_usd": "3.50", "total_usd": "100.50", "hard_usd": "100.00"}
    status["caps"] = [{**status["caps"][0], **figures, "hard_on_estimates": counts}]
    with opened(browser, address + VIEW) as (page, _):
        page.route("**/status", lambda route: route.fulfill(json=status))
        page.reload()
        settled(page)
        card = page.locator("#caps article")
        expect(card).to_contain_text(f"{used} of the hard cap $100")
        expect(page.locator("#caps-at", has_text="Estimates do not count")).to_have_count(0 if counts else 1)


@pytest.mark.long
def test_a_part_that_fails_says_so_and_the_others_go_on(browser, address):
    problem = {"type": "about:blank", "title": "Busy", "status": 503, "detail": "the answer takes too long"}
    with opened(browser, address + VIEW) as (page, seen):
        page.route("**/spend?*groupBy=model*", lambda route: route.fulfill(status=503, json=problem))
        page.reload()
        settled(page)
        expect(page.locator("#groups")).to_contain_text("Not shown: the answer takes too long")
        expect(page.locator("#daily strong")).to_be_visible()
        page.unroute("**/spend?*groupBy=model*")
        page.locator("#groups").get_by_role("button", name="Try again").click()
        expect(page.locator("#groups table")).to_be_visible()
        seen.expect("503")


@pytest.mark.long
def test_an_empty_installation_says_what_to_do(browser, tmp_path):
    settings = Settings.load({"AISPEND_HOME": str(tmp_path / "home")}, dotenv=None)
    Warehouse(settings.home, StandingClock()).publish_at_start()
    with (
        served(create_app(settings, StandingClock())) as address,
        opened(browser, address) as (page, _),
    ):
        expect(page.locator("#notice")).to_contain_text("Nothing was read yet")
        expect(page.locator("#notice")).to_contain_text("aispend doctor")
        expect(page.locator("#caps")).to_contain_text("No caps are set")
        assert complaints(page) == []


@pytest.mark.long
def test_admins_are_asked_for_their_token_and_hear_what_became_of_it(browser, address):
    with opened(browser, address + VIEW) as (page, seen):
        send_test(page, "wrong")
        expect(page.locator("#alerts")).to_contain_text("ADMIN_TOKEN")
        seen.expect("401")


@pytest.mark.long
def test_behind_a_read_token_the_browser_asks_for_it_once_and_everything_is_there(browser, settings):
    closed = settings.model_copy(update={"read_token": SecretStr("a-read-token-of-tests")})
    with (
        served(create_app(closed, StandingClock())) as address,
        opened(browser, address + VIEW, password="a-read-token-of-tests") as (page, seen),
    ):
        expect(page.locator("#groups table")).to_be_visible()
        page.get_by_text("For admins").click()
        page.get_by_label("ADMIN_TOKEN").fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        expect(page.get_by_role("button", name="Send a test message")).to_be_visible()
        seen.expect("401 ")


def send_test(page: Page, token: str) -> None:
    page.get_by_text("For admins").click()
    page.get_by_label("ADMIN_TOKEN").fill(token)
    page.get_by_role("button", name="Use it").click()
    page.get_by_role("button", name="Send a test message").click()
