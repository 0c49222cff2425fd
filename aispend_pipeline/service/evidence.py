"""Routes that show what figures rest on: lines one by one, and the pages that providers sent, as they came."""

import base64
from collections.abc import Callable
from typing import Annotated, Any

import duckdb
import orjson
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import Response

from aispend_pipeline.model import PROVIDERS
from aispend_pipeline.service import lines as lines_shown
from aispend_pipeline.service import pages as pages_shown
from aispend_pipeline.service.caching import cached, matches, tag_of
from aispend_pipeline.service.evidence_parameters import EstimateParameters, RawParameters, RowParameters
from aispend_pipeline.service.evidence_schemas import (
    AS_RECEIVED,
    NO_PAGE,
    EstimatesBody,
    PageBody,
    RawBody,
    RowsBody,
)
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

ProviderName = Annotated[str, Path(description="which provider", json_schema_extra={"enum": list(PROVIDERS)})]
PageId = Annotated[str, Path(description="the `id` of a page, the `page_id` of a line")]


def add_evidence(app: FastAPI, service: Service) -> None:
    """The routes; they answer from the newest snapshot."""
    _add_list(app, service)
    _add_page(app, service)
    _add_lines(app, service)


def _add_list(app: FastAPI, service: Service) -> None:
    @app.get(
        "/providers/{name}/raw",
        summary="A provider's answers as received, newest fetch first, those of failed fetches too",
        responses=answered(RawBody, "bad-cursor", "unknown-provider", "store"),
    )
    async def raw(name: ProviderName, parameters: Annotated[RawParameters, Query()]) -> Response:
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
        responses=answered(PageBody, "unknown-provider", "store", more=NO_PAGE),
    )
    async def page(name: ProviderName, page_id: PageId, _: Annotated[NoParameters, Query()]) -> Response:
        _known(name)

        def ask(_: Published, cursor: duckdb.DuckDBPyConnection) -> bytes:
            found, fetch = _kept(cursor, name, page_id, service.settings.retention_days)
            return orjson.dumps(pages_shown.page(found, bodies_of(cursor, [found])[0], fetch))

        return _of_now(await service.read(ask))

    @app.get(
        "/providers/{name}/raw/{page_id}/body",
        summary="The bytes of one page as received, as a download",
        response_class=Response,
        responses=AS_RECEIVED | documented("unknown-provider", "store", more=NO_PAGE),
    )
    async def body(
        request: Request, name: ProviderName, page_id: PageId, _: Annotated[NoParameters, Query()]
    ) -> Response:
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
        responses=answered(RowsBody, "bad-cursor", "store"),
    )
    async def rows(request: Request, parameters: Annotated[RowParameters, Query()]) -> Response:
        return await _lines(service, request, parameters, billed, lines_shown.rows)

    @app.get(
        "/spend/estimates",
        summary="What is used and not billed yet, line by line, and the page that each was measured on",
        responses=answered(EstimatesBody, "bad-cursor", "store"),
    )
    async def estimates(request: Request, parameters: Annotated[EstimateParameters, Query()]) -> Response:
        return await _lines(service, request, parameters, estimated, lines_shown.estimates)


async def _lines(
    service: Service,
    request: Request,
    parameters: EstimateParameters,
    of: Callable[[duckdb.DuckDBPyConnection, LineQuestion, LinePlace | None, int], Lines],
    shown: Callable[[Lines, str | None, Published], dict[str, Any]],
) -> Response:
    question = parameters.question(service.clock.now().date())

    def ask(published: Published, cursor: duckdb.DuckDBPyConnection) -> tuple[str, bytes | None]:
        after = parameters.place(question, published)
        tag = tag_of(published, request.url.path, question, parameters.limit, parameters.cursor)
        if matches(tag, request.headers.get("if-none-match", "")):
            return tag, None
        try:
            found = of(cursor, question, after, parameters.limit)
        except UnknownReceipt as error:
            raise Problem(422, "wrong-parameter", f"{error}: no {error} of that id was ever stored") from None
        return tag, orjson.dumps(shown(found, parameters.cursor_at(question, published, found.place), published))

    return cached(*await service.read(ask))


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
