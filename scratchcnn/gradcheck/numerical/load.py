"""What a worker needs for a piece of work: as it is in a thread, pickled on the way to another process."""

import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from threading import Lock
from types import ModuleType
from typing import Any

from scratchcnn.gradcheck.raised import in_words

# Held while cloudpickle is told which modules travel with their code: it keeps one list of these.
_LOCK = Lock()


class CannotLoad(Exception):
    """A worker cannot make again what was sent to it."""


class Load:
    """An object that travels to workers.

    Nothing happens to it on the way to a thread. If an executor pickles it, functions may be lambdas, or be made within
    others: cloudpickle takes their code. All pieces of the work share what is pickled.

    Attributes
    ----------
    failure
        Why it cannot be pickled, once this was tried. Executors raise exceptions of their own instead.
    """

    failure: str | None = None

    def __init__(self, content: Any) -> None:
        self._content = content

    def opened(self) -> Any:
        """What was sent."""
        return self._content

    @property
    def size(self) -> int:
        """How many bytes a process is sent; 0 where it cannot be pickled. Then only threads can be given it."""
        try:
            return len(self._pickled)
        except Exception:
            return 0  # `failure` says why

    @cached_property
    def _pickled(self) -> bytes:
        try:
            import cloudpickle
        except ModuleNotFoundError:
            self.failure = 'cloudpickle is not installed: pip install "scratchcnn[jobs]"'
            raise
        try:
            with _code_of_strange_modules(cloudpickle):
                pickled: bytes = cloudpickle.dumps(self._content)
        except Exception as error:
            self.failure = in_words(error)
            raise
        return pickled

    def __reduce__(self) -> Any:
        return _Arrived, (self._pickled,)


class _Arrived(Load):
    """A load in another process."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled

    def opened(self) -> Any:
        import cloudpickle

        try:
            return cloudpickle.loads(self._pickled)
        except Exception as error:
            raise CannotLoad(f"a worker cannot load what forward needs: {in_words(error)}") from error


def as_sent(error: BaseException) -> BaseException:
    """The exception, or one that says the same if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(in_words(error))
    return error


@contextmanager
def _code_of_strange_modules(cloudpickle: Any) -> Iterator[None]:
    """A block in which functions are pickled with their code if another process cannot import their module.

    So it is with test files where pytest imports them by their path, and with files that `scratchcnn check` is given.
    """
    with _LOCK:
        known = cloudpickle.list_registry_pickle_by_value()
        unknown = (module for module in _roots() if module.__name__ not in known)
        strange = [module for module in unknown if not _can_be_imported(*_home(module))]
        for module in strange:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in strange:
                cloudpickle.unregister_pickle_by_value(module)


def _roots() -> Iterator[ModuleType]:
    """The modules and packages that were loaded from files, without Python's own and what is in packages."""
    others = sys.modules.keys() - sys.stdlib_module_names - {"__main__"}
    for name in sorted(name for name in others if "." not in name):
        module = sys.modules[name]
        if getattr(module, "__name__", "") == name and (
            getattr(module, "__file__", None) or getattr(module, "__path__", None)
        ):
            yield module


def _home(module: ModuleType) -> tuple[str, str]:
    """The name of a module and its file; of a package its folder."""
    folders = list(getattr(module, "__path__", ()))
    return module.__name__, folders[0] if folders else str(module.__file__)


@cache
def _can_be_imported(name: str, home: str) -> bool:
    """Whether the name leads to the same file, or folder, in a process that has imported nothing yet."""
    for finder in sys.meta_path:
        spec = finder.find_spec(name, None)
        if spec is not None:
            return home in (spec.origin, *(spec.submodule_search_locations or ()))
    return False
