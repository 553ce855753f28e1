"""Where operators stand in a call: who has taken it over, and what was whispered to the model."""

from __future__ import annotations

from dataclasses import dataclass, field

NOTES_AT_MOST = 10
NOTE = "Note from a colleague at the desk, for you only; the caller does not hear it: "


@dataclass(slots=True)
class DeskState:
    """Built by the call's operator actions in order, and again from its journal when the call is resumed."""

    taken_over_by: str = ""
    notes: list[str] = field(default_factory=list)

    def apply(self, actor: str, action: str, detail: str) -> None:
        """Takes an action into account; those that leave nothing behind change nothing."""
        match action:
            case "takeover":
                self.taken_over_by = actor
            case "release":
                self.taken_over_by = ""
            case "whisper":
                self.notes = [*self.notes, detail][-NOTES_AT_MOST:]
            case _:
                pass

    def messages(self) -> list[dict[str, str]]:
        """What was whispered, as the model is told."""
        return [{"role": "system", "content": NOTE + note} for note in self.notes]
