"""What pages of other sites may have a visitor's browser ask: nothing, unless they are named."""

from itertools import product

import pytest

from .test_guard import SITE, client_with
from .test_refusals import assert_problem

FETCH = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty"}


def said(site: str, **more: str) -> dict[str, str]:
    """What a browser says of a request that a page made."""
    return {"sec-fetch-site": site, **FETCH, **{name.replace("_", "-"): value for name, value in more.items()}}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec_fetch_dest": "image"},
        {"sec_fetch_mode": "navigate", "sec_fetch_dest": "iframe"},
        {"sec_fetch_mode": "cors", "sec_fetch_dest": "document"},
    ],
    ids=str,
)
def test_another_sites_page_may_have_nothing_asked(client, more):
    for path, site in product(("/spend", "/healthz", "/nothing"), ("cross-site", "same-site")):
        body = assert_problem(client.get(path, headers=said(site, **more)), 403, path)

        assert body["type"].endswith(":cross-site"), (path, site)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        said("same-origin"),
        said("none", sec_fetch_mode="navigate", sec_fetch_dest="document"),
        said("cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document"),
    ],
    ids=str,
)
def test_our_own_pages_links_to_us_and_what_is_no_browser_are_answered(client, headers):
    assert client.get("/config", headers=headers).status_code == 200


def test_a_site_that_is_configured_may_ask_and_no_other(home, clock):
    configured = client_with(home, clock, AISPEND_CORS_ORIGINS=SITE)

    assert configured.get("/config", headers=said("cross-site", origin=SITE)).status_code == 200
    assert_problem(configured.get("/config", headers=said("cross-site", origin=f"{SITE}.evil.example")), 403)
    assert_problem(configured.get("/config", headers=said("cross-site")), 403)
