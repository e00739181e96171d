"""usage: orders.py CALLS

A bit of everything, as programs are: objects, generators, recursion, C functions, now and then an exception.
"""

import sys

PRICES = {"apple": 3, "pear": 4, "plum": 1}


class Rejected(Exception):
    pass


class Order:
    def __init__(self, number):
        self.lines = []
        self.number = number

    def add(self, name, count):
        self.lines.append((name, count))

    def check(self):
        if self.number % 10 == 0:
            raise Rejected(self.number)

    def amounts(self):
        for name, count in self.lines:
            yield PRICES.get(name, 0) * count

    def total(self):
        return sum(self.amounts())


def digits(number):
    return str(number) if number < 10 else digits(number // 10) + chr(48 + number % 10)


def handle(number):
    order = Order(number)
    for name in PRICES:
        order.add(name, number % 7)
    try:
        order.check()
    except Rejected:
        return None
    return digits(number % 1000), order.total()


def run(calls):
    for number in range(calls // 21):
        handle(number)


if __name__ == "__main__":
    run(int(sys.argv[1]))
