"""The API as a process."""

from __future__ import annotations

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from api.app import create_app
from api.middleware import LOOPBACK_HOSTS
from graph.kit.addresses import Addresses
from graph.workspace import Workspace

#: Uvicorn's own, and what the API says through the same handler.
_LOGGING = {
    **LOGGING_CONFIG,
    "loggers": {**LOGGING_CONFIG["loggers"], "ecorisk.api": {"handlers": ["default"], "level": "INFO"}},
}


def run(
    workspace: Workspace, host: str = "127.0.0.1", port: int = 8000, addresses: Addresses | None = None
) -> None:
    """Serve until interrupted. Bound to this machine it answers to local names only; there is no log-in
    yet, so whoever binds it elsewhere guards it with a proxy."""
    local = host in ("localhost", "127.0.0.1", "::1")
    app = create_app(workspace, LOOPBACK_HOSTS if local else None, addresses)
    # No access log: it would hold the ids of the parties that were looked at.
    uvicorn.run(app, host=host, port=port, access_log=False, server_header=False, log_config=_LOGGING)
