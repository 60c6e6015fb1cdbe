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
    if isinstance(value, str):
        return fill_in(value, places)
    if isinstance(value, list):
        return [fill_in_all(item, places) for item in value]
    if isinstance(value, dict):
        return {fill_in(key, places): fill_in_all(item, places) for key, item in value.items()}
    return value


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
    if isinstance(value, str):
        return take_out(value, places, port)
    if isinstance(value, list):
        return [take_out_all(item, places, port) for item in value]
    if isinstance(value, dict):
        return {take_out(key, places, port): take_out_all(item, places, port) for key, item in value.items()}
    return value
