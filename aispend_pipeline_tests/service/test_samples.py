"""What a body of `/status` comes to in numbers, whatever is wrong with a store."""

import pytest

from aispend_pipeline.errors import Trouble
from aispend_pipeline.health.stores import Store
from aispend_pipeline.service.samples import of_status
from aispend_pipeline.service.status import status

from .installation import Installation


@pytest.mark.parametrize(
    ("store", "trouble", "usable"),
    [
        (Store.DISK, Trouble.NEARLY_FULL, True),
        (Store.DISK, Trouble.FULL, False),
        (Store.WAREHOUSE, Trouble.LOCKED, True),
        (Store.WAREHOUSE, Trouble.DAMAGED, False),
        (Store.DAGSTER, Trouble.LOCKED, True),
        (Store.STATE, Trouble.LOCKED, False),
        (Store.STATE, Trouble.NOT_MADE, True),
        (Store.SNAPSHOT, Trouble.NOT_MADE, False),
    ],
)
def test_a_store_can_be_used_unless_its_trouble_keeps_one_from_it(home, store, trouble, usable):
    made = Installation(home)
    body = status(made.settings(), made.clock.now())
    body["stores"] = [{"store": store, "state": trouble, "detail": "what is wrong"}]

    samples = of_status(body, "2026-06")

    assert {one.labels: one.value for one in samples if one.name == "store_usable"} == {(store,): usable}
