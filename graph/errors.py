"""Domain errors: one tree, without HTTP status or exit codes (those live in ``api/`` and ``ecorisk.py``).

::

    EcoriskError
     +- BadInput             the caller's data or mapping is wrong; nothing was written
     |   +- LoadRefused      a whole load was refused; the store is as before
     |   +- MappingError     a source's YAML cannot be used
     +- StoreUnavailable     a store or server cannot be reached, or another job holds it
     +- Refused              a gate said no (too few events, promotion)
     +- UnknownParty         no such party in the published run
     +- UnknownRing          no such ring or case among the published ones
     +- NoPublishedRun       nothing was published in this workspace yet
     +- ArtifactMismatch     stored arrays do not belong to what they are loaded into
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class EcoriskError(Exception):
    """Root of all errors that ecorisk raises on purpose.

    ``message`` says what is wrong and what to do; ``details`` holds the same for machines.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, Any] = details


class BadInput(EcoriskError):
    """The caller's data, mapping or arguments are wrong; nothing was written."""


class LoadRefused(BadInput):
    """A load was refused whole; the store is as before."""


class MappingError(BadInput):
    """A source's YAML mapping cannot be used."""


class StoreUnavailable(EcoriskError):
    """A store or server cannot be reached, or another job holds it."""


class Refused(EcoriskError):
    """A gate said no; nothing was produced."""


class UnknownParty(EcoriskError):
    """No party of this id in the published run."""


class UnknownRing(EcoriskError):
    """No ring or case of this id among the published ones."""


class NoPublishedRun(EcoriskError):
    """Nothing has been published in this workspace yet."""


class ArtifactMismatch(EcoriskError):
    """Stored arrays do not belong to the model or data they are loaded into."""
