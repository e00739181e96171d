"""Computes four formulas by recursive descent."""

FORMULAS = ["1 + 2 * 3", "(1 + 2) * 3", "2 * (3 + 4 * (5 - 1)) - 7", "((8 - 3) * (2 + 2) - 6) * 9"]


def calculate(formula):
    return expression(tokenize(formula))


def tokenize(formula):
    """The tokens, the first one last."""
    return formula.replace("(", "( ").replace(")", " )").split()[::-1]


def expression(tokens):
    value = term(tokens)
    while tokens and tokens[-1] in "+-":
        sign = 1 if tokens.pop() == "+" else -1
        value += sign * term(tokens)
    return value


def term(tokens):
    value = factor(tokens)
    while tokens and tokens[-1] == "*":
        tokens.pop()
        value *= factor(tokens)
    return value


def factor(tokens):
    token = tokens.pop()
    if token != "(":
        return int(token)
    value = expression(tokens)
    tokens.pop()
    return value


assert [calculate(formula) for formula in FORMULAS] == [7, 9, 31, 126]
