#!/usr/bin/env bash
# Jean Zay (IDRIS), V100 nodes of 32 GB; compute nodes have no internet. From the root below $WORK, on a front-end node:
#   module load python/3.11.5 && python -m venv .venv && .venv/bin/pip install -c constraints.txt .
#   sbatch --account=PROJECT@v100 cluster/slurm-jean-zay.sh configs/studies/quickstart.yaml
#   find "$SCRATCH/hemicycle" -name 'offline-run-*' -exec wandb sync {} +      # afterwards, for runs tracked offline
# H100 nodes: --account=PROJECT@h100 --partition=gpu_p6 -C h100 --cpus-per-task=96. The default time is ten minutes.
#SBATCH --job-name=hemicycle
#SBATCH -C v100-32g
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --gres=gpu:4
#SBATCH --cpus-per-task=40
#SBATCH --hint=nomultithread
#SBATCH --time=10:00:00
#SBATCH --output=%x-%j.log
set -euo pipefail
export WANDB_MODE=offline
store=${STORE:-$SCRATCH/hemicycle}
source .venv/bin/activate
read -r head < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
export RAY_AUTH_MODE=token
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN
srun --ntasks="$SLURM_JOB_NUM_NODES" --cpu-bind=none \
  ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" --num-cpus "$SLURM_CPUS_PER_TASK" -- \
  env RAY_ADDRESS="$head:6379" python jobs/study.py "$@" --store "$store" --executor ray
