"""`.env.example` has every setting, and what it shows can be used."""

import re

from dotenv import dotenv_values

from aispend_pipeline.settings import ACCOUNT_TYPES, Settings

from .dotenv_example import EXAMPLE, written

SET = re.compile(r"^#(?=[A-Z])", re.MULTILINE)


def test_it_is_what_is_declared():
    assert EXAMPLE.read_text() == written()


def test_as_it_is_it_sets_nothing():
    assert dotenv_values(EXAMPLE) == {}


def test_every_line_that_is_uncommented_can_be_used(tmp_path):
    file = tmp_path / ".env"
    file.write_text(SET.sub("", EXAMPLE.read_text()))

    settings = Settings.load({}, file)

    names = {field.alias for kind in (*ACCOUNT_TYPES, Settings) for field in kind.model_fields.values() if field.alias}
    assert set(dotenv_values(file, interpolate=False)) == names
    assert settings.warnings == ()


def test_what_has_a_default_shows_it(tmp_path):
    file = tmp_path / ".env"
    file.write_text(SET.sub("", EXAMPLE.read_text()))
    said, unset = Settings.load({}, file), Settings.load({}, None)

    for name, field in Settings.model_fields.items():
        if field.alias and field.default not in (None, ()):
            assert getattr(said, name) == getattr(unset, name), field.alias
