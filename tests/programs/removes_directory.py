"""usage: removes_directory.py DIRECTORY

Removes the directory with all that is in it, calls `leaf` 100,000 times, and prints that it came to its end.
"""

import shutil
import sys


def leaf(n):
    return n


shutil.rmtree(sys.argv[1])
for n in range(100_000):
    leaf(n)
print("came to its end")
