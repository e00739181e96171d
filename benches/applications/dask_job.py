"""Dask with two worker processes; the hot function is `busy`."""

from dask.distributed import Client, LocalCluster


def busy(count: int) -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(count))


if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        print(sum(client.gather(client.map(busy, range(60_000, 60_016)))))
