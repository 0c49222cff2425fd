"""A fake BigQuery: runs the queries that it is asked, one job each, and gives the rows in pages.

Facts: https://docs.cloud.google.com/bigquery/docs/reference/rest/v2 (jobs, tables) and .../docs/error-messages .
A query over its limit of bytes is a job that failed; whatever else is wrong with it is said at once.
"""

import base64
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import Route

from aispend_pipeline.clock import Clock
from aispend_pipeline.simulator import bigquery_cells
from aispend_pipeline.simulator.bigquery_tables import BYTES_A_ROW, Query, Result, Shelf, Table, checked, colon, columns
from aispend_pipeline.simulator.google_answers import Asked, Desk, Refused

LEAST_BILLED = 10 * 1024**2  # bytes of a query, however little it reads
_KEPT = 100  # jobs; older ones are forgotten
_PROJECT = "/bigquery/v2/projects/{project}"


@dataclass
class Job:
    """A query that was run; `calls_left` is how many calls are told that it is not done."""

    reference: dict[str, str]
    asked: Mapping[str, Any]
    bytes_read: int
    result: Result
    over: str | None = None
    calls_left: int = 0


@dataclass
class BigQuery:
    """The service, of some tables. Nobody may run a query in `closed` projects.

    Pages hold as many rows as are asked for, or `rows_a_page` if that is less. A job answers that it is not done to
    the first `unfinished_calls` that ask for its rows.
    """

    tables: Sequence[Table[Any]]
    clock: Clock
    rows_a_page: int | None = None
    closed: Sequence[str] = ()
    unfinished_calls: int = 0
    _jobs: dict[tuple[str, str], Job] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._shelf = Shelf(self.tables)
        self._numbers = itertools.count(1)

    def routes(self, desk: Desk) -> list[Route]:
        """The calls that a client makes to run queries and to read what a table is like."""
        return [
            desk.route(f"{_PROJECT}/jobs", self._insert, "POST"),
            desk.route(f"{_PROJECT}/jobs/{{job}}", self._get),
            desk.route(f"{_PROJECT}/queries", self._query, "POST"),
            desk.route(f"{_PROJECT}/queries/{{job}}", self._results),
            desk.route(f"{_PROJECT}/datasets/{{dataset}}/tables/{{table}}", self._table),
        ]

    def _insert(self, asked: Asked) -> dict[str, Any]:
        configuration = asked.content.get("configuration", {})
        if configuration.get("dryRun"):
            read = self._scanned(asked, Query.of(configuration.get("query", {})))
            return self._resource(asked.path["project"], configuration, read)
        name = asked.content.get("jobReference", {}).get("jobId")
        return self._told(self._run(asked, configuration.get("query", {}), name))

    def _query(self, asked: Asked) -> dict[str, Any]:
        kind = {"kind": "bigquery#queryResponse"}
        if asked.content.get("dryRun"):
            read = self._scanned(asked, Query.of(asked.content))
            reference = {"projectId": asked.path["project"]}
            return {**kind, "jobReference": reference, "jobComplete": True, "totalBytesProcessed": str(read)}
        job = self._run(asked, asked.content, None)
        if job.over:
            raise Refused(400, job.over, "bytesBilledLimitExceeded")
        int64 = asked.content.get("formatOptions", {}).get("useInt64Timestamp", False)
        page = self._page(job, 0, asked.content.get("maxResults"), int64_timestamp=int64)
        billed = str(max(job.bytes_read, LEAST_BILLED))
        return {**kind, "queryId": job.reference["jobId"], **page, "totalBytesBilled": billed}

    def _get(self, asked: Asked) -> dict[str, Any]:
        return self._told(self._job(asked))

    def _results(self, asked: Asked) -> dict[str, Any]:
        job = self._job(asked)
        if job.over:
            raise Refused(400, job.over, "bytesBilledLimitExceeded")
        token = asked.params.get("pageToken")
        first = (asked.number("startIndex") or 0) if token is None else _offset(job, token)
        int64 = asked.params.get("formatOptions.useInt64Timestamp", "").lower() == "true"
        page = self._page(job, first, asked.number("maxResults"), int64_timestamp=int64)
        answer = {"kind": "bigquery#getQueryResultsResponse", "etag": job.reference["jobId"], **page}
        wanted = asked.params.get("fields")
        return answer if wanted is None else {name: answer[name] for name in wanted.split(",") if name in answer}

    def _table(self, asked: Asked) -> dict[str, Any]:
        name = "{project}.{dataset}.{table}".format_map(asked.path)
        if asked.denied:
            permission = f"Permission bigquery.tables.get denied on table {colon(name)} (or it may not exist)."
            raise Refused(403, f"Access Denied: Table {colon(name)}: {permission}", "accessDenied")
        table = self._shelf.table(name)
        rows, reference = table.count(None), table.reference
        if table.partitioned == "view":
            kind: dict[str, Any] = {"type": "VIEW"}
        else:
            by = {"type": "DAY"} if table.partitioned == "ingestion" else {"type": "DAY", "field": "export_time"}
            kind = {"type": "TABLE", "timePartitioning": by, "numRows": str(rows), "numBytes": str(rows * BYTES_A_ROW)}
        names = {"kind": "bigquery#table", "id": colon(name), "tableReference": reference, "location": "US"}
        return {**names, "schema": {"fields": columns()}, **kind, "lastModifiedTime": self._millis()}

    def _scanned(self, asked: Asked, query: Query) -> int:
        """The bytes that a query would read, once it is seen that it may and can be run."""
        project = asked.path["project"]
        if project in self.closed:
            permission = f"User does not have bigquery.jobs.create permission in project {project}."
            raise Refused(403, f"Access Denied: Project {project}: {permission}", "accessDenied")
        if query.table is not None and asked.denied:
            table = f"Table {colon(query.table)}"
            message = (
                f"User does not have permission to query table {colon(query.table)}, or perhaps it does not exist."
            )
            raise Refused(403, f"Access Denied: {table}: {message}", "accessDenied")
        checked(query, None if query.table is None else self._shelf.table(query.table))
        return self._shelf.scanned(query)

    def _run(self, asked: Asked, wanted: Mapping[str, Any], name: str | None) -> Job:
        """Run a query as a job; 409 if its name is taken."""
        query, project = Query.of(wanted), asked.path["project"]
        read = self._scanned(asked, query)
        name = name or f"job_{next(self._numbers):08d}"
        if (project, name) in self._jobs:
            raise Refused(409, f"Already Exists: Job {project}:US.{name}", "duplicate")
        reference = {"projectId": project, "jobId": name, "location": "US"}
        most, billed = wanted.get("maximumBytesBilled"), max(read, LEAST_BILLED)
        over = most is not None and billed > int(most)
        job = Job(reference, wanted, read, Result([], []) if over else self._shelf.run(query))
        job.calls_left = self.unfinished_calls
        if over:
            job.over = f"Query exceeded limit for bytes billed: {most}. {billed} or higher required."
        self._jobs[project, name] = job
        for oldest in list(self._jobs)[:-_KEPT]:
            del self._jobs[oldest]
        return job

    def _job(self, asked: Asked) -> Job:
        project, name = asked.path["project"], asked.path["job"]
        if (project, name) not in self._jobs:
            raise Refused(404, f"Not found: Job {project}:US.{name}", "notFound")
        return self._jobs[project, name]

    def _told(self, job: Job) -> dict[str, Any]:
        """A job as `jobs.get` has it."""
        told = self._resource(job.reference["projectId"], {"jobType": "QUERY", "query": job.asked}, job.bytes_read)
        told |= {"id": "{projectId}:{location}.{jobId}".format_map(job.reference), "jobReference": job.reference}
        if job.calls_left:
            told["status"] = {"state": "RUNNING"}
        if job.over:
            error = {"reason": "bytesBilledLimitExceeded", "message": job.over}
            told["status"] = {"state": "DONE", "errorResult": error, "errors": [error]}
        return told

    def _resource(self, project: str, configuration: Mapping[str, Any], read: int) -> dict[str, Any]:
        now, billed = self._millis(), 0 if configuration.get("dryRun") else max(read, LEAST_BILLED)
        query = {"totalBytesProcessed": str(read), "totalBytesBilled": str(billed), "statementType": "SELECT"}
        return {
            "kind": "bigquery#job",
            "jobReference": {"projectId": project, "location": "US"},
            "configuration": configuration,
            "status": {"state": "DONE"},
            "statistics": {"creationTime": now, "startTime": now, "totalBytesProcessed": str(read), "query": query},
        }

    def _page(self, job: Job, first: int, most: int | None, *, int64_timestamp: bool) -> dict[str, Any]:
        """The part of an answer that both ways to ask for rows have."""
        if job.calls_left:
            job.calls_left -= 1
            return {"jobComplete": False, "jobReference": job.reference}
        rows = job.result.rows
        sizes = [size for size in (most, self.rows_a_page) if size is not None]
        after = min(first + min(sizes), len(rows)) if sizes else len(rows)
        page = {
            "schema": {"fields": job.result.schema},
            "jobComplete": True,
            "jobReference": job.reference,
            "totalRows": str(len(rows)),
            "totalBytesProcessed": str(job.bytes_read),
            "cacheHit": False,
        }
        if after < len(rows):
            page["pageToken"] = _token(job, after)
        if after > first:
            page["rows"] = [bigquery_cells.row(row, int64_timestamp=int64_timestamp) for row in rows[first:after]]
        return page

    def _millis(self) -> str:
        return str(int(self.clock.now().timestamp() * 1000))


def _token(job: Job, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{job.reference['jobId']}/{offset}".encode()).decode()


def _offset(job: Job, token: str) -> int:
    """The row that a page starts at; 400 if the token is none of this job's."""
    try:
        name, _, offset = base64.urlsafe_b64decode(token).decode().rpartition("/")
        if name == job.reference["jobId"]:
            return int(offset)
    except ValueError:
        pass
    raise Refused(400, "Invalid value at 'page_token'", "invalid")
