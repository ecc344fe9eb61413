"""The keywords that apply subschemas to the parts of an object or an array.

Spec: JSON Schema 2020-12 Core 10.3 and 11; Validation 6.4.4 and 6.4.5; draft-07 Validation 6.4 and 6.5.
"""

from __future__ import annotations

from collections.abc import Callable

from wireproof.schemas.json_schema.compiling import Site
from wireproof.schemas.json_schema.evaluation import Check, Path, Run, Seen
from wireproof.schemas.json_schema.words import listed, plural, show
from wireproof.schemas.jsonrpc import JSONValue, is_array


def properties(site: Site) -> Check | None:
    """`properties`, `patternProperties` and `additionalProperties` together."""
    schema, keywords = site.schema, site.place.resource.dialect.keywords
    named: dict[str, Check] = {}
    if "properties" in schema:
        named = {name: site.sub("properties", name) for name in site.mapping("properties")}
    patterns: list[tuple[Callable[[str], bool], Check]] = []
    if "patternProperties" in schema:
        where = site.where("patternProperties")
        patterns = [
            (site.compiler.pattern(text, where), site.sub("patternProperties", text))
            for text in site.mapping("patternProperties")
        ]
    if "additionalProperties" not in schema or "additionalProperties" not in keywords:
        return _some_properties(named, patterns) if patterns else _named_properties(named) if named else None
    if schema["additionalProperties"] is False:
        return _all_properties(named, patterns, _no_more(site, named, bool(patterns)))
    return _all_properties(named, patterns, site.sub("additionalProperties"))


def _named_properties(named: dict[str, Check]) -> Check:
    rules = tuple(named.items())

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = True
        for name, rule in rules:
            if name not in value:
                continue
            if seen is not None:
                seen.names.add(name)
            if not rule(run, value[name], (path, name), None):
                if run.violations is None:
                    return False
                ok = False
        return ok

    return check


def _some_properties(named: dict[str, Check], patterns: list[tuple[Callable[[str], bool], Check]]) -> Check:
    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = True
        run.charge(len(value) * len(patterns))
        for name, item in value.items():
            rules = [rule for matches, rule in patterns if matches(name)]
            if name in named:
                rules.append(named[name])
            if rules and seen is not None:
                seen.names.add(name)
            for rule in rules:
                if not rule(run, item, (path, name), None):
                    if run.violations is None:
                        return False
                    ok = False
        return ok

    return check


def _all_properties(
    named: dict[str, Check], patterns: list[tuple[Callable[[str], bool], Check]], additional: Check
) -> Check:
    find = named.get

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = True
        for name, item in value.items():
            first = find(name)
            rules = [first] if first is not None else []
            if patterns:
                run.charge(len(patterns))
                rules += [rule for matches, rule in patterns if matches(name)]
            for rule in rules or (additional,):
                if not rule(run, item, (path, name), None):
                    if run.violations is None:
                        return False
                    ok = False
        if seen is not None:
            seen.all_names = True
        return ok

    return check


def _no_more(site: Site, named: dict[str, Check], has_patterns: bool) -> Check:
    where = site.where("additionalProperties")
    known = f"; known: {listed((show(name) for name in named), 'and')}" if named and not has_patterns else ""

    def check(run: Run, _value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        return run.violations is not None and run.fail(path, where, f"is not a known property{known}")

    return check


def property_names(site: Site) -> Check:
    """`propertyNames`."""
    rule = site.sub("propertyNames")
    where = site.where("propertyNames")

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        ok = True
        for name in value:
            if run.quietly(rule, name, None, None):
                continue
            if run.violations is None:
                return False
            reasons = "; ".join(item.message for item in run.aside(rule, name, None)[:3])
            ok = run.fail((path, name), where, f"has a name that is not allowed: {reasons}")
        return ok

    return check


def items(site: Site) -> Check | None:
    """`prefixItems` and `items`."""
    prefix: tuple[Check, ...] = ()
    if "prefixItems" in site.schema:
        value = site.schema["prefixItems"]
        if not is_array(value) or not value:
            raise site.invalid("prefixItems", "an array of at least one schema")
        prefix = tuple(site.sub("prefixItems", index) for index in range(len(value)))
    return _sequence(prefix, site.sub("items") if "items" in site.schema else None)


def draft_7_items(site: Site) -> Check:
    """`items` and `additionalItems` of draft-07."""
    value = site.schema["items"]
    if not is_array(value):
        return _sequence((), site.sub("items"))
    prefix = tuple(site.sub("items", index) for index in range(len(value)))
    return _sequence(prefix, site.sub("additionalItems") if "additionalItems" in site.schema else None)


def _sequence(prefix: tuple[Check, ...], rest: Check | None) -> Check:
    start = len(prefix)

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = True
        for index, (rule, item) in enumerate(zip(prefix, value, strict=False)):
            if not rule(run, item, (path, index), None):
                if run.violations is None:
                    return False
                ok = False
        if rest is not None:
            for index in range(start, len(value)):
                if not rest(run, value[index], (path, index), None):
                    if run.violations is None:
                        return False
                    ok = False
        if seen is not None:
            seen.items = max(seen.items, start)
            seen.all_items = seen.all_items or rest is not None
        return ok

    return check


def contains(site: Site) -> Check | None:
    """`contains` with `minContains` and `maxContains`."""
    rule = site.sub("contains")
    counted = "unevaluatedItems" in site.place.resource.dialect.holds and not site.place.resource.dialect.ref_overrides
    least = site.count("minContains") if counted and "minContains" in site.schema else 1
    most = site.count("maxContains") if counted and "maxContains" in site.schema else None
    where = site.where("contains")

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        found = 0
        for index, item in enumerate(value):
            if run.quietly(rule, item, None, None):
                found += 1
                if seen is not None:
                    seen.indexes.add(index)
                elif most is None and found >= least:
                    return True
        if found < least:
            return run.fail(path, where, f"must hold at least {plural(least, 'item')} of a certain form, has {found}")
        if most is not None and found > most:
            return run.fail(path, where, f"must hold at most {plural(most, 'item')} of a certain form, has {found}")
        return True

    return check


def unevaluated_items(site: Site) -> Check:
    """`unevaluatedItems`."""
    rule = site.sub("unevaluatedItems")

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        if seen is None or seen.all_items:
            return True
        ok = True
        for index in range(seen.items, len(value)):
            if index not in seen.indexes and not rule(run, value[index], (path, index), None):
                if run.violations is None:
                    return False
                ok = False
        seen.all_items = True
        return ok

    return check


def unevaluated_properties(site: Site) -> Check:
    """`unevaluatedProperties`."""
    rule = site.sub("unevaluatedProperties")

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        if seen is None or seen.all_names:
            return True
        ok = True
        for name, item in value.items():
            if name not in seen.names and not rule(run, item, (path, name), None):
                if run.violations is None:
                    return False
                ok = False
        seen.all_names = True
        return ok

    return check
