from aispend_pipeline_tests.rollup.conftest import book
from aispend_pipeline_tests.warehouse.conftest import clock, empty_store, warehouse

__all__ = ["book", "clock", "empty_store", "warehouse"]
