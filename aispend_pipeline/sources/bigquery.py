"""What is asked of BigQuery, and how a query's answer comes to be pages."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aispend_pipeline.clock import utc_text
from aispend_pipeline.errors import FetchError
from aispend_pipeline.model import Page, Reading, Request
from aispend_pipeline.settings import GoogleAccount
from aispend_pipeline.sources.engine import Asking
from aispend_pipeline.threads import apart

Value = str | datetime | Sequence[str]


@dataclass(frozen=True)
class Query:
    """What is asked: BigQuery's SQL and the parameters that it names, and what its answer is for."""

    reading: Reading
    sql: str
    parameters: Mapping[str, Value]

    def request(self, project: str, job_id: str) -> Request:
        """As it is kept beside the answer; `job_id` finds it in the project's own history."""
        asked = [(name, _written(value)) for name, value in sorted(self.parameters.items())]
        path = f"/bigquery/v2/projects/{project}/jobs"
        return Request(path, (("job", job_id), *asked), "POST", self.sql.encode())


def _written(value: Value) -> str:
    if isinstance(value, datetime):
        return utc_text(value)
    return value if isinstance(value, str) else ",".join(value)


async def run(asking: Asking, account: GoogleAccount, query: Query, pages: list[Page]) -> None:
    """Add every page of the answer to `pages`; `FetchError` if it could not be read to its end."""
    from aispend_pipeline.sources import bigquery_job  # Google's client takes a third of a second to import

    loop = asyncio.get_running_loop()
    try:
        await apart(lambda: bigquery_job.run(asking, account, query, pages, loop))
    except FetchError as error:
        raise _explained(error, account) from None


def _explained(error: FetchError, account: GoogleAccount) -> FetchError:
    """`error` with what to do, where only a setting mends it."""
    said, own = str(error), account.suffix
    remedies = {
        "_PARTITIONTIME": f"the table has no such column, as views; set GCP_BQ_PARTITION_MODE{own}=none or export_time",
        "bytesBilledLimitExceeded": f"see that GCP_BQ_PARTITION_MODE{own} fits the table, or raise"
        f" GCP_BQ_MAX_BYTES_BILLED{own}",
        "bytes billed": f"see that GCP_BQ_PARTITION_MODE{own} fits the table, or raise GCP_BQ_MAX_BYTES_BILLED{own}",
        "Not found: Table": f"set GCP_BQ_TABLE{own} to a table of the export; a new export takes some hours to appear",
    }
    told = next((f"{said.rstrip('.')}; {remedy}" for words, remedy in remedies.items() if words in said), said)
    return FetchError(error.error_class, told, final=True, status=error.status, plain=error.plain)
