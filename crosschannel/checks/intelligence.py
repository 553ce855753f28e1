"""Whether Twilio Intelligence tells us about transcripts, and setting the webhook so that it does."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import msgspec

from crosschannel.checks.reachability import TIMEOUT_S, basic
from shared.checks import Finding, fault, note, ok
from shared.config import Settings, TwilioAccount
from shared.origins import is_loopback_host, is_public

# Twilio's connection overrides: five retries, on every kind of failure. The default is one, and only when the
# connection fails (Twilio, "Webhooks: connection overrides"); a fragment is not sent, nor signed.
OVERRIDES = "#rc=5&rp=all"


class _Service(msgspec.Struct):
    webhook_url: str | None = None
    webhook_http_method: str | None = None


def recommended_url(settings: Settings) -> str:
    """The webhook URL to give to the Intelligence service."""
    return f"{settings.intelligence_public_url}/webhook{OVERRIDES}"


def webhook_findings(settings: Settings) -> Iterator[Finding]:
    """One finding: whether the Intelligence service posts to us, and with which retries."""
    account, wanted = settings.twilio, recommended_url(settings)
    if account is None:
        return
    if account.intelligence_service_sid is None:
        yield note(
            f"intelligence: set the webhook of your Intelligence service to {wanted}",
            "or name it in TWILIO_INTELLIGENCE_SERVICE_SID and run `crosschannel doctor --set-webhook`",
        )
        return
    try:
        found = _call(account, "GET")
    except (OSError, ValueError) as error:
        if account.is_demo:  # its sandbox is not running, which is said already
            return
        yield note(f"intelligence: the service cannot be read ({error})", "check TWILIO_INTELLIGENCE_SERVICE_SID")
        return
    if (found.webhook_url, found.webhook_http_method) == (wanted, "POST"):
        yield ok(f"intelligence: posts to {wanted}")
    elif (found.webhook_url or "").partition("#")[0] == wanted.partition("#")[0]:
        yield note(
            f"intelligence: posts here, but without retries; recommended is {wanted}",
            "`crosschannel doctor --set-webhook` sets it",
        )
    else:
        yield note(
            f"intelligence: posts to {found.webhook_url or 'nowhere'}, not to {wanted}",
            "`crosschannel doctor --set-webhook` sets it; what is missed meanwhile is found by reconcile",
        )


def set_webhook(settings: Settings) -> Finding:
    """Sets the recommended webhook on the Intelligence service; what came of it."""
    account, wanted = settings.twilio, recommended_url(settings)
    if account is None or account.intelligence_service_sid is None:
        return fault("intelligence: TWILIO_INTELLIGENCE_SERVICE_SID is missing", "name the service to set it on")
    if account.base_url is None and not is_public(settings.intelligence_public_url):
        return fault(f"intelligence: Twilio cannot reach {wanted}", "set PUBLIC_URL to a public origin first")
    try:
        found = _call(account, "POST", {"WebhookUrl": wanted, "WebhookHttpMethod": "POST"})
    except (OSError, ValueError) as error:
        return fault(
            f"intelligence: the webhook could not be set ({error})", "check the account and the service's sid"
        )
    return ok(f"intelligence: now posts to {found.webhook_url}")


def _call(account: TwilioAccount, method: str, form: dict[str, str] | None = None) -> _Service:
    """The service, read or changed. Raises OSError or ValueError."""
    url = account.url("intelligence", f"v2/Services/{account.intelligence_service_sid}")
    local = is_loopback_host(urlsplit(url).hostname or "")
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if local else []))
    headers = basic(account.account_sid, account.auth_token)
    body = urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - http(s), by configuration
    with opener.open(request, timeout=TIMEOUT_S) as response:
        return msgspec.json.decode(response.read(), type=_Service)
