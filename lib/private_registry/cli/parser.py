"""argparse as this addon's doors need it: errors are raised, and say what to type."""

from __future__ import annotations

import argparse
import itertools
import re
from typing import List, NoReturn

from private_registry.errors import UsageError
from private_registry.registries.names import is_port, suggestion
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.showing import shown, shown_name, without_secrets

_OPEN_LOGIN = "--pass(word|wd)?(=|$)|-p"
_LOGIN = "--(username|password-)"
_NO_VALUE = "a value is missing behind it"


def _formatter(prog: str) -> argparse.HelpFormatter:
    # Never shown; without a width each option would import shutil to ask for the
    # terminal's.
    return argparse.HelpFormatter(prog, width=80)


class Parser(argparse.ArgumentParser):
    """Reads long options only, never abbreviated, and raises UsageError instead of
    ending.
    """

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False, formatter_class=_formatter)

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaint into ours, instead of printing and ending."""
        option, _, problem = message.partition(": ")
        place = option.replace("argument", "option", 1) if problem else None
        if problem.startswith("ignored explicit argument"):
            # argparse would quote the value, which may be a password.
            problem = "it takes no value"
        raise UsageError(
            (problem or message).replace("expected one argument", _NO_VALUE),
            place=place,
        )

    def values(self, *options: str) -> None:
        """Take options with a value, each any number of times."""
        for option in options:
            self.add_argument(option, action="append", default=[])

    def flags(self, *options: str) -> None:
        """Take options without a value."""
        for option in options:
            self.add_argument(option, action="store_true")

    def read(self, arguments: List[str], name: str) -> argparse.Namespace:
        """Read a command line; ``name`` is what stands before the options, for errors.

        Raises:
            UsageError: an unknown option, a missing value, a word without an option.
        """
        for argument in arguments:
            if argument.endswith("=--"):
                # argparse drops the two dashes, and then the option has no value at
                # all.
                raise UsageError(
                    "-- is no value", place=f"option {shown(argument[:-3])}"
                )
        values, unknown = self.parse_known_args(arguments)
        if unknown:
            is_about_a_login = any(re.match(_LOGIN, each) for each in arguments)
            raise self._unknown(unknown, name, is_about_a_login=is_about_a_login)
        return values

    def _unknown(
        self, unknown: List[str], name: str, *, is_about_a_login: bool
    ) -> UsageError:
        known = list(self._option_string_actions)
        if any(re.match(_OPEN_LOGIN, each) for each in unknown):
            return UsageError(
                "a password on a command line can be read by every user of this"
                " machine",
                place="option --password",
                instead="... --username NAME --password-stdin < FILE",
            )
        option = unknown[0].partition("=")[0]
        if option.startswith("-"):
            # What follows a short option at once is its value.
            told = option if option.startswith("--") else option[:2]
            return UsageError(
                f"there is no option {shown_name(told)}{did_you_mean(told, known)}",
                remedy=f"{name.replace(' add', '')} help",
            )
        words = "a word without an option"
        if not is_about_a_login:
            alone = itertools.takewhile(lambda each: each[:1] != "-", unknown)
            words = shown(" ".join(map(without_secrets, alone)))
        address = _address_in(unknown)
        plain, secure = (
            suggestion(each, address) for each in ("--insecure", "--registry")
        )
        if "--insecure" in known:
            return UsageError(
                f"{words} stands alone; say how the registry speaks (MicroK8s splits"
                " what follows a colon behind the addon's name)",
                instead=f"{plain}   (plain HTTP), or {secure}   (HTTPS)",
            )
        if "--registry" in known:
            return UsageError(f"{words} stands alone", instead=secure)
        return UsageError(f"{words} stands alone", remedy=f"leave it out: {name}")


def _address_in(words: List[str]) -> str:
    """Put together the address that MicroK8s split at its colons."""
    parts = [word.strip("/") for word in words if word.lower() not in ("http", "https")]
    if len(parts) > 1 and is_port(parts[1]):
        return f"{parts[0]}:{parts[1]}"
    return parts[0] if parts else words[0]
