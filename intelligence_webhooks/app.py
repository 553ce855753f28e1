"""The Flask application: routes with access, problem+json errors, security headers."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from flask import Flask, Response, g
from flask.globals import request_ctx
from prometheus_client import Counter, Histogram
from werkzeug.exceptions import HTTPException

from intelligence_webhooks import common_routes, keeping, listings, openapi, operator_routes, webhook
from intelligence_webhooks.lean_flask import STARTED, LeanFlask
from intelligence_webhooks.replies import facts_of, log, problem_reply
from intelligence_webhooks.store import Store, open_store
from shared.config import Settings, load_settings, read_environment
from shared.door import PUBLIC, TWILIO, Access, Open
from shared.guards import SECURITY_HEADERS
from shared.operators import Role
from shared.problem import Problem
from shared.telemetry import REQUEST_SECONDS, REQUESTS

View = Callable[..., Response]
SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body is too large.",
}


def create_app(settings: Settings | None = None, store: Store | None = None) -> Flask:
    """The application over `store`; when none is given, one is opened and found under `extensions["store"]`.

    Without settings those of the environment are taken, which is how `flask --app` calls this.
    """
    parts = store or open_store(settings or load_settings("intelligence_webhooks", read_environment()))
    if store is None:
        parts.intake.notify = parts.intake.settle  # nobody follows the journals in the background
    app = LeanFlask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = webhook.BODY_BYTES
    app.extensions["store"] = parts
    access: dict[str, Access] = {}
    app.extensions["access"] = access

    def add(method: str, rule: str, view: View, who: Access) -> None:
        endpoint = f"{method} {rule}"
        access[endpoint] = who
        app.add_url_rule(
            rule,
            endpoint,
            lambda **values: view(parts, request_ctx.request, **values),
            methods=[method],
            provide_automatic_options=False,
        )

    add("POST", "/webhook", webhook.receive, TWILIO)
    add("GET", "/status", listings.status, Role.VIEWER)
    add("GET", "/data", listings.data, Role.VIEWER)
    add("GET", "/data/<subject>", listings.one_result, Role.VIEWER)
    add("POST", "/data/clear", keeping.clear, Role.ADMIN)
    add("GET", "/events", listings.events, Role.SUPERVISOR)
    add("GET", "/export", listings.export, Role.SUPERVISOR)
    add("GET", "/dead-letters", listings.dead_letters, Role.SUPERVISOR)
    add("POST", "/dead-letters/<letter_id>/replay", operator_routes.replay, Role.SUPERVISOR)
    add("POST", "/dead-letters/replay", operator_routes.replay_many, Role.SUPERVISOR)
    add("POST", "/reconcile", operator_routes.run_reconcile, Role.SUPERVISOR)
    add("POST", "/erase", keeping.erase_caller, Role.ADMIN)
    add("GET", "/openapi.json", openapi.serve, PUBLIC)
    add("GET", "/healthz", common_routes.healthz, PUBLIC)
    add("GET", "/readyz", common_routes.readyz, PUBLIC)
    add("GET", "/metrics", common_routes.metrics, PUBLIC)
    add("GET", "/api/session", common_routes.show_session, PUBLIC)
    add("POST", "/api/session", common_routes.sign_in, PUBLIC)
    add("DELETE", "/api/session", common_routes.sign_out, PUBLIC)
    _guard(app, parts, access)
    return app


def _guard(app: LeanFlask, store: Store, access: dict[str, Access]) -> None:
    security_headers = dict(SECURITY_HEADERS)
    if store.settings.public_url.startswith("https://"):
        security_headers["Strict-Transport-Security"] = "max-age=31536000"
    app.headers = tuple(security_headers.items())

    @cache  # finding them by their labels costs more than counting
    def counters(method: str, rule: str, status: int) -> tuple[Counter, Histogram]:
        service = store.settings.service
        return REQUESTS.labels(service, method, rule, str(status)), REQUEST_SECONDS.labels(service, rule)

    @app.before_request
    def admit() -> None:
        """The door; a route without an access rule is refused. Routing errors go on to their own answer."""
        request = request_ctx.request  # once: every look through a proxy costs
        if request.routing_exception is not None:
            return
        who = access.get(request.endpoint or "")
        if who is None:
            raise Problem(403, "This route has no access rule.", code=40302)
        if not isinstance(who, Open):
            g.identity = store.door.admit(who, facts_of(request))

    @app.errorhandler(Problem)
    def on_problem(problem: Problem) -> Response:
        return problem_reply(problem)

    @app.errorhandler(HTTPException)
    def on_refusal(refusal: HTTPException) -> Response:
        status = refusal.code or 500
        kept = {name: value for name, value in refusal.get_headers() if name in {"Allow", "Retry-After"}}
        return problem_reply(Problem(status, SENTENCES.get(status, "The request was refused."), headers=kept))

    @app.errorhandler(Exception)
    def on_error(_: Exception) -> Response:
        """The outermost shell of a request: logged, answered, let go."""
        log.exception("request failed", method=request_ctx.request.method, path=request_ctx.request.path)
        return problem_reply(Problem(500, "Something went wrong here. It has been logged."))

    @app.after_request
    def finish(response: Response) -> Response:
        request = request_ctx.request
        rule = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.url_rule else "any"
        requests, seconds = counters(method, rule, response.status_code)
        requests.inc()
        seconds.observe(time.perf_counter() - request.environ[STARTED])
        return response
