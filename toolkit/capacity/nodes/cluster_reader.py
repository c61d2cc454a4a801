"""Reads nodes, pods, Deployments and what bounds them in a live cluster. Nothing is written.

Objects are returned as the JSON of the API, so the same code reads a saved `kubectl get … -o json` and a live cluster.
Lists are read in pages, because those of a large cluster do not fit in one response.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from typing import Any

from toolkit.errors import GilfreeError

PAGE = 500
TIMEOUT_SECONDS = 30


class ClusterReader:
    """A connection to the cluster of a kubectl context; None: of the current one.

    Raises GilfreeError when the Kubernetes client is not installed, no cluster is configured, or a request fails.
    """

    def __init__(self, context: str | None = None) -> None:
        try:
            self._client, config = (importlib.import_module(f"kubernetes.{part}") for part in ("client", "config"))
            self._http = importlib.import_module("urllib3.exceptions")
        except ImportError:
            raise GilfreeError(
                "reading a cluster needs the Python package kubernetes", 'pip install "gilfree[kubernetes]"'
            ) from None
        try:
            # Read here, since the library reads the variable only once, when it is imported.
            file = os.environ.get("KUBECONFIG") or None
            self._api = config.new_client_from_config(file, context)
        except config.ConfigException as error:
            named = f"kubectl context {context!r} cannot be used" if context else "no cluster is configured"
            remedy = "see `kubectl config get-contexts`" if context else "set KUBECONFIG, or give a file instead"
            raise GilfreeError(f"{named}: {error}", remedy) from None
        self._api.configuration.retries = False

    def nodes(self) -> Iterator[dict[str, Any]]:
        """All nodes."""
        return self._listed("nodes", self._client.CoreV1Api(self._api).list_node)

    def pods(self) -> Iterator[dict[str, Any]]:
        """All pods that are on a node and have not ended."""
        selector = "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"
        list_page = self._client.CoreV1Api(self._api).list_pod_for_all_namespaces
        return self._listed("pods", list_page, field_selector=selector)

    def namespaces(self) -> Iterator[dict[str, Any]]:
        """All namespaces."""
        return self._listed("namespaces", self._client.CoreV1Api(self._api).list_namespace)

    def deployments(self) -> Iterator[dict[str, Any]]:
        """All Deployments."""
        return self._listed("deployments.apps", self._client.AppsV1Api(self._api).list_deployment_for_all_namespaces)

    def autoscalers(self) -> Iterator[dict[str, Any]]:
        """All HorizontalPodAutoscalers."""
        api = self._client.AutoscalingV2Api(self._api)
        return self._listed(
            "horizontalpodautoscalers.autoscaling", api.list_horizontal_pod_autoscaler_for_all_namespaces
        )

    def disruption_budgets(self) -> Iterator[dict[str, Any]]:
        """All PodDisruptionBudgets."""
        api = self._client.PolicyV1Api(self._api)
        return self._listed("poddisruptionbudgets.policy", api.list_pod_disruption_budget_for_all_namespaces)

    def rollouts(self) -> Iterator[dict[str, Any]]:
        """All Rollouts of Argo; none where the cluster does not know them."""
        api, token = self._client.CustomObjectsApi(self._api), ""
        while True:
            position = {"_continue": token} if token else {}
            try:
                page = api.list_cluster_custom_object(
                    "argoproj.io", "v1alpha1", "rollouts", limit=PAGE, _request_timeout=TIMEOUT_SECONDS, **position
                )
            except self._client.ApiException as error:
                if error.status == 404:
                    return
                raise self._api_error("rollouts.argoproj.io", error) from None
            except self._http.HTTPError as error:
                raise self._no_answer(error) from None
            yield from page.get("items") or []
            token = (page.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def _listed(self, what: str, list_page: Any, **arguments: Any) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            position = {"_continue": token} if token else {}
            try:
                page = list_page(limit=PAGE, _request_timeout=TIMEOUT_SECONDS, **position, **arguments)
            except self._client.ApiException as error:
                raise self._api_error(what, error) from None
            except self._http.HTTPError as error:
                raise self._no_answer(error) from None
            for one in page.items:
                found: dict[str, Any] = self._api.sanitize_for_serialization(one)
                yield found
            token = page.metadata._continue
            if not token:
                return

    def _no_answer(self, error: Exception) -> GilfreeError:
        return GilfreeError(
            f"the cluster does not answer: {str(error).splitlines()[0][:200]}", "see `kubectl cluster-info`"
        )

    def _api_error(self, what: str, error: Any) -> GilfreeError:
        if error.status == 403:
            return GilfreeError(
                f"listing {what} is not allowed", f"get the permission (verb list) on {what}, in all namespaces"
            )
        if error.status == 401:
            return GilfreeError("the cluster does not accept the credentials", "log in again, or fix KUBECONFIG")
        return GilfreeError(f"listing {what}: {error.status} {error.reason}", "try again, or give a file instead")
