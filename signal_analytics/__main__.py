"""`python -m signal_analytics`: the service until it is told to stop."""

from shared.runner import run_service
from signal_analytics.app import create_app

if __name__ == "__main__":
    run_service(create_app, "signal_analytics")
