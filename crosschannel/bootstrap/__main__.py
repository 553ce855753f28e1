"""`python3 -m crosschannel.bootstrap`: also answers under a Python that is too old to run anything else here."""

import sys

# A name of its own, so that linters and type checkers, which know the minimum, keep the check.
MINIMUM_PYTHON = (3, 11)


def start() -> int:
    """The exit code of the set-up; 1 with one line when this Python is too old."""
    found = tuple(sys.version_info[:2])
    if found < MINIMUM_PYTHON:
        sys.stderr.write(
            f"crosschannel needs Python 3.11 or newer, but this is {found[0]}.{found[1]}: "
            "install a newer one and name it, for example `make up PYTHON=python3.12`.\n"
        )
        return 1
    # Imported only now: these modules do not parse under an older Python.
    from crosschannel.bootstrap.steps import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(start())
