"""The Dockerfile without Docker: its steps run in a clean root of the same release, and what they make serves.

The base image is stood in for by `debootstrap`. What is made runs as the image's user, on a read-only file system, in a
network of its own that leads nowhere.
"""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.api_support import ACQUISITION, NOT_OBLIGATED
from tests.conftest import ROOT

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
TOOLS = ("debootstrap", "ip", "nsenter", "setpriv", "unshare")
# what a registry's client needs to know of the machine, as `docker build` is told by build arguments
OF_THE_MACHINE = {name: value for name, value in os.environ.items() if re.fullmatch(r"PIP_\w+|\w+_proxy", name, re.I)}

pytestmark = [
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, for chroot and mounts"),
    pytest.mark.skipif(
        missing := [tool for tool in TOOLS if shutil.which(tool) is None], reason=f"needs {', '.join(missing)}"
    ),
]


def instructions(text: str) -> list[tuple[str, str]]:
    """Each instruction of a Dockerfile with what follows it."""
    lines = "\n".join(line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return [tuple(line.split(maxsplit=1)) for line in lines.replace("\\\n", "").splitlines()]  # type: ignore[misc]


@dataclass
class Stage:
    """A root that is being built, and what the instructions have set."""

    root: Path
    workdir: str = "/"
    user: str = "0"
    environment: dict[str, str] = field(
        default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
    )
    arguments: dict[str, str] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    def run(self, script: str) -> None:
        variables = self.environment | self.arguments | OF_THE_MACHINE
        script = f"cd {shlex.quote(self.workdir)} && {script}"
        done = subprocess.run(
            ["chroot", self.root, "/bin/sh", "-c", script], env=variables, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-2_000:]}{done.stderr[-4_000:]}"

    def copy(self, sources: Sequence[Path], to: str) -> None:
        target = self.root / (Path("/") / self.workdir / to).as_posix().lstrip("/")
        for source in sources:
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target, symlinks=True, ignore=ignored, dirs_exist_ok=True)
            else:
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def set(self, pairs: str) -> None:
        for name, value in (pair.split("=", 1) for pair in shlex.split(pairs)):
            self.environment[name] = value.replace("$PATH", self.environment["PATH"])


def build(text: str, base: Path, folder: Path) -> Stage:
    """The last stage of a Dockerfile, each built on a layer over `base`."""
    stages: dict[str, Stage] = {}
    stage = Stage(base)
    for name, rest in instructions(text):
        match name:
            case "FROM":
                stage = stages[rest.split(" AS ")[-1]] = Stage(layer(base, folder / str(len(stages))))
            case "ARG":
                stage.arguments.update([rest.split("=", 1)])
            case "WORKDIR":
                stage.workdir = rest
                (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "COPY":
                *what, to = [word for word in rest.split() if not word.startswith("--")]
                made_in = re.match(r"--from=(\w+)", rest)
                where = stages[made_in[1]].root if made_in else ROOT
                stage.copy([where / each.lstrip("/") for each in what], to)
            case "RUN":
                stage.run(rest)
            case "ENV":
                stage.set(rest)
            case "USER":
                stage.user = rest
            case "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
                stage.commands[name] = ast.literal_eval(rest[rest.index("[") :])
            case "VOLUME" | "EXPOSE":
                pass
            case _:
                raise ValueError(f"{name} {rest}: this test does not know the instruction")
    return stage


def layer(base: Path, folder: Path) -> Path:
    """`base` with a layer of its own to write to."""
    upper, work, merged = (folder / name for name in ("upper", "work", "merged"))
    for each in (upper, work, merged):
        each.mkdir(parents=True)
    options = f"lowerdir={base},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    subprocess.run(["mount", "--bind", "/dev", merged / "dev"], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", merged / "proc"], check=True)
    return merged


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    text = DOCKERFILE.read_text(encoding="utf-8")
    base_image = re.search(r"ARG PYTHON=(3\.\d+)-slim-(\w+)", text)
    assert base_image is not None
    folder = tmp_path_factory.mktemp("image")
    base = folder / "base"
    packages = "--include=python3-venv,ca-certificates"
    made = subprocess.run(
        ["debootstrap", "--variant=minbase", packages, base_image[2], base], check=False, capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"debootstrap cannot make a root here: {made.stdout[-300:]}{made.stderr[-300:]}")
    (base / "usr/local/bin/python").symlink_to(f"/usr/bin/python{base_image[1]}")
    certificates = os.environ.get("PIP_CERT")
    if certificates:
        shutil.copy(certificates, base / "etc/ssl/certs/ca-certificates.crt")
    try:
        yield build(text, base, folder)
    finally:
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for each in sorted((path for path in mounted if path.startswith(str(folder))), reverse=True):
            subprocess.run(["umount", "--lazy", each], check=False)
        shutil.rmtree(folder, ignore_errors=True)


class Container:
    """The image as it runs: its user, a read-only root, a /tmp, and a network that has loopback alone."""

    def __init__(self, image: Stage, **environment: str) -> None:
        self.image, self.environment = image, image.environment | environment
        begin = f"""
            mount --make-rprivate / && mount --rbind {image.root} {image.root} &&
            mount -o remount,bind,ro {image.root} && mount -t tmpfs tmpfs {image.root}/tmp &&
            ip link set lo up && cd {image.root} && exec chroot . {shlex.join(self._as_user())} \
            {shlex.join(image.commands["ENTRYPOINT"] + image.commands["CMD"])}
        """
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--net", "/bin/sh", "-c", begin],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        if "askpolicy answers" not in self.process.stdout.readline():
            raise AssertionError(self.process.communicate()[1])

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What `command` does in the same namespaces, root and user."""
        inside = ["nsenter", "--target", str(self.process.pid), "--mount", "--net", "--root", "--wd"]
        return subprocess.run(
            [*inside, *self._as_user(), *command], env=self.environment, check=False, capture_output=True, text=True
        )

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode

    def _as_user(self) -> list[str]:
        user = self.image.user
        return ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs", "--bounding-set=-all"]


ASK = """
import json, sys, urllib.request
request = urllib.request.Request(
    "http://127.0.0.1:8000/v1/ask", json.dumps({"question": sys.argv[1]}).encode(), {"Content-Type": "application/json"}
)
print(urllib.request.urlopen(request).read().decode())
"""


@pytest.fixture(scope="module")
def container(image: Stage) -> Iterator[Container]:
    running = Container(image, ASKPOLICY_OPEN_TO_ALL="yes", ASKPOLICY_WORKERS="2")
    yield running
    assert running.stop() == 0, "SIGTERM is an orderly end"


def test_it_answers_as_its_user_on_a_read_only_root_without_a_network(container: Container) -> None:
    answered = container.run("python", "-c", ASK, ACQUISITION)
    assert NOT_OBLIGATED in json.loads(answered.stdout)["answer"], answered.stderr


def test_the_health_check_passes_while_it_serves_and_fails_where_nobody_does(container: Container) -> None:
    check = container.image.commands["HEALTHCHECK"]
    assert container.run(*check).returncode == 0
    assert container.run("env", "ASKPOLICY_PORT=8001", *check).returncode != 0


def test_it_can_write_nothing_but_its_temporary_files(container: Container) -> None:
    assert container.run("id", "-u").stdout.strip() == "10001"
    assert container.run("touch", "/tmp/mine").returncode == 0
    for path in ("/opt/askpolicy/sample-index/x", "/var/lib/askpolicy/x", "/etc/x"):
        assert container.run("touch", path).returncode != 0
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    assert "Network is unreachable" in container.run("python", "-c", reach).stderr


def test_nothing_of_pytorch_is_inside(image: Stage) -> None:
    packages = {path.name for path in (image.root / "opt/askpolicy").glob("lib/python3*/site-packages/*")}
    assert {"onnxruntime", "redis", "qa"} <= packages
    assert packages & {"torch", "transformers", "nvidia", "triton"} == set()


def test_without_keys_it_refuses_to_serve_the_world(image: Stage) -> None:
    with pytest.raises(AssertionError, match="askpolicy keys add NAME"):
        Container(image)
