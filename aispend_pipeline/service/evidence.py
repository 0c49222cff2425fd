"""Routes that show what figures rest on: lines one by one, and the pages that providers sent, as they came."""

import base64
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import duckdb
import orjson
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import Response

from aispend_pipeline import money
from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service import forms
from aispend_pipeline.service import lines as lines_shown
from aispend_pipeline.service import pages as pages_shown
from aispend_pipeline.service.caching import in_form, matches, tag_of, tagged
from aispend_pipeline.service.evidence_examples import ESTIMATES_CSV, PAGE, ROWS_CSV
from aispend_pipeline.service.evidence_parameters import EstimateParameters, RawParameters, RowParameters
from aispend_pipeline.service.evidence_schemas import (
    AS_RECEIVED,
    NO_PAGE,
    EstimatesBody,
    PageBody,
    RawBody,
    RowsBody,
    also_in_csv,
)
from aispend_pipeline.service.kept import Made
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import Problem, answered, documented
from aispend_pipeline.service.shared import Service
from aispend_pipeline.warehouse import Published
from aispend_pipeline.warehouse.lines import (
    LinePlace,
    LineQuestion,
    Lines,
    UnknownReceipt,
    billed,
    estimated,
)
from aispend_pipeline.warehouse.pages import StoredFetch, StoredPage, bodies_of, fetch_of, stored_page, stored_pages

ProviderName = Annotated[
    str, Path(description="which provider", examples=[PROVIDERS[0]], json_schema_extra={"enum": list(PROVIDERS)})
]
PageId = Annotated[str, Path(description="the `id` of a page, the `page_id` of a line", examples=[PAGE["id"]])]


def add_evidence(app: FastAPI, service: Service) -> None:
    """The routes; they answer from the newest snapshot."""
    _add_list(app, service)
    _add_page(app, service)
    _add_lines(app, service)


def _add_list(app: FastAPI, service: Service) -> None:
    @app.get(
        "/providers/{name}/raw",
        summary="A provider's answers as received, newest fetch first, those of failed fetches too",
        tags=["Evidence"],
        responses=answered(RawBody, "bad-cursor", "unknown-provider", "store", says="Pages, each with its payload"),
    )
    async def list_raw_pages(name: ProviderName, parameters: Annotated[RawParameters, Query()]) -> Response:
        """`from` and `to` are days that fetches covered, not days on which they were made.

        Following the cursor gives each page once, also while more come. Pages expire; what was made of them stays.
        """
        _known(name)
        window = parameters.window(service.clock.now().date())
        after = parameters.place(name)

        def ask(_: Published, cursor: duckdb.DuckDBPyConnection) -> bytes:
            found, place = stored_pages(
                cursor,
                name,
                window,
                after,
                parameters.limit,
                sources=parameters.source,
                accounts=parameters.account,
            )
            more = parameters.cursor_at(name, place)
            return orjson.dumps(pages_shown.pages(found, bodies_of(cursor, found), more))

        return _of_now(await service.read(ask))


def _add_page(app: FastAPI, service: Service) -> None:
    @app.get(
        "/providers/{name}/raw/{page_id}",
        summary="One page: what came, the request that fetched it, and its fetch",
        tags=["Evidence"],
        responses=answered(PageBody, "unknown-provider", "store", says="The page with its payload", more=NO_PAGE),
    )
    async def get_raw_page(name: ProviderName, page_id: PageId, _: Annotated[NoParameters, Query()]) -> Response:
        """`fetch.days_in_use` are the days that have lines of this page now; newer fetches replace older ones."""
        _known(name)

        def ask(_: Published, cursor: duckdb.DuckDBPyConnection) -> bytes:
            found, fetch = _kept(cursor, name, page_id, service.settings.retention_days)
            return orjson.dumps(pages_shown.page(found, bodies_of(cursor, [found])[0], fetch))

        return _of_now(await service.read(ask))

    @app.get(
        "/providers/{name}/raw/{page_id}/body",
        summary="The bytes of one page as received, as a download",
        tags=["Evidence"],
        response_class=Response,
        responses=AS_RECEIVED | documented("unknown-provider", "store", more=NO_PAGE),
    )
    async def get_raw_page_body(
        request: Request, name: ProviderName, page_id: PageId, _: Annotated[NoParameters, Query()]
    ) -> Response:
        """Byte for byte, whatever it is; its SHA-256 is the ETag and the `body_sha256` of the page."""
        _known(name)
        condition = request.headers.get("if-none-match", "")

        def ask(_: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[StoredPage, bytes | None]:
            found, _fetch = _kept(cursor, name, page_id, service.settings.retention_days)
            return found, None if matches(f'"{found.sha256}"', condition) else bodies_of(cursor, [found])[0]

        return _download(*await service.read(ask))


def _add_lines(app: FastAPI, service: Service) -> None:
    @app.get(
        "/spend/rows",
        summary="Billed lines one by one, and the page that each came on",
        tags=["Evidence"],
        responses=_answered(RowsBody, ROWS_CSV, "X-AISpend-Total-USD"),
    )
    async def list_spend_rows(request: Request, parameters: Annotated[RowParameters, Query()]) -> Response:
        """With the days and filters of a question to `/spend` they come to its `total_usd`.

        An hour cannot be asked for: no line of a bill tells its hour.
        """
        return await _lines(service, request, parameters, _BILLED)

    @app.get(
        "/spend/estimates",
        summary="What is used and not billed yet, line by line, and the page that each was measured on",
        tags=["Evidence"],
        responses=_answered(EstimatesBody, ESTIMATES_CSV, "X-AISpend-Total-Estimated-USD"),
    )
    async def list_estimates(request: Request, parameters: Annotated[EstimateParameters, Query()]) -> Response:
        """With the days and filters of a question to `/spend` they come to its `total_estimated_usd`."""
        return await _lines(service, request, parameters, _ESTIMATED)


def _answered(body: type[RowsBody | EstimatesBody], example: str, total: str) -> dict[int | str, dict[str, Any]]:
    found = answered(body, "bad-cursor", "store", says="Lines with their pages, a screenful, and what all come to")
    return tagged({**found, 200: also_in_csv(found[200], example, total)})


class _Listed(NamedTuple):
    """Lines of a kind: how they are found and shown; what a file of them is called, and in it what they come to."""

    find: Callable[[duckdb.DuckDBPyConnection, LineQuestion, LinePlace | None, int], Lines]
    shown: Callable[[Lines, str | None, Published], dict[str, Any]]
    name: str
    total: str

    def made(self, form: forms.Form, found: Lines, cursor: str | None, published: Published) -> Made:
        """The answer, in the form asked for."""
        if form == "json":
            return Made(orjson.dumps(self.shown(found, cursor, published)), {"content-type": "application/json"})
        beside = {"count": str(found.count), self.total: money.text(found.usd)}
        headers = forms.table_headers(self.name, found.window, published, cursor, beside)
        return Made(lines_shown.table(found).encode(), headers)


_BILLED = _Listed(billed, lines_shown.rows, "spend-rows", "total-usd")
_ESTIMATED = _Listed(estimated, lines_shown.estimates, "spend-estimates", "total-estimated-usd")


async def _lines(service: Service, request: Request, parameters: EstimateParameters, listed: _Listed) -> Response:
    question = parameters.question(service.clock.now().date())
    form = forms.chosen(parameters.format, request.headers.get("accept", ""))

    def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, Made | None]:
        after = parameters.place(question, published)
        tag = tag_of(published, listed.name, form, question, parameters.limit, parameters.cursor)
        if matches(tag, request.headers.get("if-none-match", "")):
            return tag, None
        try:
            found = listed.find(cursor, question, after, parameters.limit)
        except UnknownReceipt as error:
            raise Problem(422, "wrong-parameter", f"{error}: no {error} of that id was ever stored") from None
        return tag, listed.made(form, found, parameters.cursor_at(question, published, found.place), published)

    return in_form(*await service.read(ask))


def _known(name: str) -> None:
    if name not in PROVIDERS:
        raise Problem(404, "unknown-provider", f"no provider of that name; there are {', '.join(PROVIDERS)}")


def _kept(cursor: duckdb.DuckDBPyConnection, provider: str, page_id: str, days: int) -> tuple[StoredPage, StoredFetch]:
    """A page and its fetch; `Problem` if there never was such a page, or it has expired after so many days."""
    fetch = fetch_of(cursor, page_id)
    if fetch is None or fetch.provider != provider:
        raise Problem(404, "unknown-page", f"no page of that id was ever received from {provider}")
    found = stored_page(cursor, page_id)
    if found is None:
        read = f"it was fetched on {fetch.started_at:%Y-%m-%d}, and pages are kept for {days} days"
        raise Problem(410, "page-expired", f"the page has expired: {read}; the rows that were made of it stay")
    return found, fetch


def _of_now(body: bytes) -> Response:
    return Response(body, headers={"cache-control": "no-store"}, media_type="application/json")


def _download(page: StoredPage, body: bytes | None) -> Response:
    """The bytes as a file. Who keeps them asks again each time: a token may be taken back, and pages go."""
    headers = {"etag": f'"{page.sha256}"', "cache-control": "private, no-cache"}
    if body is None:
        return Response(status_code=304, headers=headers)
    kind = pages_shown.media_type(body)
    digest = base64.b64encode(bytes.fromhex(page.sha256)).decode()
    headers |= {
        "repr-digest": f"sha-256=:{digest}:",
        "content-disposition": f'attachment; filename="{pages_shown.file_name(page, kind)}"',
    }
    return Response(body, headers=headers, media_type=kind)
