"""When two recordings say the same: hash orders, random orders and comments aside."""

import re


def differences(one, other):
    """Where two lists of objects differ, as lines of text; none if they say the same."""
    left, right = _by_identity(one), _by_identity(other)
    found = []
    for identity in [*left, *(i for i in right if i not in left)]:
        if identity not in left or identity not in right:
            found.append(f"{identity}: only in the {'first' if identity in left else 'second'}")
        else:
            found += _walk(identity, left[identity], right[identity])
    return found


def _by_identity(objects):
    result = {}
    for manifest in objects:
        manifest = _canonical(manifest)
        name = manifest.get("metadata", {}).get("name")
        result[f'{manifest.get("kind")}/{name}'] = manifest
    return result


def _canonical(manifest):
    manifest = _without_leading_digit_rule(manifest)
    if manifest.get("kind") == "Pod":
        _settle_pod(manifest.get("spec") or {})
    properties = (manifest.get("data") or {}).get("spark.properties")
    if isinstance(properties, str):
        manifest["data"]["spark.properties"] = sorted(line for line in properties.split("\n") if line and line[0] != "#")
    return manifest


def _without_leading_digit_rule(value):
    """A name that begins with the random id has an `x` for its first digit, if it is one."""
    if isinstance(value, str):
        return re.sub(r"(?<![0-9A-Za-z])x<ID>", "<ID>", value)
    if isinstance(value, list):
        return [_without_leading_digit_rule(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_leading_digit_rule(item) for key, item in value.items()}
    return value


def _settle_pod(spec):
    """Spark shuffles local directories before it numbers them, and lists directories as they come. Names may be missing."""
    paths = {}
    for container in spec.get("containers") or []:
        for mount in container.get("volumeMounts") or []:
            name = mount.get("name", "")
            if re.fullmatch(r"spark-local-dir-\d+", name):
                path = "spark-local-dir:" + mount.get("mountPath", "")
                # Of several mounts of one name, which comes first is a hash order.
                paths[name] = min(path, paths.get(name, path))
        for mount in container.get("volumeMounts") or []:
            mount["name"] = paths.get(mount.get("name", ""), mount.get("name", ""))
        for variable in container.get("env") or []:
            if variable.get("name") == "SPARK_LOCAL_DIRS" and "value" in variable:
                variable["value"] = ",".join(sorted(variable["value"].split(",")))
        if container.get("volumeMounts"):
            container["volumeMounts"].sort(key=lambda m: (m.get("mountPath", ""), m.get("name", "")))
        if container.get("env"):
            container["env"].sort(key=lambda v: v.get("name", ""))
    for volume in spec.get("volumes") or []:
        if volume.get("name") in paths:
            volume["name"] = paths[volume["name"]]
        items = (volume.get("configMap") or {}).get("items")
        if items:
            items.sort(key=lambda item: item.get("key", ""))
    if spec.get("volumes"):
        spec["volumes"].sort(key=lambda v: v.get("name", ""))


def _walk(path, one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in [*one, *(k for k in other if k not in one)]:
            if key not in one or key not in other:
                null = "null, " if _is_null(one.get(key, other.get(key))) else ""
                found.append(f"{path}.{key}: {null}only in the {'first' if key in one else 'second'}")
            else:
                found += _walk(f"{path}.{key}", one[key], other[key])
        return found
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [line for i, pair in enumerate(zip(one, other)) for line in _walk(f"{path}[{i}]", *pair)]
    if isinstance(one, list) and isinstance(other, list) and all(isinstance(i, str) for i in one + other):
        return [f"{path}: -{sorted(set(one) - set(other))} +{sorted(set(other) - set(one))}"]
    return [] if one == other and type(one) is type(other) else [f"{path}: {one!r} != {other!r}"]


def _is_null(value):
    """Whether it is null, or a map that has nothing but nulls."""
    return value is None or (isinstance(value, dict) and bool(value) and all(item is None for item in value.values()))
