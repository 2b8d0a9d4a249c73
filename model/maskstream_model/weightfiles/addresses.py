"""Addresses of weight files, without I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import quote, urljoin, urlsplit

from maskstream_model.errors import DownloadError

HUB = "https://huggingface.co"
ENDPOINT = "HF_ENDPOINT"
HUB_HOSTS = ("huggingface.co", "hf.co")
"""Domains of the hosts that the Hugging Face Hub redirects downloads to."""
HUB_SCHEME = "hf://"
ENDINGS = (".pth", ".pt", ".bin", ".safetensors")


@dataclass(frozen=True)
class HubFile:
    """A file on the Hugging Face Hub, or on a server with the same API.

    Attributes:
        endpoint: address of the server, as in `HF_ENDPOINT`.
        repository: owner and name.
        revision: branch, tag or commit.
        path: of the file in the repository.
    """

    endpoint: str
    repository: str
    revision: str
    path: str

    @property
    def api(self) -> str:
        """Address of the list of the repository's files, with sizes and SHA-256."""
        revision = quote(self.revision, safe="")
        return f"{self.endpoint}/api/models/{self.repository}/revision/{revision}?blobs=true"

    def address(self, commit: str) -> str:
        """Return the address of the file as of a commit."""
        where = f"{quote(commit, safe='')}/{quote(self.path)}"
        return f"{self.endpoint}/{self.repository}/resolve/{where}"


def hub_file(source: str, endpoint: str) -> HubFile:
    """Parse `hf://OWNER/REPOSITORY[@REVISION]/PATH`.

    Raises:
        DownloadError: it is not of this form.
    """
    owner, _, rest = source.removeprefix(HUB_SCHEME).partition("/")
    name, _, path = rest.partition("/")
    name, _, revision = name.partition("@")
    if not (owner and name and path):
        raise DownloadError(f"{source} is not of the form hf://OWNER/REPOSITORY/PATH")
    return HubFile(endpoint.rstrip("/"), f"{owner}/{name}", revision or "main", path)


def endpoint_of(environ: Mapping[str, str]) -> str:
    """Return the address of the hub: that of the environment, or the public one.

    Raises:
        DownloadError: the environment's may not be requested.
    """
    endpoint = environ.get(ENDPOINT) or HUB
    try:
        return checked(endpoint)
    except DownloadError:
        # Its value may hold a password, which is not found without a scheme.
        raise DownloadError(
            f"{ENDPOINT} must begin with https:// and a host, like {HUB} (http:// is for this "
            "machine alone)"
        ) from None


def address_in(mirror: str, file: str) -> str:
    """Return the address of a file at a mirror: a folder's address, or that of the file itself."""
    parts = urlsplit(mirror)
    if parts.path.endswith(ENDINGS):
        return mirror
    return parts._replace(path=f"{parts.path.rstrip('/')}/{quote(file)}").geturl()


def checked(address: str) -> str:
    """Return an address that may be requested: https, or http on this machine.

    Raises:
        DownloadError: it is not.
    """
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError:
        raise DownloadError(f"{address!r} is no address") from None
    if parts.scheme == "https" and host:
        return address
    if parts.scheme == "http" and is_loopback(host):
        return address
    raise DownloadError(
        f"{shown(address)} is no https address, which weights need; a file "
        "fetched by other means can be pulled with --from FOLDER"
    )


def redirected(address: str, location: str, hosts: Iterable[str]) -> str:
    """Return the target of a redirect.

    Args:
        address: that was requested.
        location: of the response, maybe relative.
        hosts: domains that are allowed besides the host of `address`.

    Raises:
        DownloadError: not https, or a host that is not allowed.
    """
    target = checked(urljoin(address, location))
    asked, host = urlsplit(address).hostname or "", urlsplit(target).hostname or ""
    if host != asked and not any(host == each or host.endswith(f".{each}") for each in hosts):
        raise DownloadError(
            f"{asked} redirects to {host}, which does not belong to it: not followed"
        )
    return target


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(address: str) -> str:
    """Return an address for messages: without a password or a signature."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
