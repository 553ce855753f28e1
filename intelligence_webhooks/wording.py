"""Scores out of free text: the wordings that text operators were seen to use, in English, Portuguese, Spanish.

A reader gives a value or raises Unreadable with the reason; it never guesses, and nothing found is never zero.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from shared.records import Finding

# The Markdown that models put round labels and values.
MARK = r"[*_`]*"
SEPARATOR = rf"{MARK}\s*[:=–—-]\s*{MARK}\s*"
NUMBER = r"(?P<number>\d+(?:[.,]\d+)?)(?:\s*(?:/|out\s+of|de|sobre)\s*(?P<scale>\d+))?(?!\d)"
SCORE_WORD = r"(?:score|rating|pontua[çc][ãa]o|nota|puntuaci[óo]n|puntaje|calificaci[óo]n)"
LABELS = {
    "csat": rf"(?:CSAT(?:\s+{SCORE_WORD})?|{SCORE_WORD}\s+de\s+satisfa(?:[çc][ãa]o|cci[óo]n)"
    rf"|satisfaction\s+{SCORE_WORD})",
    "ces": rf"(?:CES(?:\s+{SCORE_WORD})?|(?:customer\s+)?effort\s+{SCORE_WORD}"
    rf"|{SCORE_WORD}\s+de\s+(?:esfor[çc]o|esfuerzo)(?:\s+do\s+cliente|\s+del\s+cliente)?)",
    "nps": rf"(?:NPS(?:\s+{SCORE_WORD})?|net\s+promoter\s+{SCORE_WORD})",
}
SCALES = {"csat": 5, "ces": 7, "nps": 10}
# "a score of 4 (Good)", "uma pontuação de 4", "una puntuación de 4": used where no label is found.
IN_A_SENTENCE = rf"\b{SCORE_WORD}\s+(?:of|de)\s+{MARK}{NUMBER}"

OCCURRENCES = (
    r"(?:occurrences|ocorr[êe]ncias|ocurrencias"
    r"|hallucinations?\s+count|count\s+of\s+hallucinations|number\s+of\s+hallucinations"
    r"|(?:contagem|n[úu]mero|quantidade)\s+de\s+alucina[çc][õo]es"
    r"|(?:recuento|n[úu]mero|cantidad)\s+de\s+alucinaciones)"
)

RISK_SCORE = rf"(?:risk\s+score|{SCORE_WORD}\s+de(?:l)?\s+(?:risco|riesgo))"
RISK_FACTOR = r"(?:risk\s+factor|fator\s+de\s+risco|factor\s+de\s+riesgo)"
OCCURRENCE = r"(?:occurrence|ocorr[êe]ncia|ocurrencia|incidencia)"
# Seen as one line of labels: the main intent, whether there are more, the secondary ones, a score.
INTENT = r"(?:intent|inten[çc][ãa]o|intenci[óo]n)"
MAIN_INTENT = rf"(?:main\s+{INTENT}|{INTENT}\s+principal)"
SECONDARY_INTENTS = r"(?:secondary\s+intents|inten[çc][õo]es\s+secund[áa]rias|intenciones\s+secundarias)"
# What may stand behind a list of intents on the same line: another label, or the end of the sentence.
NEXT_LABEL = re.compile(rf"[.,;]?\s+{MARK}[A-ZÀ-Ý][\w ]{{2,40}}{MARK}\s*:")

HEADING = re.compile(r"(?m)^\s*(?:#{1,6}\s+|\*{2}\s*\d+[.)]\s*|\d+[.)]\s+)(?P<title>.+)$")


NO_INTENT = {"none", "n/a", "no", "nenhuma", "ninguna"}


class Unreadable(Exception):
    """The text holds no value that can be trusted; the message is the reason that is stored."""


@dataclass(frozen=True, slots=True)
class _Block:
    title: str
    text: str


def read_number(kind: str, text: str) -> float:
    """The labelled score of a text ("csat" on 1-5, "ces" on 1-7, "nps" on 0-10).

    Raises Unreadable for none, or several.
    """
    scale = SCALES[kind]
    found = _numbers(rf"{LABELS[kind]}{SEPARATOR}{NUMBER}", text, scale)
    if not found:
        found = _numbers(IN_A_SENTENCE, text, scale)
    if len(found) > 1:
        raise Unreadable(f"several scores: {sorted(found)}")
    if not found:
        raise Unreadable("no score in the text")
    return found.pop()


def read_count(text: str) -> int:
    """How many occurrences a text counts. Raises Unreadable when it names no count, or several."""
    found = {int(match[1]) for match in re.finditer(rf"{OCCURRENCES}{SEPARATOR}(\d+)", text, re.IGNORECASE)}
    if len(found) != 1:
        raise Unreadable("several counts" if found else "no count in the text")
    return found.pop()


def read_intents(text: str) -> list[str]:
    """The main intent and then the secondary ones. Raises Unreadable when the text names no main intent."""
    main = _labelled(MAIN_INTENT, text)
    if not main:
        raise Unreadable("no main intent in the text")
    others = _labelled(SECONDARY_INTENTS, text).split(",")
    return [intent for intent in (main, *map(_plain, others)) if intent and intent.lower() not in NO_INTENT]


def _labelled(label: str, text: str) -> str:
    """What stands behind a label, up to the next label or the end of the line."""
    match = re.search(rf"{label}{SEPARATOR}(.+)", text, re.IGNORECASE)
    return _plain(NEXT_LABEL.split(match[1])[0].strip(" ,;")) if match else ""


def read_findings(text: str) -> list[Finding]:
    """The findings of a report in Markdown, each with its Risk Score (0-100). Raises Unreadable for none."""
    findings = [finding for block in _blocks(text) for finding in _findings(block)]
    if not findings:
        raise Unreadable("no risk score in the text")
    return findings


def _numbers(pattern: str, text: str, scale: int) -> set[float]:
    found = set()
    for match in re.finditer(pattern, text, re.IGNORECASE):
        stated = match["scale"]
        if stated is not None and int(stated) != scale:
            raise Unreadable(f"the score is out of {stated}, not {scale}")
        found.add(float(match["number"].replace(",", ".")))
    return found


def _blocks(text: str) -> list[_Block]:
    """The text cut at its headings; what stands before the first one is a block without a title."""
    headings = list(HEADING.finditer(text))
    starts = [0, *(match.start() for match in headings), len(text)]
    titles = ["", *(match["title"] for match in headings)]
    return [
        _Block(_plain(title), text[start:end])
        for title, (start, end) in zip(titles, pairwise(starts), strict=True)
    ]


def _findings(block: _Block) -> list[Finding]:
    scores = re.findall(rf"{RISK_SCORE}{SEPARATOR}(\d+(?:[.,]\d+)?)", block.text, re.IGNORECASE)
    category = _field(RISK_FACTOR, block.text) or block.title or "unnamed"
    evidence = _field(OCCURRENCE, block.text)
    return [
        Finding(category=category, severity=float(score.replace(",", ".")), evidence=evidence) for score in scores
    ]


def _field(label: str, text: str) -> str:
    match = re.search(rf"{label}{SEPARATOR}(.+)", text, re.IGNORECASE)
    return _plain(match[1]) if match else ""


def _plain(text: str) -> str:
    """The words without Markdown, the list number in front and the full stop behind."""
    return re.sub(r"^\s*\d+[.)]\s*", "", text.strip().strip("*_`# ")).strip().rstrip(".")
