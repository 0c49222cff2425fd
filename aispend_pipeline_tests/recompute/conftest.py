from collections.abc import Iterator

import pytest

from .site import Site, copied, read_site


@pytest.fixture(scope="package")
def read(tmp_path_factory) -> Iterator[Site]:
    with read_site(tmp_path_factory.mktemp("recompute")) as site:
        yield site


@pytest.fixture
def site(read, home) -> Site:
    """An installation with days of its own."""
    return copied(read, home)
