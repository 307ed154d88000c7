"""Reading back what wandb wrote offline."""

import json
import subprocess
import sys
from pathlib import Path

WANDB = str(Path(sys.executable).with_name("wandb"))


def logs(folder):
    """All runs below a folder."""
    return sorted(Path(folder).rglob("*.wandb"))


def inspect(path, *options):
    """What wandb's own reader says of a run."""
    done = subprocess.run([WANDB, "leet", "inspect", *options, "--json", str(path)], capture_output=True, check=True)
    return done.stdout.decode()


def history(path):
    """Rows of a run's history."""
    return [json.loads(line) for line in inspect(path).splitlines() if '"type":"history"' in line]
