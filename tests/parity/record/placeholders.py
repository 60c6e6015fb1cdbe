"""What differs from run to run and from machine to machine, and the name that stands for it."""

import re

APP_ID = re.compile(r"spark-[0-9a-f]{32}(?![0-9a-f])")
DIRECTORY_UUID = re.compile(r"(spark(?:-upload)?-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RESOURCE_ID = re.compile(r"(?<![0-9a-z])(x[0-9a-f]{15}|[0-9a-f]{16})(?![0-9a-f])")
PROPERTIES_DATE = re.compile(r"(?m)^#(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) .*\d{4}$")
SUBMIT_TIME = re.compile(r"(?m)^(spark\.app\.submitTime=)\d+")


def fill_in(text, places):
    """A case's text with `{{NAME}}` replaced by this run's places."""
    for name, value in places.items():
        text = text.replace("{{%s}}" % name, value)
    return text


def fill_in_all(value, places):
    """`fill_in` for each string in a JSON value."""
    return walk(value, lambda text: fill_in(text, places))


def take_out(text, places, port):
    """A recorded text without this run's places, port, ids and times."""
    for name in ("WORK", "SPARK_HOME"):
        text = text.replace(places[name], "{{%s}}" % name)
    text = re.sub(r"(127\.0\.0\.1\\?:)%d(?!\d)" % port, r"\1<PORT>", text)
    text = APP_ID.sub("spark-<APPID>", text)
    text = DIRECTORY_UUID.sub(r"\1<UUID>", text)
    text = RESOURCE_ID.sub(lambda m: ("x" if m[1][0] == "x" else "") + "<ID>", text)
    text = PROPERTIES_DATE.sub("#<DATE>", text)
    return SUBMIT_TIME.sub(r"\1<MS>", text)


def take_out_all(value, places, port):
    """`take_out` for each string in a JSON value."""
    return walk(value, lambda text: take_out(text, places, port))


def walk(value, change):
    """A JSON value with each of its strings changed, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [walk(item, change) for item in value]
    if isinstance(value, dict):
        return {change(key): walk(item, change) for key, item in value.items()}
    return value
