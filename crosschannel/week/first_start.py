"""The recorded week at the first start of a demo, whichever way it is started."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from crosschannel.demo import is_demo
from shared.config import Settings
from shared.secrets_file import one_at_a_time, private_directory

STORE_FILE = "sandbox.sqlite"


def has_data(data_dir: Path) -> bool:
    """True when anything has been recorded here, or was and is archived: then this is not a first start."""
    return (data_dir / STORE_FILE).exists() or any(data_dir.glob("*.ndjson")) or (data_dir / "sealed").exists()


def show_a_week(env: Mapping[str, str], settings: Settings) -> None:
    """Loads the recorded week into the demo's data directory where nothing has been recorded yet.

    Services that start at once take turns, and each looks before it begins: the first one loads, the others find
    data. A demo without the week is a demo all the same, so what goes wrong is only told.
    """
    if not (is_demo(env) and settings.demo_week) or settings.twilio is None or has_data(settings.data_dir):
        return
    from crosschannel.week.load import load_week  # only a first start needs it

    try:
        with one_at_a_time(private_directory(settings.data_dir) / "week"):
            loaded = load_week(settings.data_dir, settings.twilio)
    except (OSError, ValueError) as error:
        print(f"crosschannel: the recorded week could not be loaded: {error}", file=sys.stderr)
        return
    if loaded:
        told = f"Loaded a recorded week: {loaded} calls and conversations (DEMO_WEEK=0 starts without)."
        print(told, file=sys.stderr)  # standard output is the service's own
