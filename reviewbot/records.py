"""dataclass, field and replace as in dataclasses, of which they are the part that is used here; a class costs little.

The standard ones write the source of eight methods for each class and compile it, import `inspect` for that, and with
slots make the class twice: a third of the time of a short run. Here all methods but one are shared, and __init__ is
compiled when the first object is made, which for most classes is never. To everybody else the classes are dataclasses:
dataclasses.fields() and the like work on them, and type checkers see the standard ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

_REQUIRED: Any = object()
_MADE: Any = object()  # the default in a signature, where each object gets one of its own


class _Field:
    """What is said of a field besides its type: how its default is made anew for each object, whether repr() has it."""

    __slots__ = ("make", "shown")

    def __init__(self, *, default_factory: Callable[[], Any] | None = None, repr: bool = True) -> None:
        self.make, self.shown = default_factory, repr


class _Fields:
    """__dataclass_fields__, for who asks for it by way of the standard module."""

    def __get__(self, _one: object, owner: Any) -> Mapping[str, Any]:
        import dataclasses

        fields = [(name, Any, _standard(default)) for name, default in owner.__record__.items()]
        same = dataclasses.make_dataclass(owner.__name__, fields)
        return {each.name: each for each in dataclasses.fields(same)}


def _standard(default: object) -> Any:
    """A field of the standard module with the same default."""
    import dataclasses

    make: Any = dataclasses.field
    if default is _REQUIRED:
        return make()
    if isinstance(default, _Field):
        more = {} if default.make is None else {"default_factory": default.make}
        return make(repr=default.shown, **more)
    return make(default=default)


def _dataclass(
    *, frozen: bool = False, slots: bool = False, order: bool = False, eq: bool = True
) -> Callable[[type], type]:
    """A decorator that makes a dataclass: with == and hash() by its values, and with < where `order` says so."""

    def made(plain: type) -> type:
        body = dict(plain.__dict__)
        inherited: Mapping[str, object] = getattr(plain, "__record__", {})
        own = {name: body.pop(name, _REQUIRED) for name in body.get("__annotations__", ())}
        fields = {**inherited, **own}
        for name in ("__dict__", "__weakref__"):
            body.pop(name, None)
        body |= {
            "__qualname__": plain.__qualname__,
            "__record__": fields,
            "__dataclass_fields__": _Fields(),
            "__match_args__": tuple(fields),
            "__values__": attrgetter(*fields) if len(fields) > 1 else _alone(*fields),
            "__init__": _first_init,
            "__reduce__": _reduce,
        }
        if eq:
            body |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
        body.setdefault("__repr__", _repr)
        if slots:
            body["__slots__"] = tuple(own)
        if frozen:
            body |= {"__setattr__": _refuse, "__delattr__": _refuse}
        if order:
            body["__lt__"] = _lt
        return type(plain)(plain.__name__, plain.__bases__, body)

    return made


def _alone(name: str = "") -> Callable[[object], tuple[object, ...]]:
    """What attrgetter() is for more names, for one or none."""
    return lambda one: (getattr(one, name),) if name else ()


def _replace(one: Any, /, **changes: Any) -> Any:
    """A copy with some other values."""
    return type(one)(**(dict(zip(one.__record__, values(one), strict=True)) | changes))


def values(one: Any) -> tuple[Any, ...]:
    """What an object of such a class holds, in the order of its fields."""
    found: tuple[Any, ...] = type(one).__values__(one)
    return found


# --- the methods of all of them ---


def _first_init(self: Any, *given: Any, **named: Any) -> None:
    """Compile what belongs here, once; the class that has it may be one above."""
    cls: Any = next(cls for cls in type(self).__mro__ if cls.__dict__.get("__init__") is _first_init)
    cls.__init__ = _init(cls.__record__)
    cls.__init__(self, *given, **named)


def _init(fields: Mapping[str, object]) -> Any:
    """The function that sets the fields of one class; those whose default is made get it where none is given."""
    known: dict[str, Any] = {"put": object.__setattr__, "made": _MADE}
    heads, lines = ["self"], ["pass"]
    for number, (name, default) in enumerate(fields.items()):
        value = name
        if isinstance(default, _Field) and default.make is not None:
            known[f"make{number}"] = default.make
            heads.append(f"{name}=made")
            value = f"make{number}() if {name} is made else {name}"
        elif default is _REQUIRED or isinstance(default, _Field):
            heads.append(name)
        else:
            known[f"default{number}"] = default
            heads.append(f"{name}=default{number}")
        lines.append(f"put(self, {name!r}, {value})")
    exec(f"def __init__({', '.join(heads)}):\n " + "\n ".join(lines), known)  # noqa: S102 - names of fields are ours
    return known["__init__"]


def _eq(self: object, other: object) -> Any:
    return values(self) == values(other) if type(self) is type(other) else NotImplemented


def _lt(self: object, other: object) -> Any:
    return values(self) < values(other) if type(self) is type(other) else NotImplemented


def _hash(self: object) -> int:
    return hash(values(self))


def _repr(self: Any) -> str:
    fields = zip(self.__record__.items(), values(self), strict=True)
    shown = (f"{name}={value!r}" for (name, how), value in fields if not isinstance(how, _Field) or how.shown)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _reduce(self: object) -> tuple[type, tuple[Any, ...]]:
    return type(self), values(self)


def _refuse(self: object, name: str, *_: object) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen: {name} stays as it is")


if TYPE_CHECKING:
    from dataclasses import dataclass, field, replace

    __all__ = ["dataclass", "field", "replace", "values"]
else:
    dataclass, field, replace = _dataclass, _Field, _replace
