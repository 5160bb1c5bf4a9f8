"""Raw requests to a server on loopback, as programs that are no SDK send them."""

import socket
from collections.abc import Sequence


def raw(port: int, content: bytes) -> bytes:
    """All that is answered until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def request(
    port: int, method: str, target: str, headers: Sequence[tuple[str, str]] = (), host: str = ""
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request, whose Host is the server's if none is given."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host or f'127.0.0.1:{port}'}"]
    lines += [f"{name}: {value}" for name, value in headers]
    answer = raw(port, "\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1"))
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in rest)
    return int(first.split()[1]), fields, body
