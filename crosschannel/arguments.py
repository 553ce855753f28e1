"""Kinds of command line arguments, checked before anything begins."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path

FASTEST = 200


def count(text: str) -> int:
    """A whole number from 1."""
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} must be a whole number, at least 1")
    return int(text)


def speed(text: str) -> float:
    """How many times as fast as life."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= FASTEST:
        raise ArgumentTypeError(f"{text!r} must be a number above 0 and at most {FASTEST}")
    return value


def share(text: str) -> float:
    """A number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text!r} must be a number from 0 to 1")
    return value


def new_file(text: str) -> Path:
    """A file to be written; its folder is there."""
    path = Path(text)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ArgumentTypeError(f"{text!r} cannot be written: its folder is not there, or it is a folder")
    return path


def existing_file(text: str) -> Path:
    """A file to be read."""
    path = Path(text)
    if not path.is_file():
        raise ArgumentTypeError(f"there is no file {text!r}")
    return path
