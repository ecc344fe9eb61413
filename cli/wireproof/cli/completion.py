"""`completion SHELL`: a script that completes verbs and options, made from the parser itself.

Spec: a2a-cli 0.2 section 7.1.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, cast

SHELLS = ("bash", "zsh", "fish")


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one shell."""
    words = dict(_paths(parser, ()))
    if shell == "fish":
        return _fish(words)
    lines = [
        "# wireproof: source this file, or put it where your shell looks for completions",
        *(["autoload -U +X bashcompinit && bashcompinit"] if shell == "zsh" else []),
        "_wireproof() {",
        '    local path="" word',
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        '        case "$word" in -*) ;; *) path="$path $word" ;; esac',
        "    done",
        '    while :; do case "$path" in',
    ]
    answer = 'COMPREPLY=($(compgen -W "{}" -- "${{COMP_WORDS[COMP_CWORD]}}")); return'
    for path, choices in sorted(words.items()):
        key = "".join(f" {word}" for word in path)
        lines.append(f'        "{key}") {answer.format(" ".join(choices))} ;;')
    lines += ['        *) path="${path% *}" ;;', "    esac; done", "}"]
    lines += ["complete -o default -F _wireproof wireproof", ""]
    return "\n".join(lines)


def _fish(words: dict[tuple[str, ...], Sequence[str]]) -> str:
    lines = ["# wireproof: put this file into ~/.config/fish/completions/wireproof.fish", "complete -c wireproof -f"]
    for path, choices in sorted(words.items()):
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path) or "__fish_use_subcommand"
        for choice in choices:
            flag = f"-l {choice[2:]}" if choice.startswith("--") else f"-a {choice}"
            lines.append(f"complete -c wireproof -n '{seen}' {flag}")
    return "\n".join(lines) + "\n"


def _paths(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Sequence[str]]]:
    """Every verb with what may come after it."""
    choices: list[str] = []
    actions: Any = parser._actions
    for action in actions:
        choices += [name for name in action.option_strings if name.startswith("--")]
        verbs: Any = action.choices
        if isinstance(verbs, dict) and not action.option_strings:
            for name, below in cast("dict[str, argparse.ArgumentParser]", verbs).items():
                choices.append(name)
                yield from _paths(below, (*path, name))
    yield path, sorted(choices)
