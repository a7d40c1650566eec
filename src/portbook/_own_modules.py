"""Portbook's own modules, found where they are: its process loads a hundred of them.

Python's own finders look for a module in the folders of its package, and work out the name of its
compiled file anew: a tenth of what a lookup takes. What was compiled for this very source is read
here (PEP 552); any other case is Python's own, which compiles and keeps it.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib._bootstrap_external import SourceFileLoader
    from importlib.machinery import ModuleSpec
    from types import CodeType
else:  # what ``importlib`` gives out, which would have to be loaded
    SourceFileLoader = sys.modules["_frozen_importlib_external"].SourceFileLoader
    ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec

_MAGIC = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER
_PACKAGE = "portbook."
_HOME = os.path.dirname(os.path.abspath(__file__))
_SEP = os.sep
_CACHE = f"{_SEP}__pycache__{_SEP}"
_ENDING = f".{sys.implementation.cache_tag}.pyc"
_HEAD = _MAGIC + bytes(4)  # no flags: it is valid by its source's time and size
# Windows has no O_CLOEXEC, and reads text unless it is told not to.
_READING = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class OwnLoader(SourceFileLoader):
    """Loads a module from *compiled* where that was made of its source as it is."""

    def __init__(self, name: str, path: str, compiled: str, size: int) -> None:
        self.name, self.path = name, path
        self.compiled, self._size = compiled, size

    def get_code(self, fullname: str) -> "CodeType | None":
        """The module's code.

        :raises ImportError: as Python's own loader does.
        """
        try:
            file = os.open(self.compiled, _READING)
            try:
                data = os.read(file, self._size + 1)  # a byte more would be another file
            finally:
                os.close(file)
            source = os.stat(self.path)
        except OSError:
            return super().get_code(fullname)
        stamp = b"".join(
            [
                (number & 0xFFFFFFFF).to_bytes(4, "little")
                for number in (int(source.st_mtime), source.st_size)
            ]
        )
        if len(data) != self._size or data[:16] != _HEAD + stamp:
            return super().get_code(fullname)
        code: CodeType = marshal.loads(memoryview(data)[16:])  # noqa: S302 - as Python does
        return code


class OwnModules:
    """A finder for :data:`sys.meta_path`."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Where *name* is; None for what isn't portbook's, or wasn't compiled."""
        if not name.startswith(_PACKAGE):
            return None
        place = f"{_HOME}{_SEP}{name[len(_PACKAGE) :].replace('.', _SEP)}"
        folder, _, last = place.rpartition(_SEP)
        source, compiled = f"{place}.py", f"{folder}{_CACHE}{last}{_ENDING}"
        package = False
        try:
            size = os.stat(compiled).st_size
        except OSError:
            package = True
            source, compiled = f"{place}{_SEP}__init__.py", f"{place}{_CACHE}__init__{_ENDING}"
            try:
                size = os.stat(compiled).st_size
            except OSError:
                return None
        loader = OwnLoader(name, source, compiled, size)
        spec = ModuleSpec(name, loader, origin=source, is_package=package)
        spec.cached, spec.has_location = compiled, True
        if package:
            spec.submodule_search_locations = [place]
        return spec


def find_own_modules() -> None:
    """Has portbook's modules found here from now on, unless Python was told to keep them apart."""
    if not sys.flags.optimize and sys.pycache_prefix is None:
        sys.meta_path.insert(0, OwnModules)
