"""Prepares the docker backend: chooses the images and runs each once to learn what Python and packages it holds.

Arms name images by the engine's own id, so that a tag which moves during a run changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.backends.docker.backend import DockerBackend
from toolkit.backends.docker.trial_containers import TMPFS
from toolkit.bench.baselines import BaselineArms, already_measured, baseline_arms, baseline_images, settings_baseline
from toolkit.bench.request import BackendOptions, BenchRequest, PreparedBackend, check_loops
from toolkit.console import Say
from toolkit.engine import containers
from toolkit.engine.client import connect, engine_errors, engine_facts
from toolkit.errors import GilfreeError
from toolkit.host.facts import machine_facts
from toolkit.images.image_app import ProbedApp, app_probe_command, check_image_apps, probed_apps
from toolkit.images.image_python import ImagePython, image_pair, image_python_command, parse_image_python
from toolkit.images.registry.resolve import resolve
from toolkit.loadgen.binaries import pinned_versions
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair
from toolkit.scenario.model import Scenario
from toolkit.trial.contract import LABEL, USER, ImageRef, Images
from toolkit.trial.model import Arm

if TYPE_CHECKING:
    from docker import DockerClient

PROBE_SECONDS = 60


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """Choose the images, build those of ours that are missing, learn what each holds and which CPUs the engine has."""
    client = connect()
    images = choose_images(client, request, say)
    load = ensure_image(client, images.load, say)
    served = _served_pair(client, images.gil, images.free_threaded, say)
    if request.own_images:
        check_apps(client, (images.gil, images.free_threaded), served.ids, probed_apps(scenarios))
    backend = DockerBackend(client, load)
    cpus = tuple(backend.split_cpus(scenario) for scenario in scenarios)
    check_loops(scenarios, served.pair.series, served.packages, request.against)
    description = {
        "pair": served.pair.describe(),
        "locked": load_lock().resolve(request.python).model_dump(),
        "packages": served.packages,
        "images": {
            "gil": {"name": images.gil.name, "engine_id": served.ids[0], "digest": images.gil.digest},
            "free_threaded": {
                "name": images.free_threaded.name,
                "engine_id": served.ids[1],
                "digest": images.free_threaded.digest,
            },
            "load": {"name": images.load.name, "engine_id": load, "digest": images.load.digest},
        },
        "engine": engine_facts(client),
        "generators": pinned_versions(),
        "machine": machine_facts(),
    }
    baseline = _baseline(client, request, served, say)
    return PreparedBackend(backend, served.arms, baseline, description, cpus)


def identity(description: Mapping[str, Any], arms: Sequence[Arm], backend: DockerBackend) -> dict[str, Any]:
    """The engine's machine. Arms name their images by the engine's id, which is a hash of all that they hold."""
    facts = engine_facts(connect())
    return {"engine": {name: facts[name] for name in ("name", "kernel", "cpus", "memory_bytes", "cgroup_version")}}


def cpu_sets(scenario: Scenario, backend: DockerBackend) -> dict[str, tuple[int, ...]]:
    """The CPUs that a container of this engine sees now, divided between server and load."""
    split = backend.split_cpus(scenario)
    return {"server": split.server, "load": split.load}


def reopen(
    description: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None
) -> DockerBackend:
    """The backend of a run that was started earlier. Raises GilfreeError naming an image that no longer exists."""
    client = connect()
    load = str(description["images"]["load"]["engine_id"])
    for needed in (*(arm.runtime for arm in arms), load):
        if not _present(client, needed):
            raise GilfreeError(
                f"image {needed}, which run {description['run']} was started with, no longer exists", "start a new run"
            )
    return DockerBackend(client, load)


def choose_images(client: DockerClient, request: BenchRequest, say: Say) -> Images:
    """The images of a run: the current ones of the pair, or the app images that the user names.

    Shipped images that are missing are built, as a local run builds its interpreters. Images of a user's own app are not:
    only the user knows what goes into them. Raises GilfreeError with the command that builds them.
    """
    from toolkit.images.registry.resolve import engine_has
    from toolkit.images.spec.project import project_name

    project = project_name(request.project) if request.project is not None and request.explicit is None else None
    registry = request.options.registry
    try:
        found = resolve(request.python, request.profile, registry=registry, project=project)
        complete = all(one.digest or engine_has(client, one) for one in (found.gil, found.free_threaded, found.load))
        lacking = "" if complete else "the engine no longer has them"
    except GilfreeError as error:
        if project is not None:
            raise
        lacking = error.message
    if lacking:
        say(f"images: {lacking}; building")
        _build(client, request)
        found = resolve(request.python, request.profile, registry=registry, project=project)
    if request.explicit is None:
        return found
    gil, free_threaded = (ImageRef("app", "", "", name) for name in request.explicit)
    return Images(gil, free_threaded, found.load)


def _build(client: DockerClient, request: BenchRequest) -> None:
    from toolkit.images.builder.build import build_images
    from toolkit.images.progress import BuildProgress
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.resolve import image_specs
    from toolkit.images.spec.network import Network

    wanted = image_specs(request.python, request.profile, find_base(client, None, load_lock(), pull=True))
    again = f"gilfree images build --python {request.python} --profile {request.profile}"
    build_images(client, wanted, Network(), BuildProgress(quiet=request.quiet), again)


@dataclass(frozen=True)
class ServedPair:
    """Two images that were checked to be a pair, GIL first: the engine's ids, the interpreters and the packages."""

    ids: tuple[str, str]
    pair: Pair
    packages: dict[str, str]

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """An arm for each image, GIL first."""
        gil, free_threaded = self.ids
        return (
            Arm(self.pair.gil.variant, "gil", gil),
            Arm(self.pair.free_threaded.variant, "free-threaded", free_threaded),
        )


def _served_pair(client: DockerClient, gil: ImageRef, free_threaded: ImageRef, say: Say) -> ServedPair:
    """Run both images once and check that they are a pair, as two interpreters of this machine are checked."""
    say(f"images: {gil.name} and {free_threaded.name}")
    ids = (ensure_image(client, gil, say), ensure_image(client, free_threaded, say))
    answers = [probe_image(client, image) for image in ids]
    labels = [_labels(client, image) for image in ids]
    profiles = {label.get(f"{LABEL}profile", "unknown") for label in labels}
    if len(profiles) > 1:
        raise GilfreeError(
            f"{gil.name} and {free_threaded.name} have different profiles: {' and '.join(sorted(profiles))}",
            "fast and release are not to be compared: build both with one --profile",
        )
    built = all(f"{LABEL}id" in label for label in labels)
    pair = image_pair(answers, (gil.name, free_threaded.name), profiles.pop(), built=built)
    return ServedPair(ids, pair, answers[0][1])


def ensure_image(client: DockerClient, image: ImageRef, say: Say) -> str:
    """The engine's own id of an image; one that the engine lacks is pulled by its digest.

    Raises GilfreeError when it cannot be pulled, or when its name now refers to another image than the one that we built.
    """
    import docker

    with engine_errors(f"looking for {image.name}"):
        try:
            found = client.images.get(image.name)
        except docker.errors.ImageNotFound:
            if image.digest is None:
                raise GilfreeError(f"the engine has no image {image.name}", "gilfree images build") from None
            say(f"images: pulling {image.digest}")
            found = client.images.pull(image.digest)
    if image.id and found.labels.get(f"{LABEL}id") != image.id:
        raise GilfreeError(
            f"{image.name} is not the image that gilfree built under this name",
            "gilfree images build",
        )
    return str(found.id)


def probe_image(client: DockerClient, image: str) -> ImagePython:
    """The interpreter and the packages of an image, as a container of it reports them."""
    ended, output, errors = containers.run(
        client,
        image,
        image_python_command(),
        purpose="probe",
        timeout_seconds=PROBE_SECONDS,
        network_mode="none",
        read_only=True,
        user=str(USER),
    )
    reason = (errors.strip() or ended.error or output)[-300:]
    return parse_image_python(output if ended.code == 0 else "", image, f"exit code {ended.code}: {reason}")


def check_apps(client: DockerClient, images: Sequence[ImageRef], ids: Sequence[str], apps: Sequence[ProbedApp]) -> None:
    """Import the apps in a container of each image. Raises GilfreeError for the first that cannot be served."""
    for image, engine_id in zip(images, ids, strict=True):
        _, output, _ = containers.run(
            client,
            engine_id,
            app_probe_command(apps),
            purpose="probe",
            timeout_seconds=PROBE_SECONDS * (1 + len(apps)),
            network_mode="none",
            read_only=True,
            tmpfs=TMPFS,
            user=str(USER),
        )
        check_image_apps(output, apps, image.name)


def _baseline(client: DockerClient, request: BenchRequest, main: ServedPair, say: Say) -> BaselineArms:
    """The arms of `--against`: the same images with other settings, two other images, or those of another version."""
    baseline = request.against
    if baseline is None:
        return BaselineArms()
    if baseline.kind == "settings":
        return settings_baseline(baseline, main.arms)
    other = _served_pair(client, *baseline_images(baseline, request.profile, request.options.registry), say)
    if other.ids == main.ids:
        raise already_measured(baseline)
    if other.pair.profile != main.pair.profile:
        raise GilfreeError(
            f"--against {baseline.text}: its images have profile {other.pair.profile}, the others {main.pair.profile}",
            "fast and release are not to be compared: build both with one --profile",
        )
    label = other.pair.gil.version if other.pair.gil.version != main.pair.gil.version else ""
    facts = {"pair": other.pair.describe(), "packages": other.packages}
    return baseline_arms(baseline, main.arms, other.ids, label, facts)


def _labels(client: DockerClient, image: str) -> Mapping[str, str]:
    with engine_errors(f"looking at {image}"):
        return dict(client.images.get(image).labels)


def _present(client: DockerClient, image: str) -> bool:
    import docker

    with engine_errors(f"looking for {image}"):
        try:
            client.images.get(image)
        except docker.errors.ImageNotFound:
            return False
    return True
