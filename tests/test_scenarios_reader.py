"""Scenario files: strict values, and faults that name their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.scenarios.grammar import Moment
from sandbox.scenarios.personas import personas
from sandbox.scenarios.reader import BadScenario, NoScenarios, read_folder, read_text

SHIPPED = Path(__file__).resolve().parent.parent / "scenarios"


def test_a_script_is_read_into_typed_values() -> None:
    scenario = read_text(
        """
        caller: {language: pt-BR, network: {delay_ms: 80}}
        repeat: 3
        flake_rate: 0.4
        turns:
          - user: Onde está o meu pedido?
            expect:
              - {tool: order_status, args: {order_number: "1001"}}
              - text_contains: [a, b]
                within_ms: 900
          - interrupt: {sentence: 2}
            user: Espera
          - dtmf: "12#"
          - hangup: true
        """,
        name="named after its file",
    )
    question, over, keys, end = scenario.turns
    assert scenario.name == "named after its file"
    assert [expected.kind for expected in question.expect] == ["tool", "response"]
    assert question.expect[1].wanted == ["a", "b"]
    assert over.moment == Moment(sentence=2, after_ms=300)
    assert (over.act, keys.act, end.act, end.moment) == ("interrupt", "dtmf", "hangup", None)
    assert scenario.caller.network.delay_ms == 80


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("turns:\n  - usr: hello\n", 2, "usr"),
        ("turns:\n  - user: hello\n  - dtmf: 12\n", 3, "str"),
        ("turns:\n  - user: hello\n    dtmf: '1'\n", 2, "one act"),
        ("turns:\n  - dtmf: 1A\n", 2, "keys"),
        ("turns:\n  - user: '  '\n", 2, "no words"),
        ("turns:\n  - user: hi\n    expect:\n      - args: {a: 1}\n", 4, "tool"),
        ("turns:\n  - user: hi\n    expect:\n      - event: respones\n", 4, "respones"),
        ("turns:\n  - user: hi\n    expect:\n      - {tool: x, within_ms: 3}\n", 4, "within_ms"),
        ("turns:\n  - silence: 0\n", 2, "0"),
        ("turns:\n  - user: hi\nrepeat: 0\n", 3, "1"),
        ("turns:\n  - user: hi\nrepeat: 2\nrepeat: 3\n", 4, "twice"),
        ("name: x\npersona: nobody\n", 2, "nobody"),
        ("name: x\n", 1, "turns"),
        ("turns: [\n", 2, "YAML"),
        ("", 1, "object"),
        ("before:\n  faults:\n    - {product: telepathy}\nturns: [{user: hi}]\n", 3, "product"),
    ],
)
def test_a_fault_names_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(BadScenario) as found:
        read_text(text, "call.yaml")
    assert str(found.value).startswith(f"call.yaml:{line}: "), str(found.value)
    assert word in str(found.value)


def test_a_folder_is_read_in_order_and_names_are_unique(tmp_path: Path) -> None:
    with pytest.raises(NoScenarios, match="no scenarios"):
        read_folder(tmp_path)
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text("turns: [{user: hi}]")
    assert [scenario.name for scenario in read_folder(tmp_path)] == ["a", "b"]
    (tmp_path / "c.yml").write_text("name: a\nturns: [{user: hi}]")
    with pytest.raises(BadScenario, match="two scenarios"):
        read_folder(tmp_path)
    with pytest.raises(NoScenarios, match="no such"):
        read_folder(tmp_path / "nowhere")


def test_what_is_shipped_covers_what_it_should() -> None:
    shipped = read_folder(SHIPPED)
    tags = {tag for scenario in shipped for tag in scenario.tags}
    assert len(shipped) >= 20
    assert tags >= {"en", "pt", "es", "tools", "dtmf", "interrupts", "silence", "handoff", "faults", "network"}
    assert {scenario.persona for scenario in shipped if scenario.persona} == set(personas())
