"""`/docs`: the OpenAPI document as a page to read. One document without scripts; everything in it is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from aiohttp import web
from jinja2 import Environment

from conversations_api.openapi import document

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#121c2d}
h2{margin-top:2.5rem;border-bottom:1px solid #cacdd8}
details{border:1px solid #e1e3ea;border-radius:4px;margin:.5rem 0}
summary{padding:.5rem;cursor:pointer}code{font:14px ui-monospace,monospace}
.method{font-weight:700;margin-right:.5rem}
.inside{padding:0 1rem 1rem}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top}
td,th{padding:.25rem .5rem;border-bottom:1px solid #e1e3ea}nav a{margin-right:1rem}.role{color:#606b85}
"""
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Conversations API</title><style>{{ style|safe }}</style></head><body>
<h1>Conversations API</h1>
<p>The same as <a href="/openapi.json">openapi.json</a>. Sign in with <code>Authorization: Bearer TOKEN</code>;
errors are
<code>application/problem+json</code> with every fault in <code>errors</code>.</p>
<nav>{% for tag in tags %}<a href="#{{ tag }}">{{ tag }}</a> {% endfor %}<a href="#schemas">schemas</a></nav>
{% for tag, operations in tags.items() %}<h2 id="{{ tag }}">{{ tag }}</h2>
{% for path, method, operation in operations %}<details><summary><span class="method">{{ method }}</span>
<code>{{ path }}</code> {{ operation.summary }}</summary><div class="inside">
<p class="role">{{ operation.description or "Needs no sign-in." }}</p>
{% if operation.parameters %}<table><tr><th>parameter</th><th>in</th><th>form</th></tr>
{% for parameter in operation.parameters %}<tr><td><code>{{ parameter.name }}</code></td><td>{{ parameter["in"]
}}</td>
<td>{{ form(parameter.schema) }}</td></tr>{% endfor %}</table>{% endif %}
{% for media_type, content in bodies(operation) %}<p>Body, {{ media_type }}: {{ form(content.schema) }}</p>
{% endfor %}
{% for status, answer in operation.responses.items() %}<p>{{ status }}: {{ answer.description }}
{% for content in (answer.content or {}).values() %}{{ form(content.schema) }}{% endfor %}</p>{% endfor %}
</div></details>{% endfor %}{% endfor %}
<h2 id="schemas">schemas</h2>
{% for name, schema in schemas.items() %}<details id="{{ name }}"><summary><code>{{ name }}</code>
{{ schema.description or "" }}</summary><div class="inside"><table>
{% for field, inner in (schema.properties or {}).items() %}<tr><td><code>{{ field }}</code>
{% if field in (schema.required or []) %}*{% endif %}</td><td>{{ form(inner) }}</td></tr>{% endfor %}
</table></div></details>{% endfor %}
</body></html>
"""
# What of a schema is worth a word, in this order.
LIMITS = (
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "description",
)


async def docs(_: web.Request) -> web.Response:
    """The page."""
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return web.Response(text=page(), content_type="text/html", headers=headers)


@lru_cache(1)
def page() -> str:
    """The page's HTML."""
    described = document()
    tags: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            tag = operation.get("tags", ["service"])[0]
            tags.setdefault(tag, []).append((path, method.upper(), operation))
    template = Environment(autoescape=True).from_string(PAGE)
    return template.render(
        style=STYLE, tags=tags, schemas=described["components"]["schemas"], form=_form, bodies=_bodies
    )


def _bodies(operation: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).items()


def _form(schema: Mapping[str, Any]) -> str:
    """A schema in a line."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_form(inner) for inner in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = schema.get("type", "anything")
    text = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if text == "array":
        text = f"list of {_form(schema.get('items', {}))}"
    return ", ".join([text, *(f"{name} {schema[name]}" for name in LIMITS if name in schema)])
