"""The Pod of executor 1 that the driver of a recorded submission would create."""

import re

import placeholders

PROPERTIES = "spark.properties"
TEMPLATE_KEY = "podspec-configmap-key"
TEMPLATE_FILE = "/opt/spark/pod-template/pod-spec-template.yml"
DRIVER_IP = "10.98.76.54"
# Spark gets legal values for the placeholders of a recording; they are taken out again.
VALUES = {
    "<APPID>": "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "<ID>": "c0ffee0123456789",
    "<UUID>": "7e57ab1e-0000-4000-8000-0123456789ab",
    "<MS>": "1767225600123",
    "<DATE>": "Thu Jan 01 00:00:00 UTC 2026",
    "<PORT>": "61843",
    "<DRIVER-IP>": DRIVER_IP,
    "<EXECUTOR-UID>": "EXECUTOR-UID",
    "{{WORK}}": "/parity/work",
    "{{SPARK_HOME}}": "/parity/spark-home",
}
ERROR_LENGTH = 400
OWN_CONFIG_MAP = re.compile(r"\bspark-exec-[0-9a-f]{16}-conf-map")
LOCAL_DIRECTORY = re.compile(r"(/var/data/spark-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Recording:
    """What became of executor 1: the outcome as in `executor-expected.json`, and the Pod with its claims."""

    def __init__(self, outcome, objects):
        self.outcome = outcome
        self.objects = objects


def record(driver_objects, jvm):
    """The Recording of the driver that these recorded objects make; nothing if they make none."""
    request = seen_by_driver(placeholders.walk(driver_objects, _fill_in))
    if request is None:
        return None
    answer = jvm.ask({"executor": request})
    outcome = {"ok": answer["ok"]}
    if "allocator" in answer:
        outcome["allocator"] = answer["allocator"]

    def take_out(text):
        return _take_out(text, jvm, answer.get("secret"))

    if answer["ok"]:
        objects = placeholders.walk(answer["docs"], take_out)
        return Recording(outcome, [_sorted(made) for made in objects])
    outcome.update(error=take_out(answer["error"])[:ERROR_LENGTH], stage=answer["stage"])
    if "cause" in answer:
        outcome["cause"] = take_out(answer["cause"])[:ERROR_LENGTH]
    return Recording(outcome, [])


def seen_by_driver(objects):
    """What a driver finds in its container, as a request; nothing without a Pod that has a name, and its properties."""
    pods = [made for made in objects if made.get("kind") == "Pod" and (made.get("metadata") or {}).get("name")]
    maps = [made for made in objects if made.get("kind") == "ConfigMap"]
    with_properties = [made for made in maps if PROPERTIES in (made.get("data") or {})]
    if not pods or not with_properties:
        return None
    pod, config_map = pods[0], with_properties[-1]
    data = config_map["data"]
    volume = next((volume for volume in pod["spec"].get("volumes") or ()
                   if (volume.get("configMap") or {}).get("name") == config_map["metadata"]["name"]), {})
    container, mount = _spark_container(pod["spec"].get("containers") or [{}], volume.get("name"))
    environment = {"SPARK_HOME": "/opt/spark"}
    environment.update({variable["name"]: variable.get("value") or "" for variable in container.get("env") or ()
                        if "valueFrom" not in variable})
    items = (volume.get("configMap") or {}).get("items") or ()
    name = pod["metadata"]["name"]
    owners = [owner for made in objects for owner in (made.get("metadata") or {}).get("ownerReferences") or ()]
    request = {
        "env": environment,
        "confFiles": {item["path"]: data[item["key"]] for item in items if item["key"] in data},
        "mountedAtConfDir": mount is not None and environment.get("SPARK_CONF_DIR", "").rstrip("/") == mount["mountPath"].rstrip("/"),
        "properties": data[PROPERTIES],
        "driverName": name,
        "driverUid": next((owner["uid"] for owner in owners if (owner.get("kind"), owner.get("name")) == ("Pod", name)),
                          "00000000-0000-4000-8000-000000000001"),
        "driverIp": DRIVER_IP,
    }
    templates = [made["data"][TEMPLATE_KEY] for made in maps if TEMPLATE_KEY in (made.get("data") or {})]
    if templates and TEMPLATE_FILE in data[PROPERTIES]:
        request["template"] = templates[-1]
    return request


def _spark_container(containers, conf_volume):
    """The container that mounts the driver's conf, and that mount; else the last container, which is Spark's."""
    found = [(container, mount) for container in containers for mount in container.get("volumeMounts") or ()
             if mount.get("name") == conf_volume]
    return found[-1] if conf_volume and found else (containers[-1], None)


def _fill_in(text):
    for name, value in VALUES.items():
        text = text.replace(name, value)
    return text


def _take_out(text, jvm, secret):
    files = jvm.scratch / "jvm"
    text = text.replace(f"{files}/template/pod-spec-template.yml", TEMPLATE_FILE).replace(f"{files}/conf", "/opt/spark/conf")
    text = re.sub(re.escape(str(jvm.scratch)) + "/spark-[0-9a-f-]{36}", "<TMP>", text)
    if secret:
        text = text.replace(secret, "<SECRET>")
    for name, value in VALUES.items():
        text = text.replace(value, name)
    text = OWN_CONFIG_MAP.sub("spark-exec-<ID>-conf-map", text)
    return LOCAL_DIRECTORY.sub(r"\1<UUID>", text)


def _sorted(value):
    """Keys in order: fabric8's own is not the same in every version."""
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value
