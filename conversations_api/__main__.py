"""`python -m conversations_api`."""

from conversations_api.app import create_app
from shared.runner import run_service

if __name__ == "__main__":
    run_service(create_app, "conversations_api")
