"""Where webhooks may go and remote sources may be: which URLs are taken, which addresses may be connected to.

Two checks, both pure. `parse_target` reads a URL at registration and before each try, without looking names up.
`check_addresses` judges what a name resolved to, at connect time; only an address that passed it is connected to, so
a name that answers differently the second time (DNS rebinding) gains nothing. The deny list is our own: on Python
3.11 `ipaddress.is_global` calls 16 of 46 must-block addresses global (reference/reliability §1.8).
"""

import ipaddress
import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import msgspec

Address = IPv4Address | IPv6Address

MAX_URL_LENGTH = 2048

_DENIED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network; Linux connects 0.0.0.0 to itself
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT; Alibaba's metadata server 100.100.100.200
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server, reachable from every machine there
        "169.254.0.0/16",  # link-local; metadata servers of AWS, GCP, Azure
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocol assignments; Oracle's metadata server
        "192.0.2.0/24",
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back
        "3fff::/20",  # documentation
    )
)
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""All IPv6 outside this is refused: loopback, mapped and translated IPv4, NAT64, ULA, link- and site-local, SRv6."""

_NETLOC = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@]+)(:[0-9]*)?\Z")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\Z")
_NUMERIC_LABEL = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa")


class BadAddress(Exception):
    """A URL or address that is not open to us. The message is fit for the client and names no address found."""


class AddressPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What beside public https is allowed.

    `local` is true only while the service is bound to loopback and no key is configured: then plain http is taken, and
    loopback may be reached. `allow` holds CIDR ranges and host names (exact) that may be reached whatever they are,
    also by http.
    """

    local: bool = False
    allow: tuple[str, ...] = ()

    @property
    def networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Return the entries of `allow` that are ranges or addresses."""
        return tuple(network for network in map(_network, self.allow) if network is not None)

    def trusts(self, host: str) -> bool:
        """Tell whether the operator named `host` itself."""
        return host in {entry.lower() for entry in self.allow if _network(entry) is None}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A URL taken apart once, so that no second parser can read it differently."""

    scheme: str
    host: str
    port: int
    path: str
    explicit_port: int | None = None

    @property
    def host_header(self) -> str:
        """Return the Host header: brackets for IPv6, the port only where the URL gave one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.explicit_port is None else f"{host}:{self.explicit_port}"


def parse_target(url: str, policy: AddressPolicy) -> Target:
    """Return the parts of `url`, or raise BadAddress; names are not looked up here.

    Refused: other schemes than https (http by `policy`), user names, fragments, ports below 1024 other than 80 and
    443, hosts that are a number in disguise, and addresses or local names that the policy does not open.
    """
    if len(url) > MAX_URL_LENGTH:
        raise BadAddress(f"The URL is longer than {MAX_URL_LENGTH:,} characters.")
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise BadAddress("The URL must be printable ASCII without blanks or backslashes; encode other characters.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadAddress("The URL can't be read.") from error
    if parts.scheme not in {"http", "https"}:
        raise BadAddress("The URL must begin with https://.")
    if "@" in parts.netloc:
        raise BadAddress("The URL may hold no user name or password.")
    if "#" in url:
        raise BadAddress("The URL may hold no fragment.")
    if not _NETLOC.match(parts.netloc):
        raise BadAddress("The URL's host can't be read.")
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc)
    target = Target(
        scheme=parts.scheme,
        host=host,
        port=(443 if parts.scheme == "https" else 80) if port is None else port,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        explicit_port=port,
    )
    _check_target(target, policy)
    return target


def check_addresses(target: Target, addresses: Sequence[str], policy: AddressPolicy) -> list[str]:
    """Return `addresses` (what `target.host` resolved to) if every one of them may be connected to.

    Raises BadAddress if one may not, or there is none: a name with one good and one bad address is refused whole.
    """
    if not addresses:
        raise BadAddress("The host name has no address.")
    if policy.trusts(target.host):
        return list(addresses)
    for text in addresses:
        _check_address(target, _address(text), policy)
    return list(addresses)


def check_allowed(entry: str) -> None:
    """Raise BadAddress unless `entry`, of a policy's `allow`, is a CIDR range, an address or a host name."""
    if _network(entry) is not None:
        return
    if "/" in entry or ":" in entry:
        raise BadAddress("The CIDR range can't be read.")
    _host(entry.lower(), bracketed=False)


def _check_target(target: Target, policy: AddressPolicy) -> None:
    if policy.trusts(target.host):
        return
    address = _literal(target.host)
    if address is not None:
        _check_address(target, address, policy)
        return
    if target.host == "localhost" or target.host.endswith(".localhost"):
        if not policy.local:
            raise BadAddress("The URL may not lead to this machine.")
        return
    _check_scheme_and_port(target, opened=bool(policy.networks) or policy.local)
    if ("." not in target.host or target.host.endswith(_LOCAL_SUFFIXES)) and not policy.networks:
        raise BadAddress("The URL may not lead to a local name; only the operator can open one.")


def _check_address(target: Target, address: Address, policy: AddressPolicy) -> None:
    if any(address in network for network in policy.networks):
        return
    if policy.local and address.is_loopback:
        return
    if is_denied(address):
        raise BadAddress("The URL may not lead to a private, local or reserved address.")
    _check_scheme_and_port(target, opened=policy.local)


def _check_scheme_and_port(target: Target, *, opened: bool) -> None:
    if target.scheme != "https" and not opened:
        raise BadAddress("The URL must begin with https://.")
    if target.port < 1024 and target.port not in {80, 443}:
        raise BadAddress("The URL may use port 443, 80, or 1024 and above.")


def is_denied(address: Address) -> bool:
    """Tell whether `address` is none that a stranger on the Internet could have as their own."""
    if isinstance(address, IPv6Address) and (address not in _GLOBAL_UNICAST or address.scope_id is not None):
        return True
    return any(address in network for network in _DENIED)


def _host(text: str, *, bracketed: bool) -> str:
    """Return the host in lower case, or raise BadAddress: a canonical address or a DNS name, nothing in between."""
    if bracketed:
        return _address(text).compressed
    labels = text.split(".")
    if _NUMERIC_LABEL.match(labels[-1]):  # WHATWG: a host whose last label is a number is an IPv4 address
        return _address(text).compressed
    if len(text) > 253 or not all(_LABEL.match(label) for label in labels):
        raise BadAddress("The host name can't be read; write international names in punycode.")
    return text


def _address(text: str) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError as error:
        raise BadAddress("The address can't be read; write it in its usual form.") from error


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return None
