"""What tests on a real cluster share: a restricted namespace, pushed images, a proxy that can be cut, what is left behind."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.conftest import APPS
from toolkit import paths
from toolkit.backends.kubernetes.client import Cluster
from toolkit.backends.kubernetes.labels import MANAGED, label_selector
from toolkit.backends.kubernetes.nodes import SuitableNode, list_nodes, suitable_nodes
from toolkit.scenario.cluster import ClusterSettings

if TYPE_CHECKING:
    from docker import DockerClient

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
OURS = label_selector(MANAGED)


def until(what: str, seconds: float, condition: Callable[[], object]) -> None:
    """Wait for a condition, with its name in the failure."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)  # between one question to the cluster and the next


@contextlib.contextmanager
def a_namespace(name: str) -> Iterator[Cluster]:
    """A namespace of its own that enforces the restricted Pod Security Standard, and a connection to it."""
    cluster = Cluster(None, name)
    labels = {**RESTRICTED, "gilfree.io/test": "true"}
    cluster.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    try:
        until(f"service account in {name}", 20, lambda: cluster.list(cluster.path("serviceaccounts"))["items"])
        yield cluster
    finally:
        cluster.delete(f"/api/v1/namespaces/{name}")


def left(cluster: Cluster) -> list[str]:
    """What of gilfree's is in the namespace."""
    found = []
    for group, resource in (("/apis/batch/v1", "jobs"), ("/api/v1", "pods"), ("/api/v1", "configmaps")):
        listed = cluster.list(cluster.path(resource, api=group), OURS)["items"]
        found += [f"{resource}/{one['metadata']['name']}" for one in listed]
    return found


def real_nodes(cluster: Cluster) -> list[SuitableNode]:
    """Nodes with a kubelet behind them: other tests make some that exist as objects alone."""
    real = [one for one in list_nodes(cluster) if (one["status"].get("nodeInfo") or {}).get("kubeletVersion")]
    found, reasons = suitable_nodes(real, ClusterSettings(), None)
    assert found, f"no node takes pods: {reasons}"
    return found


def registry() -> str:
    """The registry that the environment names, which the cluster can pull from."""
    found = os.environ.get("REGISTRY")
    if not found:
        pytest.skip("no registry; to enable: REGISTRY=HOST:PORT of one that engine and cluster reach")
    return found


def with_faulty_app(engine: DockerClient, image: str) -> str:
    """An app image with tests/apps/faulty.py alongside the sample apps; the engine's id of it."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        archive.add(APPS / "faulty.py", "faulty.py")
        lines = f"FROM {image}\nCOPY faulty.py /app/\n".encode()
        dockerfile = tarfile.TarInfo("Dockerfile")
        dockerfile.size = len(lines)
        archive.addfile(dockerfile, io.BytesIO(lines))
    context.seek(0)
    made, _ = engine.images.build(fileobj=context, custom_context=True, rm=True)
    return str(made.id)


def settings_file(folder: Path, cluster: Cluster) -> Path:
    """Settings that keep trials to the first real node."""
    file = folder / "cluster.yaml"
    selector = {"kubernetes.io/hostname": real_nodes(cluster)[0].name}
    file.write_text(yaml.safe_dump({"cluster": {"nodeSelector": selector}}))
    return file


class Proxy:
    """A TCP proxy in front of the API server: `cut` ends all connections and accepts none until `restore`."""

    def __init__(self, host: str, port: int) -> None:
        self._target, self._open = (host, port), True
        self._pairs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.taken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._open = False
            for one in self._pairs:
                _end(one)
            self._pairs.clear()

    def restore(self) -> None:
        with self._lock:
            self._open = True

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._open:
                    _end(one)
                    continue
                self.taken += 1
                other = socket.create_connection(self._target)
                self._pairs |= {one, other}
            for ends in ((one, other), (other, one)):
                threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    _end(source)
    _end(target)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def changed_kubeconfig(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The current kubeconfig with a change to it, as a file of its own."""
    from kubernetes.config.kube_config import KUBE_CONFIG_DEFAULT_LOCATION

    text = Path(KUBE_CONFIG_DEFAULT_LOCATION.split(os.pathsep)[0]).expanduser().read_text()
    config = yaml.safe_load(text)
    change(config)
    file = Path(tempfile.mkstemp(dir=folder, suffix=".kubeconfig")[1])
    file.write_text(yaml.safe_dump(config))
    return file


def through(proxy_of: Callable[[str, int], Proxy], config: dict[str, Any]) -> Proxy:
    """Change a kubeconfig so that its API servers are reached through a proxy, which is returned."""
    cluster = config["clusters"][0]["cluster"]
    url = urlsplit(cluster["server"])
    assert url.hostname
    proxy = proxy_of(url.hostname, url.port or 443)
    cluster["server"] = f"https://127.0.0.1:{proxy.port}"
    cluster["tls-server-name"] = url.hostname
    return proxy


@contextlib.contextmanager
def rights(cluster: Cluster, user: str) -> Iterator[None]:
    """What manifests/rbac.yaml grants, for this namespace and user."""
    made = []
    try:
        for one in yaml.safe_load_all((paths.shipped("manifests") / "rbac.yaml").read_text()):
            if one["kind"] != "Namespace":
                made.append(_granted(cluster, one, user))
        yield
    finally:
        for where in made:
            cluster.delete(where)


def _granted(cluster: Cluster, one: dict[str, Any], user: str) -> str:
    """Create an object of the RBAC manifest for this namespace and user; where it is."""
    name, kinds = f"{one['metadata']['name']}-{cluster.namespace}", one["kind"].lower() + "s"
    one["metadata"]["name"] = name
    path = f"/apis/rbac.authorization.k8s.io/v1/{kinds}"
    if "namespace" in one["metadata"]:
        one["metadata"]["namespace"] = cluster.namespace
        path = cluster.path(kinds, api="/apis/rbac.authorization.k8s.io/v1")
    for subject in one.get("subjects", []):
        subject["name"] = user
    if "roleRef" in one:
        one["roleRef"]["name"] += f"-{cluster.namespace}"
    cluster.create(path, one)
    return f"{path}/{name}"
