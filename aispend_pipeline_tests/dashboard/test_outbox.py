"""What an admin does on the page to messages that were given up."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from aispend_pipeline.alerts.outbox import Status
from aispend_pipeline.alerts.tables import delivery
from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings
from aispend_pipeline.simulator.server import served
from aispend_pipeline.warehouse import Warehouse
from aispend_pipeline_tests.caps.world import Mood, World

from .browser import opened
from .conftest import TOKEN


def refused(world: World) -> None:
    """Slack has refused a soft breach for good, and the mail webhook could not take it yet."""
    world.receivers["slack"].mood, world.receivers["email"].mood = Mood.GONE, Mood.BROKEN
    world.spent("openai", "85").evaluate()
    world.dispatch()


@pytest.fixture
def world(tmp_path) -> Iterator[World]:
    """OpenAI with caps of 80 and 100 USD; filled in another thread, since this one has the browser's event loop."""
    made = World(tmp_path / "home", caps={"openai": ("80", "100")})
    with ThreadPoolExecutor(1) as apart:
        apart.submit(refused, made).result()
    Warehouse(made.home, made.clock).publish_at_start()
    yield made
    made.state.close()


@pytest.mark.long
@pytest.mark.parametrize(("button", "becomes"), [("retry", Status.PENDING), ("drop", Status.DROPPED)])
def test_a_message_that_was_given_up_is_tried_again_or_dropped_by_who_has_the_token(browser, world, button, becomes):
    settings = Settings.load({"AISPEND_HOME": str(world.home), "ADMIN_TOKEN": TOKEN}, dotenv=None)
    with (
        served(create_app(settings, world.clock)) as address,
        opened(browser, address + "/#period=own&from=2026-11-01&to=2026-11-02") as (page, _),
    ):
        row = page.locator("#alerts tbody tr").filter(has_text="openai reached its soft cap").filter(has_text="dead")
        expect(row.get_by_role("button")).to_have_count(0)
        page.get_by_text("For admins").click()
        page.get_by_label("ADMIN_TOKEN").fill(TOKEN)
        page.get_by_role("button", name="Use it").click()
        row.get_by_role("button", name=button).click()
        expect(row).to_have_count(0)
    assert {one.status for one in world.rows(delivery) if one.channel == "slack"} == {becomes}
