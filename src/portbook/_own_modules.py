"""Portbook's own modules, found where they are: its process loads a hundred of them.

Python's own finders look for a module in the folders of its package, and work out the name of its
compiled file anew: a tenth of what a lookup takes. What was compiled for this very source is read
here (PEP 552); any other case is Python's own, which compiles and keeps it.

Another tenth is what an import statement does about a module that isn't loaded yet: locks, and a
search among all finders. So the modules that a module imports at its top are loaded here before it
runs, in their order, and its statements find them. Where there may be threads, which these locks
are for, nothing is loaded before it is asked for.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib._bootstrap_external import SourceFileLoader
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
else:  # what ``importlib`` gives out, which would have to be loaded
    SourceFileLoader = sys.modules["_frozen_importlib_external"].SourceFileLoader
    ModuleSpec = sys.modules["_frozen_importlib"].ModuleSpec
    ModuleType = type(sys)

_MAGIC = sys.modules["_frozen_importlib_external"].MAGIC_NUMBER
_PACKAGE = "portbook."
_HOME = os.path.dirname(os.path.abspath(__file__))
_SEP = os.sep
_CACHE = f"{_SEP}__pycache__{_SEP}"
_ENDING = f".{sys.implementation.cache_tag}.pyc"
_HEAD = _MAGIC + bytes(4)  # no flags: it is valid by its source's time and size
_MOST = 1 << 16  # bytes of a compiled file; a longer one is read by Python's own loader
# Windows has no O_CLOEXEC, and reads text unless it is told not to.
_READING = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class OwnLoader(SourceFileLoader):
    """Loads a module from what was *compiled* of its source as it is."""

    def __init__(self, name: str, path: str, compiled: bytes) -> None:
        self.name, self.path, self._compiled = name, path, compiled

    def get_code(self, fullname: str) -> "CodeType | None":
        """The module's code.

        :raises ImportError: as Python's own loader does.
        """
        compiled, self._compiled = self._compiled, b""
        if not compiled:
            return super().get_code(fullname)
        code: CodeType = marshal.loads(memoryview(compiled)[16:])  # noqa: S302 - as Python does
        return code

    def exec_module(self, module: ModuleType) -> None:
        """Runs the module, after those that it imports.

        :raises ImportError: as Python's own loader does.
        """
        code = self.get_code(self.name)
        assert code is not None  # there is a source
        _run(code, module)


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
        data, package = _read(source, compiled), False
        if data is None:
            package = True
            source, compiled = f"{place}{_SEP}__init__.py", f"{place}{_CACHE}__init__{_ENDING}"
            data = _read(source, compiled)
            if data is None:
                return None
        spec = ModuleSpec(name, OwnLoader(name, source, data), origin=source, is_package=package)
        spec.cached, spec.has_location = compiled, True
        if package:
            spec.submodule_search_locations = [place]
        return spec


def _read(source: str, compiled: str) -> bytes | None:
    """The bytes of *compiled*, none unless they are of *source* as it is; None without one."""
    try:
        file = os.open(compiled, _READING)
        try:
            data = os.read(file, _MOST)
        finally:
            os.close(file)
        status = os.stat(source)
    except OSError:
        return None
    stamp = b"".join(
        [
            (number & 0xFFFFFFFF).to_bytes(4, "little")
            for number in (int(status.st_mtime), status.st_size)
        ]
    )
    return data if data[:16] == _HEAD + stamp and len(data) < _MOST else b""


def _run(code: "CodeType", module: ModuleType) -> None:
    """Runs *code* as that of *module*, after portbook's modules that it imports at its top.

    They are among its names, in their order. Those behind TYPE_CHECKING are for type checkers.
    """
    loaded = sys.modules
    if "threading" not in loaded:
        for name in code.co_names:
            if name == "TYPE_CHECKING":
                break
            if name[:9] == _PACKAGE and name not in loaded:
                _load(name)
    exec(code, module.__dict__)  # noqa: S102 - as Python does


def _load(name: str) -> None:
    """Loads the module *name* and the packages that it is in; what isn't found here is left."""
    loaded = sys.modules
    parent, _, last = name.rpartition(".")
    if parent not in loaded:
        _load(parent)
    if name in loaded or parent not in loaded:
        return
    spec = OwnModules.find_spec(name)
    if spec is None or spec.loader is None:
        return
    # Each import statement asks whether another thread still loads it; without an answer to be
    # found, it makes an AttributeError, and thousands of instructions.
    spec._initializing = False  # type: ignore[attr-defined]  # the import system's own mark
    module = ModuleType(name)
    module.__dict__.update(
        __spec__=spec,
        __loader__=spec.loader,
        __package__=spec.parent,
        __file__=spec.origin,
        __cached__=spec.cached,
    )
    if spec.submodule_search_locations is not None:
        module.__path__ = spec.submodule_search_locations
    loaded[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del loaded[name]
        raise
    setattr(loaded[parent], last, module)


def find_own_modules() -> None:
    """Has portbook's modules found here from now on, unless Python was told to keep them apart."""
    if not sys.flags.optimize and sys.pycache_prefix is None:
        sys.meta_path.insert(0, OwnModules)
