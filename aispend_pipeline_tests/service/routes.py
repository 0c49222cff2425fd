"""Every path that there is, as the document has it."""

from aispend_pipeline.service.app import create_app
from aispend_pipeline.settings import Settings

from .world import StandingClock

# Of no page, run and message that there is.
_NAMES = {"{name}": "openai", "{page_id}": "none-1", "{run_id}": "none", "{message_id}": "none"}


def every_path(**names: str) -> list[str]:
    """The paths of the OpenAPI document, with their variables filled in: `names`, or what leads nowhere."""
    paths = list(create_app(Settings.load({}, None), StandingClock()).openapi()["paths"])
    for variable, text in {**_NAMES, **{f"{{{name}}}": text for name, text in names.items()}}.items():
        paths = [path.replace(variable, text) for path in paths]
    return paths
