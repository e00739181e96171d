"""joblib with two worker processes; the hot function is `busy`."""

from joblib import Parallel, delayed


def busy(count: int) -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(count))


if __name__ == "__main__":
    print(sum(Parallel(n_jobs=2)(delayed(busy)(count) for count in range(60_000, 60_016))))
