"""Where the service listens: this machine alone, unless a token or a clear word says otherwise."""

import socket
from collections.abc import Callable

import pytest

from aispend_pipeline.cli import listening
from aispend_pipeline.errors import UsageError
from aispend_pipeline.settings import Settings

from .conftest import KEY, Shell, one_line

TOKEN = {"AISPEND_READ_TOKEN": "read-me-and-nothing-more"}
# Each is every address of this machine, in IPv4 as it is written by different hands.
OPEN = ["0.0.0.0", "0", "0x0"]
HERE = ["127.0.0.1", "localhost", "127.0.0.2", "2130706433"]


def settings(**more: str) -> Settings:
    return Settings.load({"AISPEND_PORT": "0", **more}, None)


@pytest.fixture
def bound(monkeypatch) -> list[str]:
    """The addresses that are listened on; those of others are only noted, not opened."""
    seen: list[str] = []

    def note(where: tuple[str, int], **_: object) -> socket.socket:
        seen.append(where[0])
        return socket.socket()

    monkeypatch.setattr(listening.socket, "create_server", note)
    return seen


@pytest.mark.parametrize("host", OPEN)
def test_beyond_this_machine_nothing_listens_without_a_token(bound, host):
    with pytest.raises(UsageError, match="AISPEND_READ_TOKEN") as refused:
        listening.listen(settings(AISPEND_HOST=host))

    assert "--insecure" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert bound == []


@pytest.mark.parametrize("host", OPEN)
def test_with_a_token_it_does_and_says_that_it_goes_over_the_network_as_it_is(bound, capsys, host):
    listening.listen(settings(AISPEND_HOST=host, **TOKEN)).close()

    assert bound == ["0.0.0.0"]
    said = capsys.readouterr().err
    assert "TLS" in said
    assert TOKEN["AISPEND_READ_TOKEN"] not in said


def test_with_a_clear_word_it_does_and_says_loudly_what_that_means(bound, capsys):
    listening.listen(settings(AISPEND_HOST="0.0.0.0"), insecure=True).close()

    assert bound == ["0.0.0.0"]
    assert "whoever can reach it reads" in capsys.readouterr().err


@pytest.mark.parametrize("insecure", [False, True])
def test_a_token_for_changes_that_can_be_guessed_is_not_put_up_for_guessing(bound, insecure):
    with pytest.raises(UsageError, match="ADMIN_TOKEN is shorter than 16 characters") as refused:
        listening.listen(settings(AISPEND_HOST="0.0.0.0", ADMIN_TOKEN="let-me-in", **TOKEN), insecure=insecure)

    assert "\n" not in str(refused.value)
    assert "let-me-in" not in str(refused.value)
    assert bound == []
    listening.listen(settings(ADMIN_TOKEN="let-me-in")).close()
    listening.listen(settings(AISPEND_HOST="0.0.0.0", ADMIN_TOKEN="x" * 16, **TOKEN)).close()
    assert bound == ["127.0.0.1", "0.0.0.0"]


@pytest.mark.parametrize("host", HERE)
def test_on_this_machine_it_listens_without_a_word(capsys, host):
    with listening.listen(settings(AISPEND_HOST=host)) as listener:
        assert listener.getsockname()[0].startswith("127.")
        assert listening.address(listener) == "http://{}:{}".format(*listener.getsockname())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["nowhere.invalid", "256.0.0.1", "a b"])
def test_what_is_no_address_is_one_line(host):
    with pytest.raises(UsageError, match="cannot be listened on") as refused:
        listening.listen(settings(AISPEND_HOST=host))

    assert "\n" not in str(refused.value)


class Listener:
    """As much of a socket as says where it listens; not every machine has IPv6."""

    def getsockname(self) -> tuple[str, int, int, int]:
        return "::1", 8080, 0, 0


def test_an_ipv6_address_is_written_in_brackets():
    assert listening.address(Listener()) == "http://[::1]:8080"


@pytest.mark.parametrize("host", OPEN)
def test_dagsters_ui_which_asks_nobody_who_they_are_is_for_this_machine_too(capsys, host):
    made = settings(AISPEND_DAGSTER_HOST=host, **TOKEN)

    with pytest.raises(UsageError, match=r"AISPEND_DAGSTER_HOST: .*--insecure"):
        listening.refuse_open_ui(made)
    listening.refuse_open_ui(made, insecure=True)
    assert "warning: AISPEND_DAGSTER_HOST" in capsys.readouterr().err


@pytest.mark.parametrize("host", HERE)
def test_dagsters_ui_on_this_machine_is_no_matter(capsys, host):
    listening.refuse_open_ui(settings(AISPEND_DAGSTER_HOST=host))

    assert capsys.readouterr().err == ""


@pytest.fixture
def refused(shell) -> Callable[..., str]:
    """Runs a command that must not begin, and gives what it says."""
    shell.settings["OPENAI_API_KEY"] = KEY

    def run(*arguments: str, **more: str) -> str:
        done = shell.run(*arguments, **more)
        assert (done.code, done.out) == (2, "")
        return one_line(done.err.splitlines()[-1] + "\n")

    return run


class TestTheCommands:
    @pytest.mark.parametrize("arguments", [("serve", "--host", "0.0.0.0", "--port", "0"), ("up",)])
    def test_none_begins_openly_by_oversight(self, refused, arguments):
        assert "AISPEND_HOST: 0.0.0.0 is open to other machines" in refused(*arguments, AISPEND_HOST="0.0.0.0")

    @pytest.mark.parametrize("arguments", [("serve", "--host", "0.0.0.0"), ("up",)])
    def test_a_clear_word_reaches_who_listens(self, refused, monkeypatch, arguments):
        def listen(settings: Settings, *_: object, insecure: bool) -> None:
            raise UsageError(f"{settings.host} {insecure}")

        monkeypatch.setattr(listening, "listen", listen)
        own = {} if "--host" in arguments else {"AISPEND_HOST": "0.0.0.0"}

        assert refused(*arguments, **own) == "0.0.0.0 False"
        assert refused(*arguments, "--insecure", **own) == "0.0.0.0 True"

    def test_it_opens_dagsters_ui_too(self, shell, monkeypatch):
        def listen(*_: object, **__: object) -> None:
            raise UsageError("enough")

        monkeypatch.setattr(listening, "listen", listen)
        said = shell.run("up", "--insecure", OPENAI_API_KEY=KEY, AISPEND_DAGSTER_HOST="0.0.0.0").err

        assert "warning: AISPEND_DAGSTER_HOST: 0.0.0.0 is open to other machines" in said
        assert said.endswith("enough\n")

    def test_nor_does_dagsters_ui(self, refused):
        assert "Dagster's UI asks nobody" in refused("up", AISPEND_DAGSTER_HOST="0.0.0.0", **TOKEN)

    def test_a_home_is_not_even_made(self, refused, shell: Shell):
        refused("serve", "--host", "0.0.0.0")

        assert not shell.home.exists()

    def test_a_token_that_is_too_short_does_not_help(self, refused):
        assert "shorter than 16 characters" in refused("serve", "--host", "0.0.0.0", AISPEND_READ_TOKEN="short")
