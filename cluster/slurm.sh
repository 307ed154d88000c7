#!/usr/bin/env bash
# One job, one short-lived Ray cluster over whole nodes of a Slurm cluster. From the root, on a front-end node:
#   python3 -m venv .venv && .venv/bin/pip install -c constraints.txt .
#   sbatch --nodes=4 cluster/slurm.sh configs/studies/quickstart.yaml
# Whole nodes only: ray symmetric-run ends with a machine-wide `ray stop`.
# The same command again finishes what a time limit interrupted. STORE is a folder that every node sees.
#SBATCH --job-name=hemicycle
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --gpus-per-node=4
#SBATCH --time=04:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail
store=${STORE:-$PWD/hemicycle-store}
source .venv/bin/activate
read -r head < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
srun --ntasks="$SLURM_JOB_NUM_NODES" --cpu-bind=none \
  ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" -- \
  env RAY_ADDRESS="$head:6379" python jobs/study.py "$@" --store "$store" --executor ray
