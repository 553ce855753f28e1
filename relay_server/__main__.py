"""`python -m relay_server`."""

from relay_server.app import create_app
from shared.runner import run_service

if __name__ == "__main__":
    run_service(create_app, "relay_server")
