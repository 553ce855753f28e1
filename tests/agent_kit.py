"""Agent files for tests: a small one with two languages, to which tables are added."""

from __future__ import annotations

from pathlib import Path

BASE = """
name = "shop"
default_language = "en-US"
instructions = "You are the shop."
{top}
[[languages]]
code = "en-US"
name = "English"
greeting = "Hello."
[[languages]]
code = "pt-BR"
name = "Portuguese"
"""

FRENCH = """
[[languages]]
code = "fr-FR"
name = "French"
names = ["français", "french", "francês", "francés"]
greeting = "Bonjour."
resumed = "Me revoilà."
apology = "Pardon, pouvez-vous répéter ?"
handoff = "Je vous passe un collègue."
goodbye = "Au revoir."
busy = "Nos lignes sont occupées."
still_there = ["Vous êtes là ?"]
silence_goodbye = "Je raccroche."
filler = ["Un instant."]
limit_reached = "Nous devons nous arrêter."
"""


def agent_file(folder: Path, tables: str = "", top: str = "") -> Path:
    """A file in `folder` with these tables behind the languages and `top` in front of them."""
    path = folder / "agent.toml"
    path.write_text(BASE.format(top=top) + tables, "utf-8")
    return path
