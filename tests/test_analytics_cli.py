"""`crosschannel analytics`: a table with sparklines, a picture, and one clear line when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from crosschannel.__main__ import main
from crosschannel.analytics import label, sparkline
from tests.analytics_kit import ended, result, sid, started, turn, write

PERIOD = ["--from", "2026-11-09", "--to", "2026-11-23"]


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: object) -> Path:
    """A data directory with two weeks of a call each, and no service that would answer."""
    folder = tmp_path / "data"
    monkeypatch.chdir(tmp_path)
    environment = {"DATA_DIR": str(folder), "TWILIO_ACCOUNT_SID": "AC" + "1" * 32, "TWILIO_AUTH_TOKEN": "t"}
    environment |= {"OPENAI_API_KEY": "sk-1", "ANALYTICS_URL": f"http://127.0.0.1:{free_port()}"}  # type: ignore[operator]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    week = -7 * 24 * 60
    write(folder, [started(), turn(), ended(), result(csat=5)])
    write(
        folder,
        [started(week, sid("CA", 2)), ended(week + 2, sid("CA", 2)), result(week + 3, 2, sid("CA", 2), csat=2)],
    )
    return folder


def test_a_week_is_a_row_with_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analytics", "--group", "week", "--tz", "America/Sao_Paulo", *PERIOD]) == 0
    lines = capsys.readouterr().out.splitlines()
    # the 9th at midnight UTC is still the 8th in São Paulo only when a zone is not applied to --from
    assert [line.split()[:2] for line in lines[1:4]] == [["2026-W46", "1"], ["2026-W47", "1"], ["all", "2"]]
    assert "3.5" in lines[3]
    assert "▁█" in lines[4]


def test_a_picture_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "out.png"
    assert main(["analytics", "--group", "week", *PERIOD, "--plot", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "csat.mean" in capsys.readouterr().out


def test_without_the_library_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["analytics", *PERIOD, "--plot", "out.png"]) == 2
    assert capsys.readouterr().err == (
        "crosschannel analytics: --plot needs matplotlib: pip install 'crosschannel[plot]'\n"
    )


@pytest.mark.parametrize(
    "arguments", [["--tz", "Mars/Olympus"], ["--from", "someday"], ["--measure", "luck", "--plot", "x.png"]]
)
def test_a_question_that_cannot_be_answered_exits_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if "--plot" in arguments:
        pytest.importorskip("matplotlib")
    assert main(["analytics", *arguments]) == 2
    assert capsys.readouterr().err.startswith("crosschannel analytics: ")


def test_sparklines_show_the_shape_and_leave_gaps() -> None:
    assert sparkline([1, None, 8, 4.5]) == "▁ █▅"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([None]) == ""


def test_buckets_are_named_by_their_beginning() -> None:
    names = [label(bucket, "2027-01-01T00:00:00-03:00") for bucket in ("week", "quarter", "month", "hour")]
    assert names == ["2026-W53", "2027-Q1", "2027-01", "2027-01-01 00:00"]
