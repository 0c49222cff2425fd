"""`make bench`: ratios against a limit measured in the same run; medians, with the spread beside them."""

import logging

from aispend_pipeline import log
from aispend_pipeline_tests.bench import (
    forecast_error,
    ingest_run,
    large_organisation,
    look_back,
    ninety_days,
    page_reading,
    query_service,
)

if __name__ == "__main__":
    log.configure(logging.ERROR)
    print("row                                          ours       limit      ratio   aim")
    forecast_error.main()
    ingest_run.main()
    page_reading.main()
    look_back.main()
    ninety_days.main()
    large_organisation.main()
    query_service.main()
