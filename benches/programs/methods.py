"""usage: methods.py CALLS

Methods and a property of small objects, one calling another.
"""

import sys


class Account:
    def __init__(self, owner):
        self.owner = owner
        self.amount = 0

    @property
    def balance(self):
        return self.amount

    def change(self, by):
        self.amount += by

    def deposit(self, amount):
        self.change(amount)
        return self.balance


def run(calls):
    for n in range(calls // 40):
        account = Account(n)
        for amount in range(13):
            account.deposit(amount)


if __name__ == "__main__":
    run(int(sys.argv[1]))
