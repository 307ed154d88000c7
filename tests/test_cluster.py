"""The files of ``cluster/`` checked offline; each check is also shown to catch a planted mistake."""

import copy
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
CLUSTER = ROOT / "cluster"
LAUNCHERS = ("aws.yaml", "gcp.yaml")
SLURM = ("slurm.sh", "slurm-jean-zay.sh")
STAND_INS = {"AMI": "ami-0123456789abcdef0", "PROJECT": "project", "IMAGE": "image"}
SBATCH_OPTIONS = {
    *("account", "constraint", "cpus-per-task", "exclusive", "gpus-per-node", "gres", "hint", "job-name", "nodes"),
    *("ntasks-per-node", "output", "partition", "qos", "time"),
}


def read(name):
    return (CLUSTER / name).read_text(encoding="utf-8")


def ray_requirement():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return next(r for r in map(Requirement, project["dependencies"]) if r.name == "ray").specifier


# -- Ray's cluster launcher ------------------------------------------------------------------------------------------


def launcher(name):
    """A launcher file as ``envsubst`` with the variables named in its first lines would leave it."""
    text = read(name)
    named = re.search(r"envsubst '([^']*)'", text).group(1).replace("$", "").split()
    for variable in named:
        text = text.replace(f"${{{variable}}}", STAND_INS[variable])
    return yaml.safe_load(text)


@pytest.fixture(scope="session")
def launcher_schema():
    package = pytest.importorskip("ray.autoscaler")
    return json.loads(Path(package.__file__).with_name("ray-schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_keeps_rays_schema(name, launcher_schema):
    jsonschema.validate(launcher(name), launcher_schema)


@pytest.mark.parametrize("name", LAUNCHERS)
@pytest.mark.parametrize(
    "path", [("idle_timeout_minute",), ("docker", "worker_imag"), ("available_node_types", "gpu", "min_worker")]
)
def test_a_typo_in_a_launcher_is_caught(name, path, launcher_schema):
    config = launcher(name)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = 1
    with pytest.raises(jsonschema.ValidationError, match=path[-1]):
        jsonschema.validate(config, launcher_schema)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_has_an_idle_head_and_interruptible_workers_from_zero(name):
    config = launcher(name)
    head, gpu = (config["available_node_types"][key] for key in ("head", "gpu"))
    assert config["head_node_type"] == "head"
    assert head["resources"] == {"CPU": 0}
    assert "--num-cpus=0" in config["head_start_ray_commands"][-1]
    assert gpu["min_workers"] == 0 < gpu["max_workers"] <= config["max_workers"]
    assert gpu["resources"]["GPU"] == 1
    assert config["idle_timeout_minutes"] <= 10
    assert re.search(r"MarketType: spot|preemptible: true", read(name))


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_asks_for_a_token_everywhere(name):
    config = launcher(name)
    assert "~/.ray/auth_token" in config["file_mounts"]
    for commands in (config["head_start_ray_commands"], config["worker_start_ray_commands"]):
        assert "RAY_AUTH_MODE=token ray start" in commands[-1]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_mounts_what_the_installation_needs(name):
    mounts = {local for local in launcher(name)["file_mounts"].values() if not local.startswith("~")}
    assert [local for local in mounts if not (ROOT / local).exists()] == []
    assert {"pyproject.toml", "platform", "configs"} <= mounts


@pytest.mark.parametrize("name", LAUNCHERS)
def test_launcher_leaves_no_variable_but_rays_own(name):
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(launcher(name)))) <= {"RAY_HEAD_IP"}


# -- Kubernetes ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def rayjob_schema():
    schema = json.loads((ROOT / "tests" / "kuberay_rayjob_schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


@pytest.fixture
def rayjob():
    return copy.deepcopy(yaml.safe_load(read("kuberay-rayjob.yaml")))


def test_rayjob_keeps_the_strict_schema(rayjob, rayjob_schema):
    jsonschema.validate(rayjob, rayjob_schema)


@pytest.mark.parametrize(
    "path",
    [
        ("shutdownAfterJobFinish",),
        ("rayClusterSpec", "authOption"),
        ("rayClusterSpec", "authOptions", "modus"),
        ("rayClusterSpec", "headGroupSpec", "rayStartParam"),
        ("rayClusterSpec", "workerGroupSpecs", 0, "minReplica"),
        ("rayClusterSpec", "workerGroupSpecs", 0, "template", "spec", "container"),
    ],
)
def test_a_typo_in_the_rayjob_is_caught(rayjob, rayjob_schema, path):
    place = rayjob["spec"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = {}
    with pytest.raises(jsonschema.ValidationError, match=path[-1]):
        jsonschema.validate(rayjob, rayjob_schema)


def test_rayjob_is_short_lived_guarded_and_starts_without_gpus(rayjob):
    spec, cluster = rayjob["spec"], rayjob["spec"]["rayClusterSpec"]
    (group,) = cluster["workerGroupSpecs"]
    assert spec["shutdownAfterJobFinishes"] is True
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["enableInTreeAutoscaling"] is True
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert (group["replicas"], group["minReplicas"]) == (0, 0)
    assert group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_every_file_names_one_ray_version_that_the_package_allows(rayjob):
    named = {rayjob["spec"]["rayClusterSpec"]["rayVersion"]}
    for name in LAUNCHERS:
        images = launcher(name)["docker"]
        named |= {re.search(r":([\d.]+)-", images[key]).group(1) for key in ("head_image", "worker_image")}
    (version,) = named
    assert version in ray_requirement()
    assert f"ray=={version}" in re.sub(r"\[.*?\]", "", (ROOT / "constraints.txt").read_text(encoding="utf-8")).split()


# -- Slurm -----------------------------------------------------------------------------------------------------------


def sbatch_problems(text):
    """What is wrong with the directives of a batch script."""
    lines = text.splitlines()
    command = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    found = [f"line {i + 1}: after the first command" for i in range(command, len(lines)) if lines[i][:7] == "#SBATCH"]
    directives = [line.removeprefix("#SBATCH ") for line in lines[:command] if line.startswith("#SBATCH")]
    options = [re.split(r"[= ]", re.sub(r"^-C ", "--constraint=", line))[0].removeprefix("--") for line in directives]
    found += [f"unknown option {option}" for option in options if option not in SBATCH_OPTIONS]
    found += [f"{needed} is missing" for needed in ("time", "exclusive", "nodes") if needed not in options]
    found += [] if "--ntasks-per-node=1" in directives else ["one task per node is missing"]
    found += [] if any(re.fullmatch(r"--time=\d\d:\d\d:\d\d", d) for d in directives) else ["time is not HH:MM:SS"]
    return found


def bash_accepts(text):
    return subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", SLURM)
def test_batch_script_is_valid(name):
    assert bash_accepts(read(name))
    assert sbatch_problems(read(name)) == []
    assert os.access(CLUSTER / name, os.X_OK)


@pytest.mark.parametrize("name", SLURM)
@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("--time=", "--tme=", "unknown option tme"),
        ("#SBATCH --exclusive\n", "", "exclusive is missing"),
        ("set -euo pipefail\n", "set -euo pipefail\n#SBATCH --qos=dev\n", "after the first command"),
        ("--ntasks-per-node=1", "--ntasks-per-node=4", "one task per node"),
    ],
)
def test_a_mistake_in_a_directive_is_caught(name, right, wrong, problem):
    assert problem in " ".join(sbatch_problems(read(name).replace(right, wrong)))


def test_a_mistake_in_bash_is_caught():
    assert not bash_accepts(read("slurm.sh").replace("hostnames", "hostnames $("))


@pytest.mark.parametrize("name", SLURM)
def test_batch_script_starts_the_job_on_every_node(name, tmp_path):
    """Run the script where srun and scontrol only say what they were asked."""
    stubs = {
        "scontrol": "echo node1; echo node2",
        "srun": 'printf "%s " "$@"; echo "$RAY_AUTH_MODE ${#RAY_AUTH_TOKEN}"',
    }
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    for command, body in stubs.items():
        (tmp_path / command).write_text(f"#!/bin/bash\n{body}\n")
        (tmp_path / command).chmod(0o755)
    python = Path(shutil.which("python3") or "python3")
    (tmp_path / "python").symlink_to(python)
    slurm = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "40"}
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SCRATCH": "/scratch", **slurm}
    command = ["bash", str(CLUSTER / name), "configs/studies/quickstart.yaml", "seeds=3"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ray symmetric-run --address node1:6379 --min-nodes 2 " in done.stdout
    assert " -- env RAY_ADDRESS=node1:6379 python jobs/study.py configs/studies/quickstart.yaml seeds=3 " in done.stdout
    assert done.stdout.split()[-2:] == ["token", "64"]


# -- jobs and images -------------------------------------------------------------------------------------------------


def test_runtime_env_is_one_that_ray_knows():
    runtime_env = pytest.importorskip("ray.runtime_env").RuntimeEnv
    values = yaml.safe_load(read("runtime_env.yaml"))
    assert runtime_env(**values).plugins() == []
    assert (ROOT / values["env_vars"]["PYTHONPATH"] / "hemicycle" / "__init__.py").is_file()
    assert runtime_env(**values, exclude=["/data/"]).plugins() == [("exclude", ["/data/"])]
    with pytest.raises(TypeError, match="env_vars"):
        runtime_env(**values | {"env_vars": {"PYTHONPATH": 1}})


def dockerfile_problems(text):
    """Unknown instructions and copied paths that are not there."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line.split() for line in joined.splitlines() if line.strip() and not line.startswith("#")]
    known = {"FROM", "ARG", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "ENV"}
    found = [f"unknown instruction {line[0]}" for line in lines if line[0] not in known]
    found += [] if lines[0][0] == "FROM" else ["does not begin with FROM"]
    sources = [source for line in lines if line[0] == "COPY" for source in line[1:-1]]
    return found + [f"{source} is not there" for source in sources if not (ROOT / source).exists()]


def test_dockerfile_copies_what_is_there_and_drops_root():
    text = read("Dockerfile")
    assert dockerfile_problems(text) == []
    assert "USER ray" in text
    assert "ARG DEVICE=cpu" in text


def test_a_mistake_in_the_dockerfile_is_caught():
    text = read("Dockerfile")
    assert "unknown instruction WORKDIRR" in dockerfile_problems(text.replace("WORKDIR", "WORKDIRR"))
    assert "job is not there" in dockerfile_problems(text.replace("COPY jobs", "COPY job"))
    assert "does not begin with FROM" in dockerfile_problems(text.replace("FROM", "# FROM"))


@pytest.mark.parametrize("name", sorted(p.name for p in CLUSTER.iterdir() if p.name != "README.md"))
def test_each_file_is_indexed_and_shows_its_command(name):
    text = read(name)
    assert f"`{name}`" in read("README.md")
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    assert re.search(r"ray job submit|ray up|kubectl apply|sbatch|docker build", comments)
    used = set(re.findall(r"\b(?:jobs|configs|cluster)/[\w./-]+", text))
    assert sorted(path for path in used if not (ROOT / path).exists()) == []
