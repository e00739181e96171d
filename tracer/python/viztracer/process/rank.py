"""The rank of this process among those of a distributed program, as its launcher has set it in the environment."""

from __future__ import annotations

import os

from ..system import host_name

# The rank's variable, and one that is set only for such a process. torchrun's are of PyTorch's documentation ("torchrun
# (Elastic Launch)"), those of MPI of Open MPI's mpirun(1), MPICH's and Intel MPI's PMI and MVAPICH's user guides, those
# of Slurm of srun(1): a batch script has SLURM_PROCID, too, but is no step.
VARIABLES = (
    ("RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("PMIX_RANK", "PMIX_NAMESPACE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
HOST = "SLURMD_NODENAME"  # srun(1)
DIGITS_MAX = 9
HOST_MAX = 64  # bytes of a host name (sethostname(2))


def with_rank(name: str) -> str:
    """Return a process's name with the rank and the host before it: ``rank 3 on node07: train.py``.

    A process that has no rank keeps its name. Its children inherit the variables, so they have the rank, too.
    """
    rank = next((os.environ[rank] for rank, other in VARIABLES if rank in os.environ and other in os.environ), "")
    if not (rank.isascii() and rank.isdigit() and len(rank) <= DIGITS_MAX):
        return name
    host = os.fsencode(os.environ.get(HOST) or host_name())[:HOST_MAX].decode("utf-8", "replace")
    return f"rank {int(rank)} on {host}: {name}"
