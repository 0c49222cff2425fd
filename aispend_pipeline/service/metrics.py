"""`GET /metrics`: what `/status` says, as numbers, with what was fetched and asked, for Prometheus.

Amounts are exact until here; Prometheus has only floats.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any

import duckdb
from fastapi import FastAPI, Query
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from aispend_pipeline.caps.known import configured, newest
from aispend_pipeline.caps.model import Period
from aispend_pipeline.errors import StoreError
from aispend_pipeline.log import log
from aispend_pipeline.service.metrics_declared import BY_NAME, METRICS, Kind
from aispend_pipeline.service.parameters import NoParameters
from aispend_pipeline.service.problems import documented
from aispend_pipeline.service.samples import Figures, Sample, of_figures, of_status
from aispend_pipeline.service.shared import Service
from aispend_pipeline.service.status import status
from aispend_pipeline.settings import Settings
from aispend_pipeline.sources import COST_SOURCES, feeds
from aispend_pipeline.warehouse.fetched import fetched, spend_of, stored_pages, these

_EXAMPLE = """\
# HELP aispend_outbox_deliveries Deliveries that wait, or were given up.
# TYPE aispend_outbox_deliveries gauge
aispend_outbox_deliveries{status="pending"} 0.0
"""
_TEXT = {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}, "description": "All metrics"}


def add_metrics(app: FastAPI, service: Service) -> None:
    """The route that Prometheus asks."""
    registry = service.traffic.registry
    registry.register(_OfInstallation(service))

    @app.get(
        "/metrics",
        summary="The same as numbers, for Prometheus",
        tags=["State"],
        response_class=Response,
        responses={**documented(), 200: _TEXT},
    )
    async def get_metrics(_: Annotated[NoParameters, Query()]) -> Response:
        """Prometheus has only floats: `/status` and `/spend` have the amounts as they are."""
        body = await service.look(lambda: generate_latest(registry))
        return Response(body, headers={"cache-control": "no-store"}, media_type=CONTENT_TYPE_PLAIN_0_0_4)


class _OfInstallation(Collector):
    """Looks at the installation anew for each scrape; `_told` is the trouble that was logged and is not over.

    Only the one thread of `Service.look` asks it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._told: str | None = None
        self._known: Figures | None = None

    def collect(self) -> Iterator[Metric]:
        """All that is known now; what cannot be read is absent, and the rest is there."""
        settings, complaints = self._service.now()
        now = self._service.clock.now()
        body = status(settings, now, complaints)
        yield from families([*of_status(body, Period.of(now.date()).name), *self._of_figures(settings, now)])

    def _of_figures(self, settings: Settings, now: datetime) -> list[Sample]:
        try:
            found = self._known = _figures(settings, now, self._known)
        except (StoreError, duckdb.Error) as error:
            self._tell(str(error) if isinstance(error, StoreError) else type(error).__name__)
            return []
        self._tell(None)
        return list(of_figures(found, now, settings.stale_after_seconds))

    def _tell(self, trouble: str | None) -> None:
        """Log a trouble once, not at every scrape."""
        known, self._told = self._told, trouble
        if trouble is not None and trouble != known:
            log.warning("metrics.incomplete", error=trouble)


def _figures(settings: Settings, now: datetime, known: Figures | None) -> Figures:
    """The figures of the newest snapshot; those that are `known` if they are of it, and of the same question."""
    period = Period.of(now.date())
    with newest(settings.home) as (published, cursor):
        asked = (published, period, tuple(feeds(settings)))
        if known is not None and known.asked == asked:
            return known
        wanted = configured(cursor, settings)
        return Figures(
            asked=asked,
            published=published,
            feeds=wanted,
            last=these(cursor, [feed.fetch_id for feed in wanted if feed.fetch_id]),
            fetched=fetched(cursor),
            spend=spend_of(cursor, period.window, COST_SOURCES),
            stored_pages=stored_pages(cursor),
        )


def families(samples: Iterable[Sample]) -> Iterator[Metric]:
    """`samples` as the families that are declared, in that order; of a metric without a sample nothing is said."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    for unknown in by_name.keys() - BY_NAME.keys():
        raise KeyError(unknown)
    for metric in METRICS:
        if metric.name in by_name:
            made: Any = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
            family = made(metric.full_name, metric.help, labels=metric.labels)
            for sample in by_name[metric.name]:
                family.add_metric(sample.labels, float(sample.value))
            yield family
