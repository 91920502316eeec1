"""For the tests of `deploy/nginx.conf`: a real nginx with it, before an application."""

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.settings import Settings
from tests.api_support import served
from tests.conftest import ROOT

NAME = "policies.example"
CONFIGURATION = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    folder: Path
    port: int
    plain_port: int

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.folder / "tls" / "fullchain.pem")

    def visitor(self, address: str = "127.0.0.1", **headers: str) -> "Visitor":
        """Who asks from `address`, one of loopback's."""
        transport = httpx.HTTPTransport(local_address=address, verify=self.trust)
        return Visitor(
            base_url=f"https://127.0.0.1:{self.port}", headers={"Host": NAME} | headers, transport=transport, timeout=20
        )

    def connect(self, *, receive_buffer: int | None = None) -> ssl.SSLSocket:
        """A connection on which a test sends what it likes."""
        plain = socket.socket()
        plain.settimeout(20)
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.connect(("127.0.0.1", self.port))
        return self.trust.wrap_socket(plain, server_hostname=NAME)

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text() + (self.folder / "error.log").read_text()


class Visitor(httpx.Client):
    """A client that asks for the name of the certificate, wherever that is."""

    def build_request(self, *args, **kwargs) -> httpx.Request:
        request = super().build_request(*args, **kwargs)
        request.extensions["sni_hostname"] = NAME
        return request


@contextmanager
def behind_nginx(
    app: FastAPI, folder: Path, *, settings: Settings | None = None, timeout: str = "10s"
) -> Iterator[Proxy]:
    """`app`, served behind the nginx that we ship; `timeout`: how long it waits for slow clients."""
    with served(app, settings) as address, nginx(address.removeprefix("http://"), folder, timeout=timeout) as proxy:
        yield proxy


@contextmanager
def nginx(upstream: str, folder: Path, *, timeout: str = "10s") -> Iterator[Proxy]:
    """The nginx that we ship before `upstream`, on free ports of loopback."""
    for tool in ("nginx", "openssl"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}, which is not installed")
    proxy = Proxy(folder, *_free_ports())
    tls = folder / "tls"
    tls.mkdir()
    new_key = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"]
    files = ["-keyout", tls / "privkey.pem", "-out", tls / "fullchain.pem"]
    subprocess.run(["openssl", "req", *new_key, *names, *files], check=True, capture_output=True)
    written = folder / "nginx.conf"
    written.write_text(configured(proxy, upstream, timeout), encoding="utf-8")
    # the worker must reach the test's folder, and whoever runs the test may be root
    command = ["nginx", "-e", folder / "error.log", "-c", written, "-g", "daemon off; user root;"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            _await_listening(process, proxy.port)
            yield proxy
        finally:
            process.terminate()


def configured(proxy: Proxy, upstream: str, timeout: str) -> str:
    """The configuration that we ship with this machine's ports and paths."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {proxy.folder}/{kind};\n" for kind in kinds)
    changes = {
        r"\n +listen \[::\].*": "",
        r"listen 80\b": f"listen 127.0.0.1:{proxy.plain_port}",
        r"listen 443\b": f"listen 127.0.0.1:{proxy.port}",
        r"server askpolicy:8000": f"server {upstream}",
        r"/etc/nginx/tls": f"{proxy.folder}/tls",
        r"/var/log/nginx": f"{proxy.folder}",
        r"/run/nginx.pid": f"{proxy.folder}/nginx.pid",
        r"http \{": "http {\n" + temporary,
        r"(client_header_timeout|client_body_timeout|send_timeout) 10s": rf"\g<1> {timeout}",
    }
    text = CONFIGURATION
    for pattern, new in changes.items():
        text, count = re.subn(pattern, new, text)
        assert count, f"deploy/nginx.conf has no {pattern}"
    return text


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _await_listening(process: subprocess.Popen[str], port: int) -> None:
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.01)
        else:
            return
    process.kill()
    raise AssertionError(f"nginx does not listen: {process.stderr.read() if process.stderr else ''}")
