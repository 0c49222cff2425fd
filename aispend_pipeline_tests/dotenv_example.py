"""`.env.example`, from where settings are declared.

`python -m aispend_pipeline_tests.dotenv_example` writes it; a test holds the file to it.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path

from pydantic.fields import FieldInfo

from aispend_pipeline.settings import AlertSettings, AnthropicAccount, GoogleAccount, OpenAIAccount, Settings
from aispend_pipeline.settings.service import ServiceSettings

EXAMPLE = Path(__file__).parents[1] / ".env.example"
_WIDTH = 100
_HEAD = """\
# Every setting of aispend, each with what it means. Copy this file to .env, take away the # before
# those that you need, and put your own values in. A value here is what counts if the setting is not
# set, or an example where nothing does. The environment wins over .env.
# `aispend doctor` says whether it works; `aispend config` shows what is set, never a secret.
# Further organisations of a provider: the same names with __NAME behind them, as OPENAI_API_KEY__EU.
"""


def written() -> str:
    """The file as it should be."""
    return "\n".join([_HEAD, *_groups()])


def _groups() -> Iterator[str]:
    rest = {*AlertSettings.model_fields, *ServiceSettings.model_fields}
    groups = {
        "OpenAI": OpenAIAccount.model_fields,
        "Anthropic": AnthropicAccount.model_fields,
        "Google": GoogleAccount.model_fields,
        "Caps, and who is told": AlertSettings.model_fields,
        "The query service": ServiceSettings.model_fields,
        "Everything else": {name: field for name, field in Settings.model_fields.items() if name not in rest},
    }
    for title, fields in groups.items():
        yield f"## {title}\n"
        yield from (_setting(field) for field in fields.values() if field.alias)


def _setting(field: FieldInfo) -> str:
    meaning = textwrap.wrap(field.description, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in meaning) + f"#{field.alias}={_value(field)}\n"


def _value(field: FieldInfo) -> str:
    if field.is_required() or field.default in (None, ()):
        return field.examples[0]
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return ",".join(field.default) if isinstance(field.default, tuple) else str(field.default)


if __name__ == "__main__":
    EXAMPLE.write_text(written())
