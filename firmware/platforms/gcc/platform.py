"""PlatformIO development platform for all that the GCC on PATH compiles, without the registry.

PlatformIO fetches its build engine as the package `tool-scons` from its registry. The same SCons is
on PyPI and in this project's lock file, so where that package is absent this platform writes one
that runs the SCons of the running Python. Where the package is installed already, it stays in use.
"""

import importlib.util
import json
from pathlib import Path

from platformio.dependencies import get_core_dependencies
from platformio.package.manager.core import get_core_package_dir
from platformio.public import PlatformBase

LAUNCHER = """\
import sys

sys.path.insert(0, {site_packages!r})
from SCons.Script.Main import main

main()
"""


class GccPlatform(PlatformBase):
    """See the module."""

    def configure_default_packages(self, options, targets):
        """Called by PlatformIO before it looks for packages."""
        self._offer_scons()
        return super().configure_default_packages(options, targets)

    def is_embedded(self):
        """Tell PlatformIO that programs do not simply run here; each board decides (`exec`)."""
        return True

    def _offer_scons(self):
        name = "tool-scons"
        found = importlib.util.find_spec("SCons")
        if found is None or get_core_package_dir(name, auto_install=False):
            return
        # PlatformIO accepts the version that it asks for; the launcher runs the SCons that is here.
        version = get_core_dependencies()[name].lstrip("~^=")
        site_packages = str(Path(found.origin).parent.parent)
        folder = Path(self.pm.package_dir) / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scons.py").write_text(LAUNCHER.format(site_packages=site_packages))
        about = {"name": name, "version": version, "description": "Runs the SCons of PyPI"}
        (folder / "package.json").write_text(json.dumps(about))
        spec = {"owner": "platformio", "id": None, "name": name, "requirements": None, "uri": None}
        record = {"type": "tool", "name": name, "version": version, "spec": spec}
        (folder / ".piopm").write_text(json.dumps(record))
        self.pm.memcache_reset()
