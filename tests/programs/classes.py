"""Every way to get into a method: instance, static, class, property, special, inherited, through super()."""


class Shape:
    sides = 0

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"{type(self).__name__}({self.name})"

    def __eq__(self, other):
        return self.name == other.name

    def __call__(self, times):
        return [self.area for _ in range(times)]

    @staticmethod
    def unit():
        return "cm"

    @classmethod
    def named(cls, name):
        return cls(name)

    @property
    def area(self):
        return 0

    def describe(self):
        return f"{self!r} has {self.sides} sides, {self.area} {self.unit()}"


class Square(Shape):
    sides = 4

    def __init__(self, name, edge):
        super().__init__(name)
        self._edge = edge

    @property
    def area(self):
        return self.edge**2

    @property
    def edge(self):
        return self._edge

    @edge.setter
    def edge(self, value):
        self._edge = value

    @edge.deleter
    def edge(self):
        self._edge = 0

    def describe(self):
        return "square: " + super().describe()


class Missing:
    def __getattr__(self, name):
        return name.upper()

    def __getitem__(self, key):
        return key * 2

    def __len__(self):
        return 3

    def __iter__(self):
        return iter((1, 2))

    def __del__(self):
        deleted.append(True)


deleted = []
square = Square("a", 2)
square.edge = 3
assert square.describe() == "square: Square(a) has 4 sides, 9 cm"
del square.edge
assert square(2) == [0, 0]
assert Shape.named("a") == square
missing = Missing()
assert (missing.colour, missing[2], len(missing), [*missing]) == ("COLOUR", 4, 3, [1, 2])
del missing
assert deleted
