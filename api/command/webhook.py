"""A report is posted to an address, signed as Standard Webhooks has it (standardwebhooks.com).

The receiver computes HMAC-SHA256 of `ID.TIMESTAMP.BODY` with the shared secret, compares it with `webhook-signature`,
and refuses an old `webhook-timestamp`. It does not know what a report says.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from index.errors import AskPolicyError

SECRET_VARIABLE = "ASKPOLICY_WEBHOOK_SECRET"  # noqa: S105 - its name
_PREFIX = "whsec_"
_MIN_SECRET_BYTES = 24
_TIMEOUT_S = 10.0
_WAITS_S = (1.0, 5.0)
_OK, _REDIRECT, _TOO_MANY, _SERVER_ERROR = 200, 300, 429, 500


class WebhookError(AskPolicyError):
    """A webhook whose secret or address cannot be used, or whose receiver did not take the report."""


class Webhook:
    """Where reports are posted. The operator names the address, so private ones are reached too."""

    def __init__(self, address: str, secret: bytes, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Raises `WebhookError` where `address` is no http or https address."""
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise WebhookError(f"--webhook {address[:200]!r} is no address; expected https://HOST/PATH")
        self._address, self._secret, self._sleep = address, secret, sleep
        self._shown = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

    def post(self, body: bytes, *, message_id: str) -> None:
        """Deliver `body`, JSON; tried three times where the receiver is away, busy or broken, no redirect followed.

        Args:
            message_id: the same for the same report, so that a receiver that got it twice can tell.
        Raises:
            WebhookError: nobody took it.
        """
        for wait_s in (*_WAITS_S, None):
            refused, again = self._tried(body, message_id)
            if refused is None:
                return
            if wait_s is None or not again:
                raise WebhookError(
                    f"the report was not taken by {self._shown}: {refused}; run it again to send it again"
                )
            self._sleep(wait_s)

    def _tried(self, body: bytes, message_id: str) -> tuple[str | None, bool]:
        """Why `body` was not taken, if it was not; and whether another try may help."""
        headers = {
            "content-type": "application/json",
            "user-agent": "askpolicy",
            **signed(body, message_id=message_id, timestamp=int(time.time()), secret=self._secret),
        }
        try:
            status = httpx.post(self._address, content=body, headers=headers, timeout=_TIMEOUT_S).status_code
        except httpx.HTTPError as error:
            return f"{type(error).__name__} ({error})", True
        if _OK <= status < _REDIRECT:
            return None, False
        return f"status {status}, expected 2xx", status == _TOO_MANY or status >= _SERVER_ERROR


def signed(body: bytes, *, message_id: str, timestamp: int, secret: bytes) -> dict[str, str]:
    """The headers that let a receiver check `body`; `timestamp`: seconds since 1970."""
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,{signature}"}


def read_secret(path: Path | None, variable: str | None) -> bytes:
    """The shared secret from a file, else from the environment's variable: text, or base64 behind `whsec_`.

    Raises:
        WebhookError: there is none, it is short, or it is not what its prefix says.
    """
    text = path.read_text(encoding="utf-8", errors="replace").strip() if path else (variable or "").strip()
    if not text:
        raise WebhookError(f"no secret for the webhook: set {SECRET_VARIABLE}, or give --webhook-secret-file FILE")
    try:
        secret = (
            base64.b64decode(text.removeprefix(_PREFIX), validate=True) if text.startswith(_PREFIX) else text.encode()
        )
    except binascii.Error as error:
        raise WebhookError(f"the webhook's secret begins with {_PREFIX}, but no base64 follows") from error
    if len(secret) < _MIN_SECRET_BYTES:
        raise WebhookError(
            f"the webhook's secret has {len(secret)} bytes, expected at least {_MIN_SECRET_BYTES}: "
            f"`openssl rand -base64 32` makes one"
        )
    return secret
