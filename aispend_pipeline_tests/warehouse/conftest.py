import shutil

import pytest

from aispend_pipeline.warehouse import Warehouse

from .building import SetClock


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The home of a store without data, to copy from."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Warehouse(home, SetClock()).publish()
    return home


@pytest.fixture
def warehouse(empty_store, home, clock) -> Warehouse:
    shutil.copytree(empty_store, home)
    return Warehouse(home, clock)
