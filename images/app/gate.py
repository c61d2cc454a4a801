"""Run in the build of an app image, as root: imports all packages and the app, and compiles the packages.

    gate.py TARGET[,TARGET…]      from the app's folder; TARGET is module:attribute

Fails when the app cannot be imported, or when an import switches the GIL on in a free-threaded build. A package that cannot
be imported by itself is only reported, since some need an extra that this app does not use.
"""

import compileall
import importlib
import importlib.metadata
import sys
import sysconfig
from pathlib import Path

FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def gil_on() -> bool:
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def check(after: str) -> None:
    if FREE_THREADED and gil_on():
        sys.exit(
            f"gate.py: importing {after} switches the GIL on: the service would not be free-threaded;"
            " `gilfree doctor` names packages that are ready"
        )


compiled = 0
for distribution in importlib.metadata.distributions():
    if distribution.metadata["Name"] == "pip":
        continue
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if path.suffix == ".py" and path.exists():
            compiled += bool(compileall.compile_file(path, quiet=2))

names = {name: owners for name, owners in importlib.metadata.packages_distributions().items() if owners != ["pip"]}
imported = 0
for name in sorted(names):
    if not name.isidentifier() or name.startswith("_"):
        continue
    try:
        importlib.import_module(name)
        imported += 1
    except Exception as error:  # noqa: BLE001  (a package may raise anything)
        print(f"gate.py: {name} of {', '.join(names[name])} cannot be imported by itself: {error!r}")
    check(name)

sys.path.insert(0, str(Path.cwd()))
for target in sys.argv[1].split(","):
    module, _, attribute = target.partition(":")
    try:
        found = importlib.import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        sys.exit(f"gate.py: the app {target} cannot be imported: {error!r}")
    check(target)
importlib.import_module("granian.cli")  # what `python -m granian` begins with
print(
    f"gate.py: {imported} packages and {sys.argv[1]} imported, {compiled} files compiled, GIL {'on' if gil_on() else 'off'}"
)
