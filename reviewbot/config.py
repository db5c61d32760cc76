"""Loads the configuration: the shipped config.toml, overridden key by key by a user's file.

The shipped file is the schema: a key that is not in it is unknown, and a value must have the type that it has there.
Only what TOML cannot say (which words, which range) is declared here.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, defstruct
from msgspec.structs import replace

from reviewbot.filesystem import cache, files
from reviewbot.kernel import schema
from reviewbot.kernel.schema import TABLE, TABLES, TEXT, TEXTS, Kind, Spec
from reviewbot.model.errors import ConfigError
from reviewbot.model.patch import Address
from reviewbot.model.review import CONFIDENCES, SEVERITIES
from reviewbot.report.kcidb.options import KcidbOptions
from reviewbot.report.registry import SURFACES
from reviewbot.report.reply import CC, ROLES, SERVICE
from reviewbot.report.unread import UNREAD
from reviewbot.review.baseline import Ignore, ignore_of
from reviewbot.sources.settings import Limits, LoreOptions, TreeOptions
from reviewbot.support.patterns import pattern
from reviewbot.watch.settings import ListOptions, WatchOptions, list_of

if TYPE_CHECKING:
    from reviewbot.report.reply.sender import Sender

_LARGEST = 1_000_000  # bytes of a configuration file
_ADDRESS = pattern(r"https?://[^\s<>\"?#]+", re.ASCII)
B4, PATCHWORK = "b4", "patchwork"  # surfaces that are no formats
AUTO = "auto"  # the kernel version that the patches' own date says
ALLOWED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((f"surface.{name}" for name in (*SURFACES, PATCHWORK)), CONFIDENCES),
    f"surface.{B4}": CONFIDENCES[1:],
    "report.min_severity": SEVERITIES,
    "report.fail_on": (*SEVERITIES, "never"),
    "report.unread": UNREAD,
    "mail.role": ROLES,
    "mail.cc": CC,
    "patchwork.fail_on": (*SEVERITIES, "never"),
    "kcidb.fail_on": (*SEVERITIES, "never"),
}
# what a value must look like beyond its type
SHAPES: Mapping[str, Kind] = {
    "pages.url": Kind(
        'an address that begins with https:// or http://, or ""',
        lambda value: type(value) is str and (not value or _ADDRESS.fullmatch(value) is not None),
    ),
}
# every number is a bound or a width: with 0 nothing would pass
ABOVE_0 = Kind("a whole number above 0", lambda value: type(value) is int and value > 0)
SWITCH = Kind("true or false", lambda value: type(value) is bool)
KINDS: Mapping[type, Kind] = {str: TEXT, int: ABOVE_0, bool: SWITCH, list: TEXTS}

Tables = dict[str, dict[str, Any]]


class KernelOptions(Struct, frozen=True):
    """The keys of [kernel]."""

    version: str


class Bars(Struct, frozen=True):
    """The lowest confidence each surface shows: a field for each format, for b4 and for Patchwork."""

    def of(self, surface: str) -> str:
        """The lowest confidence that a surface shows."""
        bar: str = getattr(self, surface)
        return bar


Surface = defstruct("Surface", [(name, str) for name in (*SURFACES, B4, PATCHWORK)], bases=(Bars,), frozen=True)


class ReportOptions(Struct, frozen=True):
    """The keys of [report]."""

    min_severity: str
    fail_on: str
    unread: str


class MailOptions(Struct, frozen=True):
    """The keys of [mail]."""

    role: str
    name: str
    email: str
    disclose: bool
    operator: str
    contact: str
    agreed: tuple[str, ...]
    patchwork: bool
    cc: str
    lists: tuple[str, ...]
    context: int
    common: int
    most: int
    link_pages: bool


class PageOptions(Struct, frozen=True):
    """The keys of [pages]."""

    url: str


class B4Options(Struct, frozen=True):
    """The keys of [b4]."""

    url: str


class PatchworkOptions(Struct, frozen=True):
    """The keys of [patchwork]; times in seconds."""

    url: str
    project: str
    context: str
    target_url: str
    user: str
    fail_on: str
    timeout: int
    retries: int
    seconds: int


class McpOptions(Struct, frozen=True):
    """The keys of [mcp]; `seconds` and `bytes` of one call, `calls` at once."""

    seconds: int
    bytes: int
    calls: int


class MemoryOptions(Struct, frozen=True):
    """The keys of [memory]."""

    file: str


class SendOptions(Struct, frozen=True):
    """The keys of [send]; `lag` in minutes."""

    identity: str
    maildir: str
    imap: str
    lag: int


class RuleOptions(Struct, frozen=True):
    """The keys of [rules]."""

    extra: tuple[str, ...]
    disable: tuple[str, ...]


class TemplateOptions(Struct, frozen=True):
    """The keys of [templates]."""

    folder: str


class Config(Struct, frozen=True):
    """The configuration: an attribute for each table of config.toml, a field in it for each key; see that file."""

    kernel: KernelOptions
    surface: Bars
    report: ReportOptions
    mail: MailOptions
    pages: PageOptions
    b4: B4Options
    lore: LoreOptions
    patchwork: PatchworkOptions
    tree: TreeOptions
    limits: Limits
    mcp: McpOptions
    kcidb: KcidbOptions
    rules: RuleOptions
    templates: TemplateOptions
    memory: MemoryOptions
    send: SendOptions
    watch: WatchOptions
    ignore: tuple[Ignore, ...] = ()  # the tables under [[ignore]]
    lists: tuple[ListOptions, ...] = ()  # the tables under [[list]]

    @property
    def template_folder(self) -> Path:
        """The folder with the templates of replies."""
        return Path(self.templates.folder).expanduser() if self.templates.folder else data_path("templates")

    def memory_file(self, env: Mapping[str, str]) -> Path:
        """The file of the memory. Raises ConfigError where neither a setting nor the environment has a place for it."""
        from reviewbot.memory.memory import memory_path

        return Path(self.memory.file).expanduser() if self.memory.file else memory_path(env)

    def rule_folders(self, extra: tuple[Path, ...] = ()) -> tuple[Path, ...]:
        """The folders of rules: the shipped one, those of the configuration, then `extra`; later ones override."""
        return (data_path("rules"), *(Path(name).expanduser() for name in self.rules.extra), *extra)


SECTIONS: Mapping[str, Callable[..., Any]] = {
    "kernel": KernelOptions,
    "surface": Surface,
    "report": ReportOptions,
    "mail": MailOptions,
    "pages": PageOptions,
    "b4": B4Options,
    "lore": LoreOptions,
    "patchwork": PatchworkOptions,
    "tree": TreeOptions,
    "limits": Limits,
    "mcp": McpOptions,
    "kcidb": KcidbOptions,
    "rules": RuleOptions,
    "templates": TemplateOptions,
    "memory": MemoryOptions,
    "send": SendOptions,
    "watch": WatchOptions,
}


def data_path(name: str) -> Path:
    """The path of a shipped file or folder: in the installed package, else at the root of the checkout."""
    package = Path(__file__).resolve().parent
    packed = package / "_data" / name
    return packed if packed.exists() else package.parent / name


def load_config(explicit: Path | None, env: Mapping[str, str]) -> Config:
    """The defaults, overridden by the file `explicit`, else by the user's file, if there is one.

    Raises ConfigError for a file that cannot be read or is no TOML, an unknown key, a wrong type or value.
    """
    tables = _defaults()
    path = explicit or _user_file(env)
    ignores: tuple[Ignore, ...] = ()
    lists: tuple[ListOptions, ...] = ()
    if path:
        user = _read(path)
        ignores = tuple(ignore_of(table, where) for table, where in _listed(user, "ignore", path))
        lists = tuple(list_of(table, where) for table, where in _listed(user, "list", path))
        names = [one.name for one in lists]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ConfigError(f"{path}: two tables [[list]] have the name {twice}")
        _override(tables, user, path)
    frozen = ({k: tuple(v) if isinstance(v, list) else v for k, v in tables[name].items()} for name in SECTIONS)
    sections = (section(**values) for section, values in zip(SECTIONS.values(), frozen, strict=True))
    return replace(Config(*sections), ignore=ignores, lists=lists)


def _listed(user: Tables, name: str, path: Path) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Take the tables [[name]] out of a user's file; each with the words for where it stands."""
    tables: Any = user.pop(name, [])
    schema.check_table({name: tables}, {name: TABLES}, str(path))
    return ((table, f"{path}: [[{name}]] number {at}") for at, table in enumerate(tables, 1))


def identity(config: Config) -> Address:
    """The user's name and address, by the configuration, else by git's. Raises ConfigError if neither has them."""
    name = config.mail.name or git_says("user.name")
    email = config.mail.email or git_says("user.email")
    if name and email:
        return Address(name, email)
    raise ConfigError(
        "no sender for drafts: set [mail] name and email in config.toml, or run: "
        "git config --global user.name NAME; git config --global user.email ADDRESS"
    )


def sender(config: Config) -> Sender:
    """From whom drafts are. Raises ConfigError where that is not said, and for a service what it has to say as well."""
    from reviewbot.report.reply.headers import usable_address
    from reviewbot.report.reply.sender import Sender

    mail = config.mail
    if mail.role != SERVICE:
        who = identity(config)
        return Sender(who.name, who.email, mail.role, mail.contact, disclose=mail.disclose)
    needed = {"email": mail.email, "operator": mail.operator, "contact": mail.contact, "agreed": mail.agreed}
    missing = [key for key, value in needed.items() if not value]
    if missing:
        raise ConfigError(f'[mail] role = "service" also needs {", ".join(missing)}: see config.toml')
    if mail.email.lower() == mail.contact.lower() or mail.email.lower() == git_says("user.email").lower():
        raise ConfigError(f"[mail] email: a service needs an address of its own, and {mail.email} is a person's")
    if not usable_address(mail.contact):
        raise ConfigError(f"[mail] contact: {mail.contact!r} is not an address (a service must be reachable by mail)")
    return Sender(
        mail.name or "reviewbot", mail.email, mail.role, mail.contact, mail.operator, unlisted=not mail.patchwork
    )


def git_says(key: str, folder: Path = Path()) -> str:
    """The value of a key in git's configuration in a folder, "" if there is none, or git fails or takes 10 seconds."""
    asked = ["git", "-C", str(folder), "config", "--get", key]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout.strip()


def _user_file(env: Mapping[str, str]) -> Path | None:
    home = env.get("XDG_CONFIG_HOME") or (f"{env['HOME']}/.config" if env.get("HOME") else "")
    path = Path(home, "reviewbot", "config.toml")
    return path if home and path.is_file() else None


def _defaults() -> Tables:
    """The tables of the shipped file, from the cache if it is unchanged."""
    path = data_path("config.toml")
    try:
        key = cache.key(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    found: Any = cache.cached("config", key)
    if found is None:
        found = _read(path)
        cache.keep("config", key, found)
    return dict(found)


def _read(path: Path) -> Tables:
    import tomli

    try:
        return tomli.loads(files.read_file(path, _LARGEST).decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {files.reason_of(error)}") from error
    except (tomli.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: invalid TOML: {error}") from error


def _override(tables: Tables, user: Mapping[str, Any], path: Path) -> None:
    """Put the user's values into `tables`, each checked against the default that it replaces."""
    schema.check_table(user, dict.fromkeys(tables, TABLE), str(path))
    for section, values in user.items():
        schema.check_table(values, _spec(section, tables[section]), f"{path}: [{section}]")
        tables[section].update(values)


def _spec(section: str, defaults: Mapping[str, Any]) -> Spec:
    special: Spec = {**ALLOWED, **SHAPES}
    return {key: special.get(f"{section}.{key}", KINDS[type(value)]) for key, value in defaults.items()}
