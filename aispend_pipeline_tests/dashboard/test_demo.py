"""The dashboard over the demo's organisation, while that is read and told of: every view of it behaves."""

import pytest
from playwright.sync_api import expect

from .browser import PHONE, chromium, complaints, opened
from .demo import PICTURES, living_demo, take

BY = ["provider", "account", "model", "project", "api_key", "person", "service_tier", "token_type", "line_item"]


@pytest.mark.long
def test_the_demo_is_on_the_dashboard_and_every_view_of_it_behaves(tmp_path):
    with living_demo(tmp_path / "home", "read vertex") as (address, process), chromium() as browser:
        for number, by in enumerate(BY):
            view = f"/#by={by}&cut={['provider', 'account', 'model', 'project'][number % 4]}&period=days30"
            with opened(browser, address + view, width=PHONE if number % 2 else 1280) as (page, _):
                assert page.locator("#groups tbody tr").count() > 0
                assert page.locator("#daily strong").inner_text() != "$0.00"
                assert complaints(page) == []
        take(browser, address, tmp_path / "pictures")
        with opened(browser, address) as (page, _):
            expect(page.locator("#alerts table")).to_contain_text("openai")
    assert process.returncode == 0
    assert {file.stem for file in (tmp_path / "pictures").iterdir()} == {*PICTURES}
