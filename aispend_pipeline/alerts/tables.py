"""The tables of the outbox: messages, their deliveries and every attempt, in the state database. Instants are UTC."""

import sqlalchemy as sa

from aispend_pipeline.state.columns import Instant
from aispend_pipeline.state.database import TABLES

message = sa.Table(
    "message",
    TABLES,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("channel", sa.String, primary_key=True),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False, comment="the bytes that every attempt sends"),
    sa.Column("created_at", Instant, nullable=False),
)

message_event = sa.Table(
    "message_event",
    TABLES,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("channel", sa.String, primary_key=True),
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("carried", sa.Boolean, nullable=False, comment="it is of an older message that this one supersedes"),
)

delivery = sa.Table(
    "delivery",
    TABLES,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("message_id", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("lane", sa.String, nullable=False, comment="deliveries of one lane go out in the order of seq"),
    sa.Column("status", sa.String, nullable=False, comment="see `outbox.Status`"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("maybe_received", sa.Boolean, nullable=False),
    sa.Column("next_at", Instant, nullable=False),
    sa.Column("not_before", Instant, comment="until when the receiver asked to be left alone"),
    sa.Column("lease_until", Instant),
    sa.Column("lease_token", sa.String),
    sa.Column("first_attempt_at", Instant),
    sa.Column("ended_at", Instant, comment="when it was delivered, died, was superseded or cancelled"),
    sa.Column("last_error", sa.String),
    sa.UniqueConstraint("message_id", "channel"),
    sa.Index("delivery_of_lane", "lane", "status", "seq"),
    sa.Index("delivery_of_channel", "channel", "status", "ended_at"),
)

attempt = sa.Table(
    "attempt",
    TABLES,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("channel", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("outcome", sa.String, nullable=False, comment="started, delivered, retry or dead; lost, or late"),
    sa.Column("http_status", sa.Integer),
    sa.Column("error_class", sa.String),
    sa.Column("response_excerpt", sa.String, comment="at most 512 bytes, without credentials"),
    sa.Index("attempt_of_channel", "channel", "outcome", "ended_at"),
)
