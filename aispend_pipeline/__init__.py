"""aispend: what an organisation spends on AI, hourly, to the exact cent, with the receipts."""

__version__ = "0.1.0"
