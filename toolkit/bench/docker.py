"""A place on the Docker engine: which images are served, what they are (asked in a container of each), and a backend.

Images are used by the engine's own id of them, so that a tag which moves during a run changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.backends.docker.backend import DockerBackend
from toolkit.bench.baselines import Held
from toolkit.bench.request import BackendOptions, BenchRequest, PreparedBackend, check_loops
from toolkit.console import Say
from toolkit.engine import containers
from toolkit.engine.client import connect, engine_errors, engine_facts
from toolkit.errors import GilfreeError
from toolkit.host.facts import machine_facts
from toolkit.images.pair import Answer, answered, paired, question
from toolkit.images.registry.resolve import resolve
from toolkit.pythons.lock import load_lock
from toolkit.pythons.pair import Pair
from toolkit.scenario.model import Scenario
from toolkit.trial.baseline import Reference, reference_arms
from toolkit.trial.contract import LABEL, USER, ImageRef, Images
from toolkit.trial.model import Arm

if TYPE_CHECKING:
    from docker import DockerClient

ASK_SECONDS = 60


def prepare(request: BenchRequest, scenarios: Sequence[Scenario], say: Say) -> PreparedBackend:
    """Find the images, build what of them is missing, ask what is in them, and the engine which CPUs it has."""
    client = connect()
    images = wanted_images(client, request, say)
    load = engine_id(client, images.load, say)
    served = _served(client, images.gil, images.free_threaded, say)
    backend = DockerBackend(client, load)
    cpus = tuple(backend.split_cpus(scenario) for scenario in scenarios)
    check_loops(scenarios, served.pair.series, served.packages, request.against)
    about = {
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
        "machine": machine_facts(),
    }
    held = _held(client, request, served, say)
    return PreparedBackend(backend, served.arms, held, about, cpus)


def reopen(about: Mapping[str, Any], arms: Sequence[Arm], options: BackendOptions, port: int | None) -> DockerBackend:
    """The backend of a run that was started before. Raises GilfreeError naming an image that is gone since."""
    client = connect()
    load = str(about["images"]["load"]["engine_id"])
    for needed in (*(arm.runtime for arm in arms), load):
        if not _present(client, needed):
            raise GilfreeError(f"image {needed}, which run {about['run']} was started with, is gone", "start a new run")
    return DockerBackend(client, load)


def wanted_images(client: DockerClient, request: BenchRequest, say: Say) -> Images:
    """The images that a run is to use: those that the user names, else the current ones of the pair.

    What is missing of the shipped ones is built, as a local run builds its interpreters; a user's own app is not, since
    only its user knows what it is built of.
    """
    from toolkit.images.registry.resolve import present
    from toolkit.images.spec.project import project_name

    project = project_name(request.project) if request.project is not None and request.explicit is None else None
    registry = request.options.registry
    try:
        found = resolve(request.python, request.profile, registry=registry, project=project)
        complete = all(one.digest or present(client, one) for one in (found.gil, found.free_threaded, found.load))
        lacking = "" if complete else "the engine does not have them any more"
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
    from toolkit.images.progress import Watching
    from toolkit.images.registry.base import find_base
    from toolkit.images.registry.resolve import wanted_images as images_of
    from toolkit.images.spec.network import Network

    wanted = images_of(request.python, request.profile, find_base(client, None, load_lock(), pull=True))
    again = f"gilfree images build --python {request.python} --profile {request.profile}"
    build_images(client, wanted, Network(), Watching(quiet=request.quiet), again)


@dataclass(frozen=True)
class Served:
    """Two images that were found to be a pair: the engine's ids of them, their interpreters and packages."""

    ids: tuple[str, str]
    pair: Pair
    packages: dict[str, str]

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """The GIL's and the free-threaded arm."""
        gil, free_threaded = self.ids
        return (
            Arm(self.pair.gil.variant, "gil", gil),
            Arm(self.pair.free_threaded.variant, "free-threaded", free_threaded),
        )


def _served(client: DockerClient, gil: ImageRef, free_threaded: ImageRef, say: Say) -> Served:
    """Both images asked and held against each other, as two interpreters of this machine would be."""
    say(f"images: {gil.name} and {free_threaded.name}")
    ids = (engine_id(client, gil, say), engine_id(client, free_threaded, say))
    answers = [ask_image(client, image) for image in ids]
    labels = [_labels(client, image) for image in ids]
    profiles = {label.get(f"{LABEL}profile", "unknown") for label in labels}
    if len(profiles) > 1:
        raise GilfreeError(
            f"{gil.name} and {free_threaded.name} are of different profiles: {' and '.join(sorted(profiles))}",
            "fast and release are not to be compared: build both with one --profile",
        )
    built = all(f"{LABEL}id" in label for label in labels)
    pair = paired(answers, (gil.name, free_threaded.name), profiles.pop(), built=built)
    return Served(ids, pair, answers[0][1])


def engine_id(client: DockerClient, image: ImageRef, say: Say) -> str:
    """The engine's own id of an image that must be there, or is pulled by its digest when it was pushed."""
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
            f"{image.name} is another image than the one that gilfree built under this name",
            "gilfree images build",
        )
    return str(found.id)


def ask_image(client: DockerClient, image: str) -> Answer:
    """What an image's interpreter says of itself, and its packages, asked in one container of it."""
    ended, said, errors = containers.run(
        client,
        image,
        question(),
        purpose="probe",
        timeout_seconds=ASK_SECONDS,
        network_mode="none",
        read_only=True,
        user=str(USER),
    )
    words = (errors.strip() or ended.error or said)[-300:]
    return answered(said if ended.code == 0 else "", image, f"exit code {ended.code}: {words}")


def _held(client: DockerClient, request: BenchRequest, main: Served, say: Say) -> Held:
    """The arms of `--against`: settings, two other images, or the images of another version."""
    reference = request.against
    if reference is None:
        return Held()
    about: dict[str, Any] = {"text": reference.text, "kind": reference.kind, "settings": reference.settings}
    if reference.kind == "settings":
        return Held(tuple(reference_arms(main.arms, reference, main.ids)), about)
    other = _served(client, *_other_images(reference, request), say)
    if other.ids == main.ids:
        raise GilfreeError(
            f"--against {reference.text}: that is what is measured already", "take --aa for the same twice"
        )
    label = other.pair.gil.version if other.pair.gil.version != main.pair.gil.version else reference.label
    about |= {"pair": other.pair.describe(), "packages": other.packages}
    caveats: tuple[str, ...] = ()
    if other.pair.profile != main.pair.profile:
        raise GilfreeError(
            f"--against {reference.text}: its images are of profile {other.pair.profile}, the others of {main.pair.profile}",
            "fast and release are not to be compared: build both with one --profile",
        )
    return Held(tuple(reference_arms(main.arms, reference, other.ids, label)), about, caveats)


def _other_images(reference: Reference, request: BenchRequest) -> tuple[ImageRef, ImageRef]:
    if reference.kind == "images":
        gil, free_threaded = (ImageRef("app", "", "", name) for name in reference.images)
        return gil, free_threaded
    if reference.kind == "version":
        found = resolve(reference.text, request.profile, registry=request.options.registry)
        return found.gil, found.free_threaded
    raise GilfreeError(
        f"--against {reference.text}: on images it is a setting, a version, or two images (GIL,FREE)",
        "build images with the old requirements and name them, or take BACKEND=local",
    )


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
