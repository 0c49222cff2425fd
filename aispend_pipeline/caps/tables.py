"""The tables of what stands and what was said, in the state database. Instants are UTC, money USD.

Every column says what it means; nothing here is SQLite's alone.
"""

import sqlalchemy as sa

from aispend_pipeline.state.columns import Instant, Usd
from aispend_pipeline.state.database import TABLES

cap_state = sa.Table(
    "cap_state",
    TABLES,
    sa.Column("scope", sa.String, primary_key=True, comment="a provider, or global"),
    sa.Column("period", sa.String, primary_key=True, comment="the month, YYYY-MM"),
    sa.Column("first_day", sa.Date, nullable=False, comment="of the period"),
    sa.Column("last_day", sa.Date, nullable=False, comment="of the period"),
    sa.Column("level", sa.String, nullable=False, comment="what the figures say: unknown, ok, soft or hard"),
    sa.Column("since", Instant, nullable=False, comment="when the level became that"),
    sa.Column("reason", sa.String, comment="why it became that"),
    sa.Column("announced", sa.String, nullable=False, comment="the level that people were told last"),
    sa.Column("announced_at", Instant, comment="when that was"),
    sa.Column("peak", sa.String, nullable=False, comment="the highest level that people were ever told"),
    sa.Column("total", Usd, nullable=False, comment="what is spent, with estimates"),
    sa.Column("estimated", Usd, comment="the part of the total that no bill has yet"),
    sa.Column("hard_on_estimates", sa.Boolean, comment="whether that part counts towards the hard cap"),
    sa.Column("soft", Usd, comment="the soft cap; null for none"),
    sa.Column("hard", Usd, comment="the hard cap; null for none"),
    sa.Column("reached_soft", Usd, comment="the soft cap when the level was last certain"),
    sa.Column("reached_hard", Usd, comment="the hard cap when the level was last certain"),
    sa.Column("milestone", sa.Integer, nullable=False, comment="the highest percentage that was passed"),
    sa.Column("forecast", sa.String, comment="the highest level that people were told to expect"),
    sa.Column("stale", sa.Boolean, nullable=False, comment="the figures were out of date"),
    sa.Column("unconfirmed", sa.Boolean, nullable=False, comment="the total may yet fall"),
    sa.Column("store_id", sa.String, nullable=False, comment="of the rollup that it was decided from"),
    sa.Column("seq", sa.BigInteger, nullable=False, comment="of the rollup that it was decided from"),
    sa.Column("read_seq", sa.BigInteger, nullable=False, comment="the newest fetch in that rollup"),
    sa.Column("armings", sa.Integer, nullable=False, comment="how often the hook was armed"),
    sa.Column("closed", sa.Boolean, nullable=False, comment="the period is over"),
    sa.Column("final", sa.Boolean, nullable=False, comment="late data is not told any more"),
)

arming = sa.Table(
    "arming",
    TABLES,
    sa.Column("scope", sa.String, primary_key=True),
    sa.Column("period", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("state", sa.String, nullable=False, comment="armed, released or cancelled"),
    sa.Column("cap", Usd, comment="the hard cap when the scope was last at hard"),
    sa.Column("armed_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("event_id", sa.String, nullable=False, comment="the event that asked for action"),
)

event = sa.Table(
    "event",
    TABLES,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("dedupe_key", sa.String, nullable=False, unique=True),
    sa.Column("type", sa.String, nullable=False),
    sa.Column("scope", sa.String, nullable=False),
    sa.Column("period", sa.String, nullable=False),
    sa.Column("level", sa.String),
    sa.Column("prev_level", sa.String),
    sa.Column("reason", sa.String),
    sa.Column("facts", sa.JSON, nullable=False, comment="the inputs that it was decided from"),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("evaluation_id", sa.String, nullable=False),
    sa.Index("event_of_kind", "type", "scope", "period", "level"),
)

incident = sa.Table(
    "incident",
    TABLES,
    sa.Column("kind", sa.String, primary_key=True, comment="ingest or channel"),
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("told_at", Instant),
    sa.Column("closed_at", Instant),
    sa.Column("heard_at", Instant, comment="when people last heard that the subject is in trouble"),
    sa.Column("detail", sa.String, nullable=False),
)

meta = sa.Table(
    "meta",
    TABLES,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)
