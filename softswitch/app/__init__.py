"""The whole switch put together, floor by floor: the only package that knows every room.

`Foundations`, `Switchboard`, `Rooms`, `Desks`, `Node` and `Application` are floors of one house: each adds what it
makes out of what the floors below it have made, and knows nothing of those above.
"""

from softswitch.app.application import Application

__all__ = ["Application"]
