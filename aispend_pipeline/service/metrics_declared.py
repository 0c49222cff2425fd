"""Every metric that `GET /metrics` serves, declared once: the reference's table and the checks of `data/` follow it."""

from enum import StrEnum
from typing import NamedTuple

PREFIX = "aispend_"


class Kind(StrEnum):
    """How Prometheus reads a metric. A counter only grows: what old pages' deletion would shrink is a gauge."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Metric(NamedTuple):
    """One metric, its name without the prefix; a value that is not known is absent, never 0."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus knows it."""
        return PREFIX + self.name


_FEED = ("source", "account", "provider")

METRICS = (
    Metric("build_info", Kind.GAUGE, "1, with the version.", ("version",)),
    Metric("status", Kind.GAUGE, "1 at the word that /status says, 0 at the others.", ("status",)),
    Metric("store_usable", Kind.GAUGE, "Whether a store can be used; what only it knows is absent if not.", ("store",)),
    Metric("snapshot_timestamp_seconds", Kind.GAUGE, "When the figures that are served were published."),
    Metric("warehouse_commits_total", Kind.COUNTER, "Commits of the warehouse up to that one."),
    Metric("spend_month_to_date_usd", Kind.GAUGE, "Spend held against the caps of a scope.", ("scope", "kind")),
    Metric(
        "account_spend_month_to_date_usd",
        Kind.GAUGE,
        "Spend of an account, billed, and estimated where no bill is yet.",
        ("provider", "account", "kind"),
    ),
    Metric("cap_usd", Kind.GAUGE, "The caps that are set.", ("scope", "cap")),
    Metric("cap_level", Kind.GAUGE, "1 at the level that a scope has, 0 at the others.", ("scope", "level")),
    Metric("forecast_month_end_usd", Kind.GAUGE, "What the month is expected to come to.", ("scope", "bound")),
    Metric("last_evaluation_timestamp_seconds", Kind.GAUGE, "When the caps were last looked at."),
    Metric("source_ever_read", Kind.GAUGE, "Whether a source was ever read completely.", _FEED),
    Metric("source_freshness_seconds", Kind.GAUGE, "Age of the newest figures, when read or exported.", _FEED),
    Metric("source_stale", Kind.GAUGE, "Whether they are older than AISPEND_STALE_AFTER_SECONDS allows.", _FEED),
    Metric("source_consecutive_failures", Kind.GAUGE, "Runs that failed since it was last read.", _FEED),
    Metric("source_coverage", Kind.GAUGE, "Days by what is known of them.", (*_FEED, "state")),
    Metric("quarantined_records", Kind.GAUGE, "Records that cannot be understood.", _FEED),
    Metric("restatements_total", Kind.COUNTER, "Sums that a provider corrected later.", _FEED),
    Metric("last_fetch_timestamp_seconds", Kind.GAUGE, "When the newest fetch ended.", _FEED),
    Metric("last_fetch_success", Kind.GAUGE, "Whether it was complete.", _FEED),
    Metric("last_fetch_duration_seconds", Kind.GAUGE, "How long it took.", _FEED),
    Metric("last_fetch_pages", Kind.GAUGE, "Pages that it brought.", _FEED),
    Metric("ingest_runs_total", Kind.COUNTER, "Runs that read a source.", _FEED),
    Metric("fetches_total", Kind.COUNTER, "Fetches, each of one window.", (*_FEED, "state")),
    Metric("fetch_seconds_total", Kind.COUNTER, "Seconds that they took.", (*_FEED, "state")),
    Metric("fetched_pages_total", Kind.COUNTER, "Pages that they brought.", (*_FEED, "state")),
    Metric("stored_pages", Kind.GAUGE, "Pages that are kept; old ones are deleted."),
    Metric("outbox_deliveries", Kind.GAUGE, "Deliveries that wait, or were given up.", ("status",)),
    Metric("outbox_oldest_pending_seconds", Kind.GAUGE, "How long the oldest waits; absent if none does."),
    Metric("channel_failing", Kind.GAUGE, "Whether a channel that is set does not carry.", ("channel",)),
    Metric("incidents_open", Kind.GAUGE, "Troubles that people were told of and that are not over.", ("kind",)),
    Metric("http_requests_total", Kind.COUNTER, "Requests, by class of status.", ("method", "route", "status")),
    Metric("http_request_duration_seconds", Kind.HISTOGRAM, "How long they took.", ("method", "route")),
)

BY_NAME = {metric.name: metric for metric in METRICS}
