"""Where numba keeps the compiled search loop, and saying so when it has to be compiled.

`$XDG_CACHE_HOME/shootdown/numba`, or `~/.cache/shootdown/numba`, and there a folder named after the
text of this package: numba only looks at the file of the function it loads, but that function
contains others from other files. Where that cannot be written a directory for this process is used
instead: everything works, and the loop is compiled every time. Set NUMBA_CACHE_DIR and that is
used, as with any numba program.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Note = Callable[[str], None]

COMPILING = "compiling the search, once"


def prepare(note: Note | None = None) -> Path:
    """Point numba to the cache; call it before a cached function is defined."""
    from numba.core import config as settings

    config: Any = settings
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    wanted = Path(base) / "shootdown" / "numba" / _edition()
    if not _can_write(wanted):
        if note:
            note(f"cannot write to {wanted}: the search is compiled again each time")
        wanted = Path(tempfile.mkdtemp(prefix="shootdown-"))
        atexit.register(shutil.rmtree, wanted, ignore_errors=True)
    config.CACHE_DIR = str(wanted)
    return wanted


def _edition() -> str:
    """A name for the code that numba compiles, as it stands."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _can_write(folder: Path) -> bool:
    """Whether a file can really be made there; rights alone do not tell (read-only mounts)."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@contextmanager
def announced(note: Note | None) -> Iterator[None]:
    """Tell `note` when numba really compiles inside; loading from the cache is silent."""
    from numba.core import event

    class Listener(event.Listener):
        told = False

        def on_start(self, happened: Any) -> None:
            if note and not self.told:
                self.told = True
                note(COMPILING)

        def on_end(self, happened: Any) -> None:
            pass

    with event.install_listener("numba:compile", Listener()):
        yield
