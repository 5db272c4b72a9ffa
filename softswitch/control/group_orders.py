"""What every order to a talkgroup goes through: it exists, the order is one mutation, and its refusal a problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from softswitch.api.auth import Principal
from softswitch.api.problems import Problem, not_found
from softswitch.app import Application
from softswitch.calls.talkgroups.definition import TalkgroupDefinition
from softswitch.calls.talkgroups.group_calls import GroupCallBusy
from softswitch.calls.talkgroups.regrouping import NoNumberLeft, NumberTaken
from softswitch.control.reach import registered
from softswitch.events.groups import DispatcherActed
from softswitch.store.errors import StoreError

_RESULT = TypeVar("_RESULT")


class GroupOrders:
    """Orders to the talkgroups of one node."""

    def __init__(self, app: Application) -> None:
        self.app = app

    def existing(self, number: str) -> TalkgroupDefinition:
        """The definition of a group; raises Problem 404."""
        definition = self.app.talkgroups.book.definitions.get(number)
        if definition is None or definition.kind == "ambience":  # nobody is to know of the latter
            raise not_found("group", number)
        return definition

    def carry_out(self, work: Callable[[float], _RESULT]) -> _RESULT:
        """Carry out one mutation; what it refuses becomes a problem."""
        try:
            return self.app.driver.call(work)
        except (GroupCallBusy, NoNumberLeft) as error:
            raise Problem(409, str(error), kind="busy") from error
        except NumberTaken as error:
            raise Problem(409, str(error), kind="exists") from error
        except StoreError as error:
            raise Problem(503, "the database does not answer", kind="storage") from error
        except ValueError as error:
            raise Problem(409, str(error), kind="conflict") from error

    def told(self, operation: str, number: str, call_id: str, party: str, by: Principal, placed: str = "") -> None:
        """Tell of an order that was carried out, `placed` being the call by which."""
        self.app.bus.tell(DispatcherActed, operation, number, call_id, party, by.name, placed)

    def named(self, body: Mapping[str, Any]) -> list[str]:
        """The numbers that an order names, each once; with `everybody`, all registered subscribers besides."""
        more = registered(self.app) if body["everybody"] else ()
        return list(dict.fromkeys([*body["members"], *more]))
