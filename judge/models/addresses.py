"""Where an endpoint may lie that somebody names from afar: anywhere public, nowhere inside.

Whoever names it makes this host connect there. A private address would be a door into networks that
only this host can reach, its cloud's metadata service for one. What is checked is what the name
stands for now; a name may stand for another address later, so this is a check of who has the scope
`admin` and not a wall: hosts that must never be reached belong behind the network's own filter.
Redirects are not followed by any backend.
"""

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

from judge.errors import UsageError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_public(base_url: str, allowed: Collection[str] = ()) -> None:
    """Raise UsageError unless this is an http(s) address without credentials, query or fragment, at
    one of the `allowed` hosts or at one that stands for public addresses alone."""
    try:
        parts = urlsplit(base_url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not base_url.isprintable():
        raise UsageError("base_url is no address; it looks like https://host/v1")
    if "@" in parts.netloc or "\\" in base_url or "?" in base_url or "#" in base_url:
        raise UsageError("base_url holds more than an address; keys belong in the environment")
    if host in allowed:
        return
    for address in _resolved(host, port or 443):
        if not _is_public(address):
            raise UsageError(
                f"base_url: {host} is not public, and a model added over HTTP may not lie inside "
                "this network; list it in JUDGE_MODEL_HOSTS if it is meant"
            )


def _resolved(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UsageError(f"base_url: the host {host} is not known") from None
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]


def _is_public(address: Address) -> bool:
    """Whether the address, and the IPv4 address that may be wrapped in it, is of everybody."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in NAT64:
            inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if any(each is not None and not _is_public(each) for each in inner):
            return False
        if address.ipv4_mapped is not None:
            return True
    return address.is_global and not address.is_multicast and not address.is_reserved
