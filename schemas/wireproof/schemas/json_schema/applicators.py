"""The keywords that apply subschemas to the same value: references, combinations and conditions.

Spec: JSON Schema 2020-12 Core 8.2.3 and 10.2; draft-07 Core 8.3, Validation 6.5.7, 6.6 and 6.7.
"""

from __future__ import annotations

from wireproof.schemas.json_schema.assertions import required_with
from wireproof.schemas.json_schema.compiling import Node, Site
from wireproof.schemas.json_schema.errors import Violation
from wireproof.schemas.json_schema.evaluation import Check, Path, Run, Seen, pointer
from wireproof.schemas.json_schema.uris import fragment
from wireproof.schemas.json_schema.words import noun, show
from wireproof.schemas.jsonrpc import JSONValue, is_array, is_object


def reference(site: Site) -> Check:
    """`$ref`."""
    node = _target(site, "$ref")
    resource = node.place.resource
    if not site.compiler.library.uses_dynamic:

        def follow(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
            run.enter()
            verdict = node.check(run, value, path, seen)
            run.depth -= 1
            return verdict

        return follow

    def follow_in_scope(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        run.enter()
        run.scope.append(resource)
        verdict = node.check(run, value, path, seen)
        run.scope.pop()
        run.depth -= 1
        return verdict

    return follow_in_scope


def dynamic_reference(site: Site) -> Check:
    """`$dynamicRef`: the outermost dynamic anchor of that name in the dynamic scope."""
    node = _target(site, "$dynamicRef")
    name = fragment(site.schema["$dynamicRef"])
    resource = node.place.resource
    if name not in resource.dynamic or resource.anchors[name] != node.place.pointer:
        return reference_to(node)
    library, compiler = site.compiler.library, site.compiler
    targets = {resource: compiler.node(place) for resource, place in library.dynamic_anchors(name)}

    def follow(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        target = next((targets[each] for each in run.scope if each in targets), node)
        run.enter()
        run.scope.append(target.place.resource)
        verdict = target.check(run, value, path, seen)
        run.scope.pop()
        run.depth -= 1
        return verdict

    return follow


def reference_to(node: Node) -> Check:
    """A reference whose target does not depend on the dynamic scope."""

    def follow(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        run.enter()
        run.scope.append(node.place.resource)
        verdict = node.check(run, value, path, seen)
        run.scope.pop()
        run.depth -= 1
        return verdict

    return follow


def _target(site: Site, keyword: str) -> Node:
    text = site.schema[keyword]
    if type(text) is not str:
        raise site.invalid(keyword, "a string")
    return site.compiler.node(site.compiler.library.follow(text, site.place))


def _branches(site: Site, keyword: str) -> tuple[Check, ...]:
    value = site.schema[keyword]
    if not is_array(value) or not value:
        raise site.invalid(keyword, "an array of at least one schema")
    return tuple(site.sub(keyword, index) for index in range(len(value)))


def all_of(site: Site) -> Check:
    """`allOf`."""
    branches = _branches(site, "allOf")

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = True
        for branch in branches:
            if not branch(run, value, path, seen):
                if run.violations is None:
                    return False
                ok = False
        return ok

    return check


def any_of(site: Site) -> Check:
    """`anyOf`."""
    branches = _branches(site, "anyOf")
    where = site.where("anyOf")

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = False
        for branch in branches:
            own = Seen() if seen is not None else None
            if run.quietly(branch, value, path, own):
                ok = True
                if seen is None or own is None:
                    break
                seen.merge(own)
        return ok or (run.violations is not None and _no_branch(run, branches, value, path, where))

    return check


def _no_branch(run: Run, branches: tuple[Check, ...], value: JSONValue, path: Path, where: str) -> bool:
    """Report the branch that the value came closest to."""
    attempts = [run.aside(branch, value, path) for branch in branches]
    closest = min(attempts, key=_distance)
    if len(branches) == 1 or not closest:
        return _repeat(run, closest) if closest else run.fail(path, where, "is not allowed here")
    here = pointer(path)
    if len(attempts) <= 4 and all(len(found) == 1 and found[0].instance == here for found in attempts):
        return run.fail(path, where, " or ".join(attempt[0].message for attempt in attempts))
    run.fail(path, where, f"must fit one of {len(branches)} forms, got {noun(value)}; the closest one says:")
    return _repeat(run, closest)


def _repeat(run: Run, violations: list[Violation]) -> bool:
    if run.violations is not None:
        run.violations += violations[:5]
    return False


def _distance(violations: list[Violation]) -> tuple[int, int]:
    """Few and deep violations are close; a wrong type or constant at the top is far."""
    depth = max((item.instance.count("/") for item in violations), default=0)
    wrong = sum(item.schema.endswith(("/type", "/const", "/enum")) for item in violations)
    return wrong, len(violations) * 2 - depth


def one_of(site: Site) -> Check:
    """`oneOf`."""
    branches = _branches(site, "oneOf")
    where = site.where("oneOf")

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        fitting: list[int] = []
        for index, branch in enumerate(branches):
            own = Seen() if seen is not None else None
            if run.quietly(branch, value, path, own):
                fitting.append(index)
                if len(fitting) > 1:
                    return run.fail(path, where, f"must fit exactly one form, but fits forms {fitting[0]} and {index}")
                if seen is not None and own is not None:
                    seen.merge(own)
        return bool(fitting) or (run.violations is not None and _no_branch(run, branches, value, path, where))

    return check


def not_(site: Site) -> Check:
    """`not`."""
    inner = site.sub("not")
    where = site.where("not")
    excluded = site.schema["not"]
    text = show(excluded["const"]) if is_object(excluded) and "const" in excluded else "what the schema excludes"

    def check(run: Run, value: JSONValue, path: Path, _seen: Seen | None) -> bool:
        if not run.quietly(inner, value, path, None):
            return True
        return run.fail(path, where, f"must not be {text}")

    return check


def if_(site: Site) -> Check | None:
    """`if`, `then`, `else`."""
    condition = site.sub("if")
    then = site.sub("then") if "then" in site.schema else None
    otherwise = site.sub("else") if "else" in site.schema else None

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        own = Seen() if seen is not None else None
        branch = otherwise
        if run.quietly(condition, value, path, own):
            if seen is not None and own is not None:
                seen.merge(own)
            branch = then
        return branch is None or branch(run, value, path, seen)

    return check


def dependent_schemas(site: Site) -> Check:
    """`dependentSchemas`."""
    rules = {name: site.sub("dependentSchemas", name) for name in site.mapping("dependentSchemas")}
    return _when_present(rules)


def _when_present(rules: dict[str, Check]) -> Check:
    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = True
        for name, rule in rules.items():
            if name in value and not rule(run, value, path, seen):
                if run.violations is None:
                    return False
                ok = False
        return ok

    return check


def dependencies(site: Site) -> Check:
    """`dependencies` of draft-07: each a schema or an array of names."""
    schemas: dict[str, Check] = {}
    names: dict[str, list[str]] = {}
    for name, rule in site.mapping("dependencies").items():
        if is_array(rule):
            names[name] = site.strings("dependencies", rule)
        else:
            schemas[name] = site.sub("dependencies", name)
    present, required = _when_present(schemas), required_with(site, "dependencies", names)

    def check(run: Run, value: JSONValue, path: Path, seen: Seen | None) -> bool:
        ok = present(run, value, path, seen)
        if not ok and run.violations is None:
            return False
        return required(run, value, path, seen) and ok

    return check
