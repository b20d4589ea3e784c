"""A plain HTTP/1.1 client over kept-open sockets, so that what is measured is the server."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray


def get(path: str) -> bytes:
    """A GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: bytes) -> bytes:
    """A POST request of JSON."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _answer(connection: socket.socket) -> int:
    """Reads one answer; returns its status."""
    held = b""
    while b"\r\n\r\n" not in held:
        received = connection.recv(1 << 20)
        if not received:
            raise ConnectionError("the server closed the connection")
        held += received
    head, _, body = held.partition(b"\r\n\r\n")
    left = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(1 << 20))
    return int(head[9:12])


def _ask(port: int, requests: Sequence[bytes], seconds: float) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            start = time.perf_counter()
            connection.sendall(request)
            if _answer(connection) != 200:
                raise ConnectionError(f"not answered with 200: {request[:80]!r}")
            end = time.perf_counter()
            took.append(end - start)
            if end > until:
                break
    return took


def ask_all(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> NDArray[np.float64]:
    """Seconds each answer took; ``clients`` ask one after the other, until done or ``seconds`` are over."""
    with ThreadPoolExecutor(clients) as threads:
        took = threads.map(lambda first: _ask(port, requests[first::clients], seconds), range(clients))
        return np.concatenate([np.array(mine) for mine in took])
