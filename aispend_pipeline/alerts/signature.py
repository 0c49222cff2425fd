"""The hook's headers after the Standard Webhooks convention, so that a receiver can tell that it was us."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime


def headers(event_id: str, now: datetime, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Id, the instant of this attempt, and a signature for each of `keys`; no signature without a key."""
    timestamp = str(int(now.timestamp()))
    made = {"webhook-id": event_id, "webhook-timestamp": timestamp}
    signatures = [_signature(key, f"{event_id}.{timestamp}.".encode() + body) for key in keys]
    return {**made, "webhook-signature": " ".join(signatures)} if signatures else made


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
