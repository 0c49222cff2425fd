"""Dagster's own processes beside a command: the code server, the UI, and the daemon that runs schedule and sensor."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from aispend_pipeline.assets.tags import MODULE
from aispend_pipeline.cli.processes import Child
from aispend_pipeline.settings import Settings
from aispend_pipeline.warehouse import folder

_WORKSPACE = """\
load_from:
  - grpc_server:
      socket: "{socket}"
      location_name: {module}
"""

# A daemon that is there before the code server would give up the backfills that are under way.
PATIENT = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}


@contextmanager
def dagsters(settings: Settings) -> Iterator[list[Child]]:
    """All three. The code is loaded once: the others ask the code server, over a socket that nobody else can open.

    A socket's path must be short, so that it is in a folder of its own and not in the home.
    """
    with TemporaryDirectory(prefix="aispend-") as own:
        socket = f"{own}/code"
        workspace = settings.home.absolute() / "workspace.yaml"
        folder.write_durably(workspace, _WORKSPACE.format(socket=socket, module=MODULE))
        at = ("-h", settings.dagster_host, "-p", str(settings.dagster_port))
        yield [
            Child(
                "Dagster's code server",
                ("dagster", "api", "grpc", "-m", MODULE, "-s", socket, "--location-name", MODULE),
                "nothing is read by itself, and no cap is watched",
            ),
            Child(
                "Dagster's daemon",
                ("dagster-daemon", "run", "-w", str(workspace)),
                "nothing is read by itself, and no cap is watched",
            ),
            Child("Dagster's UI", ("dagster-webserver", "-w", str(workspace), *at), "nobody can look at the runs"),
        ]
