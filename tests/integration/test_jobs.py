"""Jobs submitted to a cluster that asks for a token, by the documented commands."""

import re
import shlex
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
JOBS = ("population", "probe", "simulate", "study", "train", "tune")
OTHER = {"population": "configs/studies/senate_design.yaml", "tune": "configs/searches/senate_frontier.yaml"}
pytestmark = pytest.mark.ray
WHERE = """
import ray
from hemicycle.compute import session
session.start()
print(ray.get_runtime_context().gcs_address.rpartition(":")[2])
"""


def documented(text):
    """The ``ray job submit`` command that a text holds, as words."""
    plain = re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    (command,) = re.findall(r"^ *(ray job submit (?:.*\\\n)*.*)$", plain, flags=re.MULTILINE)
    return shlex.split(command.replace("\\\n", " "))


def command_of(job):
    return documented((ROOT / "jobs" / f"{job}.py").read_text(encoding="utf-8"))


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [found.getsockname()[1] for found in sockets]
    for found in sockets:
        found.close()
    return ports


@pytest.fixture(scope="module")
def head(lasting_programs, tmp_path_factory, eventually):
    """Programs that know the token of a running head, its address and that of its job server."""
    programs, home = lasting_programs, tmp_path_factory.mktemp("home")
    file = home / ".ray" / "auth_token"
    programs.environment["HOME"] = str(home)
    code, token, err = programs.run("ray", "get-auth-token", "--generate")
    assert (code, file.read_text(encoding="utf-8").strip()) == (0, token.strip()), err
    programs.environment |= {"RAY_AUTH_TOKEN_PATH": str(file), "RAY_AUTH_MODE": "token"}
    port, jobs, agent, client = free_ports(4)
    process = programs.start(
        *("ray", "start", "--head", "--block", "--num-cpus=2", f"--temp-dir={programs.ray}/head"),
        *(f"--port={port}", f"--dashboard-port={jobs}", f"--dashboard-agent-listen-port={agent}"),
        f"--ray-client-server-port={client}",
    )

    def listens():
        assert process.poll() is None, process.stderr.read()
        with socket.socket() as found:
            return found.connect_ex(("127.0.0.1", jobs)) == 0

    eventually(listens, 120)
    return programs, f"127.0.0.1:{port}", f"http://127.0.0.1:{jobs}"


def test_all_documents_give_the_same_command():
    for job in JOBS:
        changed = {"jobs/train.py": f"jobs/{job}.py"}
        changed |= {"configs/studies/quickstart.yaml": OTHER[job]} if job in OTHER else {}
        assert command_of(job) == [changed.get(word, word) for word in command_of("train")]
        assert (ROOT / OTHER.get(job, "configs/studies/quickstart.yaml")).is_file()
    for name in ("cluster/runtime_env.yaml", "README.md"):
        assert documented((ROOT / name).read_text(encoding="utf-8")) == command_of("study")


def test_the_documented_command_trains_a_population(head, tmp_path, tables):
    programs, _, server = head
    words = command_of("train")
    words[words.index("--address") + 1] = server
    words[words.index("--store") + 1] = str(tmp_path)
    code, out, err = programs.run(*words, "seeds=1", "train.epochs=1", "tracking.wandb=disabled")
    assert code == 0, out + err
    found = tables(tmp_path)
    assert list(found["records"]["name"]) == [
        "lightgcn-s0",
        "lightgcn-s0-untrained",
        "mf-s0",
        "mf-s0-untrained",
        "popularity-s0",
    ]
    assert len(found["failures"]) == 0
    assert "Done: " in out


def test_a_failing_job_fails_the_command(head, tmp_path):
    programs, _, server = head
    words = command_of("train")
    words[words.index("--address") + 1] = server
    words[words.index("--store") + 1] = str(tmp_path)
    code, out, _ = programs.run(*words, "train.epoch=1")
    assert code != 0
    assert "train.epoch" in out


def test_the_surrounding_cluster_is_joined_and_else_one_of_our_own_started(head):
    programs, address, _ = head
    port = address.partition(":")[2] + "\n"
    assert programs.run("python", "-c", WHERE, RAY_ADDRESS=address)[:2] == (0, port)
    code, own, _ = programs.run("python", "-c", WHERE, RAY_TMPDIR=f"{programs.ray}/head")
    assert (code, own == port) == (0, False)


def test_the_cluster_asks_for_the_token(head):
    _, _, server = head
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{server}/api/jobs/", timeout=30)  # noqa: S310 - of this machine
    with caught.value as answer:
        assert answer.code == 401
