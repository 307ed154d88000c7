"""The folder ``platform`` must never hide the standard library's module of that name."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROBE = "import platform, pandas; print(platform.system(), platform.__file__)"


def _ask(folder, code=PROBE):
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_standard_module_wins_inside_pytest():
    assert platform.system()
    assert not Path(platform.__file__).is_relative_to(ROOT)


def test_standard_module_wins_from_the_repository_root():
    code, answer = _ask(ROOT)
    assert code == 0
    assert answer.startswith(platform.system())
    assert str(ROOT) not in answer.split()[1]


def test_an_init_file_would_break_it(tmp_path):
    (tmp_path / "platform").mkdir()
    without, _ = _ask(tmp_path, "import platform; platform.system()")
    (tmp_path / "platform" / "__init__.py").touch()
    within, _ = _ask(tmp_path, "import platform; platform.system()")
    assert (without, bool(within)) == (0, True)


@pytest.mark.ray
def test_standard_module_wins_in_a_ray_task():
    code = (
        "import ray, platform\n"
        "ray.init(address='local', num_cpus=1, include_dashboard=False, configure_logging=False,"
        " runtime_env={'env_vars': {'PYTHONPATH': 'platform'}})\n"
        "@ray.remote\n"
        "def ask():\n"
        "    import platform\n"
        "    return platform.system()\n"
        "print(ray.get(ask.remote()))\n"
    )
    code, answer = _ask(ROOT, code)
    assert code == 0
    assert answer.strip().endswith(platform.system())
