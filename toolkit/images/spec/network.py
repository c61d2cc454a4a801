"""Building behind a corporate network: extra certificates, a package index, mirrors, without a trace in the image.

These settings travel in one of Docker's predefined proxy arguments (images/network.sh explains it). So no layer, history
or cache key holds an address with a password or a certificate, and no image's id depends on them.
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
    """How the steps of a build reach packages.

    ca: certificates in PEM format. pip_index, apt_mirror, cargo_mirror: addresses, empty for the usual ones. host: steps
    use the machine's own network (for a mirror on localhost). ftp_proxy_set: the user's Docker settings name an FTP proxy.
    """

    ca: str = ""
    pip_index: str = ""
    apt_mirror: str = ""
    cargo_mirror: str = ""
    host: bool = False
    ftp_proxy_set: bool = False

    def arguments(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Build arguments: the proxies of `environment` (this process's by default) and these settings.

        No argument is better than an empty one: the classic builder caches a step with arguments apart from one without.
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
        if text or self.ftp_proxy_set:  # else the SDK adds Docker's own setting, which network.sh cannot read
            found |= {CARRIER: base64.b64encode(text.encode()).decode(), CARRIER.lower(): ""}
        return found

    def secrets(self, environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Logins and passwords in these addresses and the proxies', as written and decoded, longest first: for `redacted`."""
        environment = os.environ if environment is None else environment
        addresses = [self.pip_index, self.apt_mirror, self.cargo_mirror]
        addresses += [environment[name] for name in _PROXIES if environment.get(name)]
        found: set[str] = set()
        for address in addresses:
            login = urlsplit(address).netloc.rpartition("@")[0] if "@" in address else ""
            password = login.partition(":")[2] or login
            found |= {login, password, unquote(password)} - {""}
        return tuple(sorted(found, key=len, reverse=True))


def network_from_options(ca: Path | None, pip_index: str, apt_mirror: str, cargo_mirror: str, *, host: bool) -> Network:
    """The settings of the command line's options. Raises GilfreeError naming the option for a file that holds no
    certificate, or an address that is none."""
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
            raise GilfreeError(
                f"{option} {mask_logins(address)} is no http address", "give it with http:// or https://"
            )
    if cargo_mirror and urlsplit(cargo_mirror.removeprefix("sparse+")).scheme not in ("http", "https"):
        raise GilfreeError(f"--cargo-mirror {mask_logins(cargo_mirror)} is no address", "give sparse+https://…")
    return Network(text, pip_index, apt_mirror, cargo_mirror, host, ftp_proxy_set())


def ftp_proxy_set() -> bool:
    """Whether Docker's settings (config.json) name a proxy for FTP; the SDK would pass it to every build."""
    from docker.utils.config import load_general_config

    proxies = load_general_config().get("proxies") or {}
    return any(one.get("ftpProxy") for one in proxies.values())


def mask_logins(text: str) -> str:
    """The text with `***` in place of the login in each address."""
    return re.sub(r"(//)[^/@]*@", r"\1***@", text)


def redacted(text: str, secrets: tuple[str, ...]) -> str:
    """The text with `***` in place of every secret."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
