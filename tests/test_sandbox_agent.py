"""The scripted agent: what it says in three languages, which tools it calls, and that it is deterministic."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from sandbox.agent.conversation import ChatMessage, ToolFunction, ToolOffer, read_conversation
from sandbox.agent.phrasebook import phrasebooks
from sandbox.agent.scripted import Reply, answer
from sandbox.agent.understanding import order_number, requested_language, spoken_language

CODES = {"en": "en-US", "pt": "pt-BR", "es": "es-US"}
TOOLS = ("order_status", "transfer_to_person", "end_call", "switch_language")


def system(tag: str, name: str | None = None) -> dict[str, Any]:
    customer = (
        f"\nCustomer data:\n<<<\ncity: Porto\nfirst_name: {name}\npreferred_language: pt-BR\n>>>" if name else ""
    )
    return {"role": "system", "content": f"You are Luna. Speak the language ({CODES[tag]}).{customer}"}


def ask(*messages: dict[str, Any] | str, tag: str = "en", name: str | None = None, tools: Any = TOOLS) -> Reply:
    """The reply to a conversation: strings are the caller's messages."""
    chat = [system(tag, name), *({"role": "user", "content": m} if isinstance(m, str) else m for m in messages)]
    offers = [ToolOffer(ToolFunction(tool)) for tool in tools]
    return answer(read_conversation(msgspec.convert(chat, list[ChatMessage]), offers))


def after_tool(tool: str, arguments: dict[str, Any], result: Any) -> list[dict[str, Any]]:
    """The messages of a tool round that has just run."""
    call = {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": json.dumps(arguments)}}
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": json.dumps(result)},
    ]


@pytest.mark.parametrize(
    ("tag", "said", "expected"),
    [
        ("en", "When are you open?", "nine"),
        ("pt", "Qual é o horário de vocês?", "nove"),
        ("es", "¿A qué hora abren?", "nueve"),
        ("en", "What's your address please", "Harbour Street"),
        ("pt", "Onde fica a loja?", "Harbour Street"),
        ("es", "¿Cuál es la dirección?", "Harbour Street"),
        ("en", "Are you open on Sunday?", "closed on Sundays"),
        ("pt", "Vocês abrem no domingo?", "domingos estamos fechados"),
        ("es", "¿Abren los domingos?", "domingos cerramos"),
        ("en", "How much is delivery?", "free above thirty euros"),
        ("pt", "Quanto custa a entrega?", "grátis acima de trinta"),
        ("es", "¿Cuánto cuesta el envío?", "gratis a partir de treinta"),
        ("en", "How much does a novel cost?", "guess"),
        ("pt", "Quanto custa um romance?", "colega"),
        ("es", "¿Cuánto vale una novela?", "compañero"),
        ("en", "I want to complain, it is broken", "sorry"),
        ("pt", "Quero fazer uma reclamação", "colega"),
        ("es", "Tengo una queja", "compañero"),
        ("en", "Thank you so much", "else"),
        ("pt", "Muito obrigada!", "coisa"),
        ("es", "Muchas gracias", "más"),
        ("en", "How are you today?", "very well"),
        ("pt", "Tudo bem com você?", "ótimo"),
        ("es", "¿Qué tal está?", "Muy bien"),
        ("en", "Tell me a joke", "book"),
        ("pt", "Conta uma piada", "livro"),
        ("es", "Cuénteme un chiste", "libro"),
        ("en", "Are you a robot?", "voice assistant"),
        ("pt", "Você é um robô?", "assistente de voz"),
        ("es", "¿Es usted un robot?", "asistente de voz"),
    ],
)
def test_it_answers_what_callers_ask_in_their_language(tag: str, said: str, expected: str) -> None:
    reply = ask(said, tag=tag)
    assert expected in reply.text
    assert reply.tools == ()


@pytest.mark.parametrize("tag", CODES)
def test_it_greets_by_the_customers_name(tag: str) -> None:
    hello = {"en": "Hello", "pt": "Olá", "es": "Hola"}[tag]
    assert "Ana" in ask(hello, tag=tag, name="Ana").text
    assert "{" not in ask(hello, tag=tag).text
    assert ", Ana" in ask(tag=tag, name="Ana").text  # nobody has spoken yet


def test_the_name_is_not_repeated_in_every_reply() -> None:
    greeted = {"role": "assistant", "content": "Hello, Ana! How can I help you?"}
    assert "Ana" not in ask("Hi", greeted, "thanks", name="Ana").text


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("en", "Where is my order 4711?"),
        ("pt", "Onde está o meu pedido 4711?"),
        ("es", "¿Dónde está mi pedido 4711?"),
    ],
)
def test_an_order_is_looked_up_and_its_state_spoken(tag: str, said: str) -> None:
    asked = ask(said, tag=tag)
    assert [(t.name, t.arguments) for t in asked.tools] == [("order_status", '{"order_number":"4711"}')]
    result = {"found": True, "order_number": "4711", "status": "shipped", "eta": "tomorrow"}
    told = ask(said, *after_tool("order_status", {"order_number": "4711"}, result), tag=tag).text
    assert "4 7 1 1" in told
    assert {"en": "shipped", "pt": "a caminho", "es": "en camino"}[tag] in told
    assert {"en": "tomorrow", "pt": "amanhã", "es": "mañana"}[tag] in told


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"found": False, "order_number": "9999"}, "can't find"),
        ({"error": "timeout"}, "can't look up"),
        ("unknown", "can't look up"),
        ({"status": "delivered", "eta": "last Tuesday"}, "was delivered last Tuesday"),
        ({"status": "being packed"}, "is being packed"),
        ({"status": "in a drawer", "eta": "someday"}, "in a drawer. It should arrive someday"),
    ],
)
def test_every_result_of_the_lookup_is_put_into_words(result: Any, expected: str) -> None:
    assert expected in ask("Order 9999", *after_tool("order_status", {"order_number": "9999"}, result)).text


def test_it_asks_for_the_number_and_takes_it_in_the_next_turn() -> None:
    question = ask("Where is my order?")
    assert question.tools == ()
    assert "number" in question.text
    asked = {"role": "assistant", "content": question.text}
    for said in ("4711", "It's 4711", "four seven one one", "4 7 1 1 please", "The number is 4-7-1-1"):
        reply = ask("Where is my order?", asked, said)
        assert [t.arguments for t in reply.tools] == ['{"order_number":"4711"}'], said


def test_without_the_lookup_tool_it_says_so() -> None:
    assert "can't look up" in ask("Where is my order 4711?", tools=()).text


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("en", "I'd like to speak to a person"),
        ("pt", "Quero falar com um atendente"),
        ("es", "Quiero hablar con una persona"),
    ],
)
def test_a_caller_who_wants_a_person_is_transferred(tag: str, said: str) -> None:
    assert [t.name for t in ask(said, tag=tag).tools] == ["transfer_to_person"]
    assert ask(said, tag=tag, tools=()).text


def test_a_yes_to_the_offer_of_a_colleague_is_a_transfer() -> None:
    offer = {"role": "assistant", "content": ask("This is terrible").text}
    accepted = ask("This is terrible", offer, "Yes, please")
    assert [(t.name, t.arguments) for t in accepted.tools] == [("transfer_to_person", '{"reason":"complaint"}')]
    assert ask("This is terrible", offer, "No").tools == ()


@pytest.mark.parametrize(
    ("tag", "said"), [("en", "That's all, bye"), ("pt", "Só isso, tchau"), ("es", "Nada más, adiós")]
)
def test_a_goodbye_is_spoken_and_ends_the_call(tag: str, said: str) -> None:
    reply = ask(said, tag=tag)
    assert reply.text
    assert [t.name for t in reply.tools] == ["end_call"]


def test_a_request_for_a_language_switches_and_then_speaks_it() -> None:
    request = ask("Podemos falar em português?", tag="en")
    assert [(t.name, t.arguments) for t in request.tools] == [("switch_language", '{"language":"pt-BR"}')]
    ran = after_tool("switch_language", {"language": "pt-BR"}, {"ok": True})
    assert "português" in ask("Podemos falar em português?", *ran, tag="pt").text


def test_the_code_that_the_tool_declares_is_used() -> None:
    offer = ToolOffer(ToolFunction("switch_language", {"properties": {"language": {"enum": ["en-GB", "es-MX"]}}}))
    messages = msgspec.convert(
        [system("en"), {"role": "user", "content": "En español, por favor"}], list[ChatMessage]
    )
    reply = answer(read_conversation(messages, [offer]))
    assert reply.tools[0].arguments == '{"language":"es-MX"}'


def test_a_question_in_another_language_is_answered_after_the_switch() -> None:
    said = "Qual é o endereço de vocês?"
    assert [t.name for t in ask(said, tag="en").tools] == ["switch_language"]
    ran = after_tool("switch_language", {"language": "pt-BR"}, {"ok": True})
    assert "Harbour Street" in ask(said, *ran, tag="pt").text
    assert "Harbour Street" in ask(said, *ran, tag="en").text  # never asked twice, whatever the prompt says


def test_without_the_switch_tool_it_simply_answers_in_the_callers_language() -> None:
    assert spoken_language(ask("Qual é o endereço de vocês?", tag="en", tools=()).text) == "pt"


def test_a_word_that_says_nothing_about_language_keeps_the_current_one() -> None:
    assert spoken_language(ask("ok", tag="pt").text) == "pt"
    assert spoken_language(ask("4711", tag="es", tools=()).text) == "es"


def test_the_language_a_customer_prefers_is_not_the_one_being_spoken() -> None:
    assert spoken_language(ask("4711", tag="es", name="Ana", tools=()).text) == "es"
    assert [t.name for t in ask("¿Dónde está mi pedido 4711?", tag="es", name="Ana").tools] == ["order_status"]


def test_what_it_does_not_know_is_answered_helpfully_and_not_always_alike() -> None:
    turns: list[dict[str, Any] | str] = []
    texts = []
    for _ in range(4):
        turns.append("Xyzzy plugh")
        texts.append(ask(*turns).text)
        turns.append({"role": "assistant", "content": texts[-1]})
    assert len(set(texts)) == 4
    assert texts[0] == ask("Xyzzy plugh").text


def test_it_repeats_what_it_said_last() -> None:
    said = {"role": "assistant", "content": "You find us at twelve Harbour Street."}
    assert ask("Where are you?", said, "Sorry, can you repeat that?").text == said["content"]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("English please", "en"),
        ("Can we speak Spanish?", "es"),
        ("Fala português?", "pt"),
        ("¿Habla usted inglés?", "en"),
        ("I bought a book about English gardens last year", None),
        ("Hello", None),
    ],
)
def test_which_language_is_asked_for(text: str, tag: str | None) -> None:
    assert requested_language(text) == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("Where is my order?", "en"),
        ("Onde está o meu pedido?", "pt"),
        ("¿Dónde está mi pedido?", "es"),
        ("Bom dia", "pt"),
        ("Buenos días", "es"),
        ("Good morning", "en"),
        ("ok", None),
        ("", None),
    ],
)
def test_which_language_is_spoken(text: str, tag: str | None) -> None:
    assert spoken_language(text) == tag


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("order 4711", "4711"),
        ("quatro sete um um", "4711"),
        ("cuatro siete uno uno", "4711"),
        ("one zero zero one", "1001"),
        ("two books", None),
        ("um momento", None),
    ],
)
def test_which_order_number_is_heard(text: str, number: str | None) -> None:
    assert order_number(text, "en") == number


def test_all_languages_understand_the_same_things() -> None:
    intents = {tag: [intent.name for intent in book.intents] for tag, book in phrasebooks().items()}
    assert intents["pt"] == intents["en"] == intents["es"]
    orders = {tag: set(book.order.words) for tag, book in phrasebooks().items()}
    assert orders["pt"] == orders["es"]
    for book in phrasebooks().values():
        assert all(intent.phrases for intent in book.intents)
        assert spoken_language(book.greeting) == book.code[:2]
