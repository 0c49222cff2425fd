"""The files of deploy/ are what systemd and a container engine understand, so far as can be told without either."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

from aispend_pipeline.settings import Settings

from .pages import ROOT, blocks

UNIT = ROOT / "deploy" / "aispend.service"
CONTAINER = ROOT / "deploy" / "Containerfile"
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"}


def unit() -> configparser.ConfigParser:
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str
    read.read_string(UNIT.read_text())
    return read


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Containerfile, and what each is given."""
    lines = [line for line in CONTAINER.read_text().splitlines() if line and not line.startswith("#")]
    return [(name, given) for name, _, given in (line.partition(" ") for line in lines)]


def test_the_service_starts_what_the_checkout_has_and_keeps_its_data_where_it_may_write():
    service = unit()["Service"]

    assert service["ExecStart"] == "/opt/aispend/.venv/bin/aispend up"
    assert service["Environment"] == f"AISPEND_HOME=/var/lib/{service['StateDirectory']}"
    assert int(service["TimeoutStopSec"]) > 20


def test_the_service_is_started_again_but_not_with_settings_that_are_wrong(tmp_path):
    service = unit()["Service"]
    wrong = {"PATH": "", "AISPEND_HOME": str(tmp_path / "home"), "OPENAI_HARD_CAP": "a lot"}
    aispend = Path(sys.executable).parent / "aispend"

    done = subprocess.run([aispend, "up"], cwd=tmp_path, env=wrong, capture_output=True, text=True)

    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == str(done.returncode), done.stderr


def test_systemd_understands_the_service(tmp_path):
    """Asked where it is; of a copy with a command that is there, since it looks for that."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/aispend/.venv/bin/aispend", shutil.which("true")))
    analyze = shutil.which("systemd-analyze")

    done = subprocess.run([analyze or "true", "verify", copy], capture_output=True, text=True)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert unit().sections() == ["Unit", "Service", "Install"]


def test_the_container_takes_what_is_there_and_reads_its_data_where_the_volume_is():
    given = instructions()

    assert {name for name, _ in given} <= INSTRUCTIONS
    copied = [word for name, words in given if name == "COPY" for word in words.split()[:-1]]
    assert all((ROOT / one).exists() for one in copied)
    assert ("CMD", '["aispend", "up"]') in given
    [settings] = [dict(re.findall(r"(AISPEND_\w+)=(\S+)", words)) for name, words in given if name == "ENV"]
    assert ("VOLUME", settings["AISPEND_HOME"]) in given
    assert Settings.load(settings, None).host == "0.0.0.0"


def test_what_is_installed_in_the_container_is_all_that_the_package_needs_to_be_built():
    """`flit_core` reads these; without one of them the image could not be built."""
    copied = " ".join(words for name, words in instructions() if name == "COPY")
    project = (ROOT / "pyproject.toml").read_text()
    named = re.findall(r'^(?:readme = |license = \{ file = )"([^"]+)"', project, re.MULTILINE)

    assert len(named) == 2
    assert all(name in copied for name in ("pyproject.toml", *named))


def test_what_cron_is_given_is_whole_and_runs_where_the_service_does():
    """Each file of cron's says where commands and data are; each line is read by it, `%` and all."""
    files = blocks("cron")
    service = unit()["Service"]
    for file in files:
        settings, when = file.body.splitlines()[:2], file.body.splitlines()[2:]
        path = Path(service["ExecStart"].split()[0]).parent
        assert settings == [f"PATH={path}:/usr/bin:/bin", service["Environment"]]
        for line in when:
            *fields, user, command = re.split(r" +", line, maxsplit=6)
            assert (len(fields), user) == (5, service["User"])
            assert re.search(r"(?<!\\)%", command) is None
            assert command.startswith(("find ", f"cd {service['WorkingDirectory']} && aispend "))
            subprocess.run(["sh", "-n", "-c", command.replace(r"\%", "%")], check=True)
    assert len(files) == 2
