"""`python -m intelligence_webhooks`: the service until it is told to stop."""

from intelligence_webhooks.front import build
from shared.runner import run_service

if __name__ == "__main__":
    run_service(build, "intelligence_webhooks")
