"""Looks for primes among 2000 random integers in three processes."""

import random
from multiprocessing import Process, get_all_start_methods, set_start_method


def is_prime(n):
    if n < 2:
        return False
    for divisor in range(2, int(n**0.5) + 1):
        if n % divisor == 0:
            return False
    return True


def count_primes(seed):
    numbers = random.Random(seed)
    return sum(is_prime(numbers.randint(0, 100_000)) for _ in range(2000))


if __name__ == "__main__":
    if "fork" in get_all_start_methods():
        set_start_method("fork")  # a report shows an arrow to a process that is forked
    processes = [Process(target=count_primes, args=(seed,)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
