"""Building behind a corporate network: extra certificates, package index, mirrors, without a trace in the image.

All of it travels in one of Docker's predefined proxy arguments, as images/network.sh says; so neither an address with a
password in it nor a certificate is in any layer, history or cache key, and none of it is part of an image's id.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from toolkit.errors import GilfreeError

CARRIER = "FTP_PROXY"
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Network:
    """How a build reaches packages. `host`: its steps use the machine's own network (a mirror on localhost).

    ftp_proxy_set: the user's Docker settings name a proxy for FTP.
    """

    ca: str = ""
    pip_index: str = ""
    apt_mirror: str = ""
    cargo_mirror: str = ""
    host: bool = False
    ftp_proxy_set: bool = False

    def arguments(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Build arguments: the machine's own proxies and what was asked for.

        None at all is better than an empty one: the classic builder's cache tells a step that has any from one without.
        """
        environment = os.environ if environment is None else environment
        found = {name: environment[name] for name in _PROXIES if environment.get(name)}
        settings = {
            "GILFREE_CA": self.ca,
            "GILFREE_PIP_INDEX": self.pip_index,
            "GILFREE_APT_MIRROR": self.apt_mirror,
            "GILFREE_CARGO_MIRROR": self.cargo_mirror,
        }
        text = "".join(f"{name}={shlex.quote(value)}\n" for name, value in settings.items() if value)
        if text or self.ftp_proxy_set:  # the SDK would add that of Docker's settings, which network.sh cannot read
            found |= {CARRIER: base64.b64encode(text.encode()).decode(), CARRIER.lower(): ""}
        return found

    def secrets(self, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """What must be shown to nobody and written to no log: passwords, as they stand in addresses and decoded."""
        environment = os.environ if environment is None else environment
        addresses = [self.pip_index, self.apt_mirror, self.cargo_mirror]
        addresses += [environment[name] for name in _PROXIES if environment.get(name)]
        found: set[str] = set()
        for address in addresses:
            login = urlsplit(address).netloc.rpartition("@")[0] if "@" in address else ""
            password = login.partition(":")[2] or login
            found |= {login, password, unquote(password)} - {""}
        return tuple(sorted(found, key=len, reverse=True))


def network(ca: Path | None, pip_index: str, apt_mirror: str, cargo_mirror: str, *, host: bool) -> Network:
    """From the command line's options. Raises GilfreeError for a file that is no certificate or an address that is none."""
    text = ""
    if ca is not None:
        try:
            text = ca.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise GilfreeError(f"--ca {ca} cannot be read: {error}", "name a file in PEM format") from None
        blocks = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
        if not blocks:
            raise GilfreeError(f"--ca {ca} holds no certificate in PEM format", "openssl x509 -inform der converts one")
        if "PRIVATE KEY" in text:
            raise GilfreeError(f"--ca {ca} holds a private key", "name a file with certificates alone")
        text = "\n".join(blocks)
    for option, address in (("--pip-index", pip_index), ("--apt-mirror", apt_mirror)):
        if address and urlsplit(address).scheme not in ("http", "https"):
            raise GilfreeError(f"{option} {hidden(address)} is no http address", "give it with http:// or https://")
    if cargo_mirror and urlsplit(cargo_mirror.removeprefix("sparse+")).scheme not in ("http", "https"):
        raise GilfreeError(f"--cargo-mirror {hidden(cargo_mirror)} is no address", "give sparse+https://…")
    return Network(text, pip_index, apt_mirror, cargo_mirror, host, ftp_proxy_set())


def ftp_proxy_set() -> bool:
    """Whether Docker's own settings (config.json) have a proxy for FTP, which the SDK passes to every build."""
    from docker.utils.config import load_general_config

    proxies = load_general_config().get("proxies") or {}
    return any(one.get("ftpProxy") for one in proxies.values())


def hidden(address: str) -> str:
    """An address without the login in it."""
    return re.sub(r"(//)[^/@]*@", r"\1***@", address)


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """The text with every secret replaced."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
