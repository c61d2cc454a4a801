"""The connection to a cluster: chosen by the kubeconfig, retried while the API server is unreachable for a while.

Objects are plain JSON as the API sends it, not the client library's classes. That takes less memory, and the pure parts
of the backend and their tests need no library.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import GilfreeError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

Object = dict[str, Any]

CONNECT_SECONDS, READ_SECONDS = 5, 30
RETRY_SECONDS = 120
"""How long an API server may be unreachable before a campaign gives up. Its Jobs continue; --resume adopts them."""

RETRIED_STATUSES = {429, 500, 502, 503, 504}


class ApiError(GilfreeError):
    """The API server answered with an error. status: the HTTP code; reason: the API's word for it, such as AlreadyExists."""

    def __init__(self, status: int, reason: str, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.status, self.reason = status, reason


class Unreachable(GilfreeError):
    """The API server does not answer."""


class Cluster:
    """One namespace of the cluster that a context of the kubeconfig names.

    context: the kubeconfig's current one by default; without a kubeconfig, the service account of the pod that this runs
    in. namespace: the context's own by default. Raises GilfreeError when neither is there, or the context is unknown.
    Methods retry while the API server is unreachable or busy, for RETRY_SECONDS, and raise ApiError or Unreachable.
    """

    def __init__(
        self, context: str | None = None, namespace: str | None = None, kubeconfig: Path | None = None
    ) -> None:
        from kubernetes import client, config

        configuration = client.Configuration()
        file = str(kubeconfig) if kubeconfig else None
        try:
            contexts, active = config.list_kube_config_contexts(file)  # type: ignore[no-untyped-call]
            config.load_kube_config(file, context, client_configuration=configuration)  # type: ignore[no-untyped-call]
            chosen = next((one for one in contexts if one["name"] == context), None) if context else active
            self.context = str(chosen["name"]) if chosen else str(context)
            own = (chosen or {}).get("context", {}).get("namespace")
        except config.ConfigException as error:
            if context is not None:
                raise GilfreeError(f"context {context!r}: {error}", "see `kubectl config get-contexts`") from None
            own = _in_cluster(configuration, str(error))
            self.context = "in-cluster"
        self.namespace = namespace or own or "default"
        configuration.retries = False
        configuration.connection_pool_maxsize = 64
        self.server = str(configuration.host)
        self._client: ApiClient = client.ApiClient(configuration)
        self.stopping = threading.Event()

    def close(self) -> None:
        """Have waiting requests give up."""
        self.stopping.set()

    def path(self, resource: str, name: str = "", api: str = "/api/v1") -> str:
        """The API's path of the namespace's objects of a kind, or of one of them."""
        return f"{api}/namespaces/{self.namespace}/{resource}{'/' + name if name else ''}"

    def get(self, path: str, **query: Any) -> Object:
        """The object at a path of the API."""
        return self._request("GET", path, None, query)

    def list(self, path: str, labels: str = "", **query: Any) -> Object:
        """A list object; `labels` is a label selector."""
        return self._request("GET", path, None, {**query, "labelSelector": labels} if labels else query)

    def create(self, path: str, body: Object, **query: Any) -> Object:
        """Create an object and return it. When an object of that name exists (as after a retry), that one is returned."""
        try:
            return self._request("POST", path, body, query)
        except ApiError as error:
            if error.reason != "AlreadyExists" or "dryRun" in query:
                raise
            return self.get(f"{path}/{body['metadata']['name']}")

    def patch(self, path: str, body: Object) -> Object:
        """A merge patch."""
        return self._request("PATCH", path, body, {}, content="application/merge-patch+json")

    def delete(self, path: str, labels: str = "", grace_seconds: int | None = None) -> None:
        """Delete an object, or those that `labels` selects, with its dependents. An object that does not exist is no error."""
        body: Object = {"propagationPolicy": "Background"}
        if grace_seconds is not None:
            body["gracePeriodSeconds"] = grace_seconds
        try:
            self._request("DELETE", path, body, {"labelSelector": labels} if labels else {})
        except ApiError as error:
            if error.status != 404:
                raise

    def lines(self, path: str, read_seconds: float = READ_SECONDS, **query: Any) -> Iterator[str]:
        """The lines of a stream (a watch, a followed log) as they come. Not retried: raises ApiError or Unreachable at once."""
        response = self._send("GET", path, None, query, read_seconds, "application/json")
        if response.status >= 400:
            raise _api_error("GET", path, response.status, response.read())
        rest = b""
        try:
            for chunk in response.stream(65536, decode_content=False):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    yield line.decode(errors="replace")
            if rest:
                yield rest.decode(errors="replace")
        except _connection_errors() as error:
            raise self._unreachable(error) from None
        finally:
            response.close()

    def text(self, path: str, **query: Any) -> str:
        """A whole text, such as a log that is not followed."""
        return "\n".join(self.retry(lambda: list(self.lines(path, **query))))

    def retry(self, request: Callable[[], Any]) -> Any:
        """What `request` returns, repeated while the server is unreachable or busy, for RETRY_SECONDS at most."""
        deadline = time.monotonic() + RETRY_SECONDS
        pause = 0.2
        while True:
            try:
                return request()
            except (Unreachable, ApiError) as error:
                permanent = isinstance(error, ApiError) and error.status not in RETRIED_STATUSES
                if permanent or time.monotonic() > deadline or self.stopping.wait(pause):
                    raise
                pause = min(2 * pause, 3.0)

    def get_once(self, path: str) -> Object:
        """The object at a path, without retries: fails at once when the API server does not answer."""
        return self._request_once("GET", path, None, {}, "application/json")

    def _request(
        self, method: str, path: str, body: Object | None, query: Object, content: str = "application/json"
    ) -> Object:
        found: Object = self.retry(lambda: self._request_once(method, path, body, query, content))
        return found

    def _request_once(self, method: str, path: str, body: Object | None, query: Object, content: str) -> Object:
        response = self._send(method, path, body, query, READ_SECONDS, content)
        try:
            data = response.read()
        except _connection_errors() as error:
            raise self._unreachable(error) from None
        if response.status >= 400:
            raise _api_error(method, path, response.status, data)
        found: Object = json.loads(data)
        return found

    def _send(
        self, method: str, path: str, body: Object | None, query: Object, read_seconds: float, content: str
    ) -> Any:
        import urllib3

        client = self._client
        headers: dict[str, str] = {"Content-Type": content, "Accept": "application/json", "User-Agent": "gilfree"}
        for setting in client.configuration.auth_settings().values():  # this may fetch a new token
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        url = self.server + path
        if query:
            from urllib.parse import urlencode

            url += "?" + urlencode(
                {key: str(value).lower() if isinstance(value, bool) else value for key, value in query.items()}
            )
        try:
            return client.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else json.dumps(body),
                headers=headers,
                preload_content=False,
                retries=False,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            )
        except _connection_errors() as error:
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"the API server {self.server} (context {self.context}) does not answer: {error}",
            "see `kubectl cluster-info`; --resume continues an interrupted run",
        )


def _connection_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a connection that cannot be made or that breaks."""
    import urllib3

    return (urllib3.exceptions.HTTPError, OSError)


def _in_cluster(configuration: Any, kubeconfig_error: str) -> str | None:
    from kubernetes import config

    try:
        config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException:
        raise GilfreeError(
            f"no cluster is configured: {kubeconfig_error}",
            "set KUBECONFIG, or make ~/.kube/config (kind, aws eks update-kubeconfig, gcloud … get-credentials)",
        ) from None
    file = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return file.read_text().strip() if file.exists() else None


def _api_error(method: str, path: str, status: int, data: bytes) -> ApiError:
    try:
        status_object = json.loads(data)
        reason, message = str(status_object.get("reason", "")), str(status_object.get("message", ""))
    except ValueError:
        reason, message = "", data[:300].decode(errors="replace")
    remedy = ""
    if status == 401:
        remedy = "log in to the cluster again"
    elif status == 403 and "exceeded quota" in message:
        remedy = "raise the namespace's ResourceQuota, or ask for less (`cluster: {server: …}`)"
    elif status == 403:
        remedy = "kubectl apply -f manifests/rbac.yaml grants the rights that are needed"
    return ApiError(status, reason, f"the cluster refused {method} {path}: {message or status}", remedy)
