"""The system's Chromium on a page that must behave: nothing on the console, nothing refused, nobody else asked."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response, expect, sync_playwright

# Nothing of the browser's own is to ask anybody.
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WIDE, PHONE = 1280, 390


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield browser
        browser.close()


@dataclass
class Seen:
    """What a page did that it must not do, a line each."""

    wrong: list[str] = field(default_factory=list)

    def expect(self, *parts: str) -> None:
        """Forget what has one of `parts` in it: the test made that happen."""
        self.wrong = [line for line in self.wrong if not any(part in line for part in parts)]


@contextmanager
def opened(
    browser: Browser, address: str, *, width: int = WIDE, scheme: str = "light", height: int = 900, password: str = ""
) -> Iterator[tuple[Page, Seen]]:
    """A page of its own at `address`, once all of its parts are there; at the end nothing may have been wrong.

    `password` is what the person enters when the browser asks for one.
    """
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        base_url=address,
        http_credentials={"username": "anybody", "password": password} if password else None,
    )
    page, seen = context.new_page(), Seen()
    page.set_default_timeout(10_000)
    _watch(page, seen, urlsplit(address).netloc)
    page.goto(address)
    settled(page)
    yield page, seen
    context.close()
    assert seen.wrong == []


def settled(page: Page) -> None:
    """Wait until every part of the page is shown, or says why it is not."""
    expect(page.locator("main [aria-busy=true]")).to_have_count(0)


def complaints(page: Page) -> list[str]:
    """What a checker of accessibility finds, a line for each kind of it."""
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def _watch(page: Page, seen: Seen, host: str) -> None:
    def answered(response: Response) -> None:
        if response.status >= 400:
            seen.wrong.append(f"{response.status} {response.url}")
        if urlsplit(response.url).netloc not in (host, ""):
            seen.wrong.append(f"asked another: {response.url}")

    page.on("console", lambda message: seen.wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.wrong.append(f"error: {error}"))
    page.on("requestfailed", lambda request: seen.wrong.append(f"failed: {request.url} {request.failure}"))
    page.on("response", answered)
