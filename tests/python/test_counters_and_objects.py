"""Counters, objects, log records, variables and blocks of code that a program records by itself."""

import logging
import time

import pytest
from listing_tracer import ListingTracer
from viztracer.vizcounter import VizCounter
from viztracer.vizlogging import VizLoggingHandler
from viztracer.vizobject import VizObject


@pytest.fixture
def tracer():
    return ListingTracer()


def test_counter_records_all_its_numbers_at_each_change(tracer):
    counter = VizCounter(tracer, "cpu")
    counter.a = 1
    counter.b = 2.5
    counter._hidden = 3
    assert tracer.events == [("C", "cpu", {"a": 1}), ("C", "cpu", {"a": 1, "b": 2.5})]


@pytest.mark.parametrize("value", ["text", None, True, [1], 2j])
def test_counter_takes_only_numbers(tracer, value):
    counter = VizCounter(tracer, "cpu")
    with pytest.raises(Exception, match="Counter can only take numeric values"):
        counter.a = value
    assert tracer.events == []


def test_counter_has_properties_and_attributes_of_its_class(tracer):
    class Queue(VizCounter):
        limit = 9

        @property
        def free(self):
            return self.limit - self.used

    Queue(tracer, "queue").used = 2
    assert tracer.events == [("C", "queue", {"used": 2, "limit": 9, "free": 7})]


def test_settings_choose_attributes_and_times(tracer):
    counter = VizCounter(tracer, "c", exclude_attributes=["no"])
    counter.no = "is not looked at"
    counter.yes = 1
    counter.config("include_attributes", ["other"])
    counter.yes = 2
    counter.other = 3
    counter.config("trigger_on_change", False)
    counter.other = 4
    assert tracer.events == [("C", "c", {"yes": 1}), ("C", "c", {"other": 3})]
    counter.log()
    assert tracer.events[-1] == ("C", "c", {"other": 4})
    with pytest.raises(ValueError, match="No config named nope"):
        counter.config("nope", 1)
    VizCounter(tracer, "unknown settings are ignored", nope=1)


def test_object_is_recorded_from_begin_to_end(tracer):
    thing = VizObject(tracer, "thing")
    thing.list = [1, 2]
    thing.skipped = (1,)
    thing.text = "s"
    del thing
    snapshots = [{"list": [1, 2]}, {"list": [1, 2]}, {"list": [1, 2], "text": "s"}]
    assert [event[0] for event in tracer.events] == ["N", "O", "O", "O", "D"]
    assert [event[2]["snapshot"] for event in tracer.events[1:-1]] == snapshots
    assert {event[1] for event in tracer.events} == {"thing"}


@pytest.mark.parametrize(("when", "values"), [("after", [1]), ("before", [0]), ("both", [0, 1])])
def test_methods_trigger_snapshots(tracer, when, values):
    class Thing(VizObject):
        def __init__(self):
            super().__init__(tracer, "thing", trigger_on_change=False)
            self.value = 0

        @VizObject.triggerlog(when=when)
        def add(self, number, *, more=0):
            """Add."""
            self.value += number + more
            return "result"

    assert Thing().add(0, more=1) == "result" and Thing.add.__doc__ == "Add."
    assert [event[2] for event in tracer.events if event[0] == "O"] == [{"snapshot": {"value": n}} for n in values]


def test_method_decorated_without_arguments_triggers_afterwards(tracer):
    class Thing(VizObject):
        value = 0

        @VizObject.triggerlog
        def add(self):
            self.__dict__["value"] = 1

    Thing(tracer, "thing").add()
    assert ("O", "thing", {"snapshot": {"value": 1}}) in tracer.events
    with pytest.raises(ValueError, match="when has to be one of 'after', 'before' or 'both', not never"):
        VizObject.triggerlog(when="never")


def test_without_a_tracer_nothing_is_recorded_and_nothing_fails():
    counter = VizCounter(None, "c")
    counter.a = "no number"
    counter.log()
    thing = VizObject(None, "o")
    thing.a = 1
    del thing


def test_object_that_was_not_made_can_be_deleted(tracer):
    with pytest.raises(TypeError):
        VizObject(tracer)
    assert tracer.events == []


def test_log_records_are_instant_events(tracer):
    logger = logging.getLogger("of this test")
    logger.propagate = False
    handler = VizLoggingHandler()
    logger.addHandler(handler)
    logger.warning("nobody records this")
    handler.setTracer(tracer)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.warning("hello %s", "world")
    assert tracer.events == [("i", "logging - WARNING hello world", None, "p")]


def test_numbers_are_counters_and_other_variables_are_instants(tracer):
    for value in (1, 2.5, True):
        tracer.log_var("v", value)
    tracer.log_var("v", "text")
    tracer.log_var("v", [1])
    tracer.log_var("v", 1, cond=False)
    assert tracer.events == [
        ("C", "v", {"value": 1}),
        ("C", "v", {"value": 2.5}),
        ("C", "v", {"value": True}),
        ("i", "v", {"object": "'text'"}, "t"),
        ("i", "v", {"object": "[1]"}, "t"),
    ]


def test_variable_without_a_repr_shows_its_attributes(tracer):
    class Thing:
        def __init__(self):
            self.x = 1
            self.y = [2]

    tracer.log_var("v", Thing())
    ((_, _, arguments, _),) = tracer.events
    first, *rest = arguments["object"].splitlines()
    assert first.startswith("<Thing 0x") and rest == ["  .x = 1,", "  .y = [2]", ">"]


def test_add_variable_takes_two_kinds_of_events(tracer):
    tracer.add_variable("a", [1])
    tracer.add_variable("a", 3, "counter")
    assert tracer.events == [("i", "a = [1]", None, "p"), ("C", "a", {"a": 3})]
    with pytest.raises(ValueError, match="is not a number"):
        tracer.add_variable("a", "x", "counter")
    with pytest.raises(ValueError, match="other is not supported"):
        tracer.add_variable("a", "x", "other")
    tracer.enable = False
    tracer.add_variable("a", "x", "other")


def test_steps_of_a_function_are_collected(tracer):
    tracer.add_func_exec("a", 1, 7)
    tracer.add_func_exec("b", "x", 8)
    assert tracer.get_func_args() == {"exec_steps": ["(7) a = 1", "(8) b = x"]}


def test_block_is_named_by_where_it_begins(tracer):
    line = test_block_is_named_by_where_it_begins.__code__.co_firstlineno + 2
    with tracer.log_event("load"):
        tracer.log_instant("inside")
    inside, block = tracer.events
    assert inside[1] == "inside"
    assert block == ("X", f"load ({__file__}:{line})", {"ts": 1000.0, "dur": 1.0})


def test_block_is_recorded_though_it_raises(tracer):
    with pytest.raises(KeyError), tracer.log_event("load"):
        raise KeyError
    assert len(tracer.events) == 1


def test_block_outside_of_a_recording_is_left_out(tracer):
    tracer.enable = False
    with tracer.log_event("begins before"):
        tracer.enable = True
    with tracer.log_event("ends after"):
        tracer.enable = False
    assert tracer.events == []


class Hostile:
    """A value whose `repr` does what it should not."""

    def __init__(self, act):
        self.act = act

    def __repr__(self):
        return self.act()


def test_value_that_cannot_be_shown_harms_nobody(tracer):
    def fails():
        raise KeyError

    def recurses():
        return recurses()

    for act in (fails, recurses, lambda: 5):
        tracer.add_variable("v", Hostile(act))
    assert [event[1] for event in tracer.events] == ["v = Not Displayable"] * 3


def test_long_values_are_cut(tracer):
    tracer.add_variable("v", "x" * 100_000)
    ((_, name, _, _),) = tracer.events
    assert name == "v = '" + "x" * 4095 + "... (cut)"


def test_type_whose_repr_is_slow_is_asked_once(tracer):
    class Slow:
        asked = 0

        def __repr__(self):
            Slow.asked += 1
            time.sleep(0.2)
            return "slow"

    for _ in range(3):
        tracer.add_variable("v", Slow())
    assert Slow.asked == 1
    assert [event[1] for event in tracer.events] == ["v = slow", *["v = <Slow object, whose repr is slow>"] * 2]
