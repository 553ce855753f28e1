"""`python -m signal_analytics`: the service until it is told to stop."""

import os

from shared.runner import run_service
from signal_analytics.app import build

if __name__ == "__main__":
    os.umask(0o077)  # DuckDB makes files beside its own whenever it needs them
    run_service(build, "signal_analytics")
