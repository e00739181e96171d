"""Calls torch three times."""

import torch


def step(n):
    return torch.ones(n)


for n in range(3):
    step(n)
