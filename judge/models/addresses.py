"""Where an endpoint may lie that somebody names from afar: where the operator said, nowhere else.

Whoever names an endpoint makes this host connect there, and show it the key of its environment. So
a private address would be a door into networks that only this host can reach (its cloud's metadata
service for one), and a public one would be a way to collect the key. Only the provider whose key it
is and the hosts that the operator lists are taken, by name. Redirects are not followed by any backend.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from judge.errors import UsageError

OFFICIAL = "api.openai.com"


def check_listed(base_url: str, listed: Collection[str] = ()) -> None:
    """Raise UsageError unless this is an http(s) address without credentials, query or fragment, at
    one of the `listed` hosts, or over https at the provider's own."""
    try:
        parts = urlsplit(base_url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not base_url.isprintable():
        raise UsageError("base_url is no address; it looks like https://host/v1")
    if "@" in parts.netloc or "\\" in base_url or "?" in base_url or "#" in base_url:
        raise UsageError("base_url holds more than an address; keys belong in the environment")
    if host not in listed and (host, parts.scheme) != (OFFICIAL, "https"):
        raise UsageError(
            f"base_url: this service was not told to ask {host}, and to show it its key; list it in "
            "JUDGE_MODEL_HOSTS, or add the model on the host with `judge models add`"
        )
