"""How instants and money are kept in the state database: the same on every database that it may be."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC instant; stored without a zone."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """As it is stored."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """As it is used."""
        return None if value is None else value.replace(tzinfo=UTC)


class Usd(sa.types.TypeDecorator[Decimal]):
    """An exact amount; stored as its text, since SQLite's numbers are binary floats."""

    impl = sa.String
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> str | None:
        """As it is stored."""
        return None if value is None else f"{value:f}"

    def process_result_value(self, value: str | None, dialect: Any) -> Decimal | None:
        """As it is used."""
        return None if value is None else Decimal(value)
