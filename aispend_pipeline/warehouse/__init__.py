"""Where pages and rows live: schema, writes, snapshots, reads."""

from aispend_pipeline.warehouse.snapshots import Published, Snapshots, snapshots_of
from aispend_pipeline.warehouse.warehouse import Transaction, Warehouse

__all__ = ["Published", "Snapshots", "Transaction", "Warehouse", "snapshots_of"]
