"""Where Dagster keeps what it knows, for those who never import it."""

from pathlib import Path

from aispend_pipeline.settings import Settings

# In the home: held while Dagster's storage is made, and there ever after.
PREPARING = "dagster.lock"
# Written into Dagster's folder once its storage is there.
PREPARED = ".prepared-by-dagster"
_FILES = ("dagster.yaml", "history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_ELSEWHERE = ("storage:", "run_storage:", "event_log_storage:", "schedule_storage:")


def dagster_folder(settings: Settings) -> Path:
    """Where Dagster's instance of the installation is."""
    return (settings.dagster_home or settings.home / "dagster").expanduser().absolute()


def files_of(at: Path) -> list[Path]:
    """The files without which Dagster begins anew; only its settings where these name a server that has the rest."""
    settings, *databases = (at / name for name in _FILES)
    return [settings] if _kept_elsewhere(settings) else [settings, *databases]


def _kept_elsewhere(settings: Path) -> bool:
    return settings.exists() and any(line.startswith(_ELSEWHERE) for line in settings.read_text().splitlines())
