"""Records what the real spark-submit creates. See ../README.md."""

import argparse
import fnmatch
import json
import pathlib
import sys
import time

import comparison
import distribution
import submission
import yaml_subset

PARITY = pathlib.Path(__file__).resolve().parent.parent
VERSIONS = ("3.5.9", "4.0.4", "4.3.0")


def arguments():
    parser = argparse.ArgumentParser(prog="record.sh", description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, as shell patterns; default: all")
    parser.add_argument("--spark", default=",".join(VERSIONS), help="Spark versions, comma separated (default: %(default)s)")
    parser.add_argument("--cases", type=pathlib.Path, default=PARITY / "cases", help="directory of the cases")
    parser.add_argument("--target", type=pathlib.Path, default=PARITY.parent.parent / "target" / "parity",
                        help="where pyspark is installed and logs are kept (default: target/parity)")
    parser.add_argument("--check", action="store_true", help="compare with what is recorded, write nothing")
    parser.add_argument("--missing", action="store_true", help="only what has no recording yet")
    return parser.parse_args()


def main():
    options = arguments()
    patterns = options.names or ["*"]
    cases = [p for p in sorted(options.cases.iterdir())
             if (p / "case.json").exists() and any(fnmatch.fnmatchcase(p.name, pattern) for pattern in patterns)]
    if not cases:
        sys.exit(f"no case in {options.cases} matches {' '.join(patterns)}")
    failed = 0
    for version in options.spark.split(","):
        spark = distribution.Distribution(version, options.target)
        spark.install()
        for directory in cases:
            if options.missing and version in _read_json(directory / "expected.json"):
                continue
            started = time.monotonic()
            case = json.loads((directory / "case.json").read_text())
            recording = submission.record(case, spark, write_archives=_fit_for_archives(case, spark))
            _keep_log(options.target, version, directory.name, recording)
            changes = _compare(directory, version, recording)
            if changes and not options.check:
                _write(directory, version, recording)
            failed += bool(changes)
            word = "same" if not changes else "DIFFERS" if options.check else "written"
            print(f"{word:8}{version:7}{time.monotonic() - started:5.1f}s  {directory.name}", flush=True)
            for line in changes if options.check else ():
                print("         " + line[:400], flush=True)
    if options.check and failed:
        sys.exit(f"{failed} recordings differ")


def _fit_for_archives(case, spark):
    """The first plain case of a version also writes the class-data archives."""
    return not spark.has_archives() and not case.get("env") and not case.get("faults")


def _read_json(path):
    return json.loads(path.read_text()) if path.exists() else {}


def _compare(directory, version, recording):
    """How the recording differs from what is on disk; hash and random orders don't count."""
    expected = _read_json(directory / "expected.json")
    if version not in expected:
        return ["not recorded yet"]
    changes = [f"expected.json {key}: {expected[version].get(key)!r} != {recording.outcome.get(key)!r}"
               for key in ("exit_code", "error", "deleted") if expected[version].get(key) != recording.outcome.get(key)]
    path = directory / f"spark-{version}.yaml"
    known = yaml_subset.load_documents(path.read_text()) if path.exists() else []
    return changes + comparison.differences(known, recording.objects)


def _write(directory, version, recording):
    expected = _read_json(directory / "expected.json")
    expected[version] = recording.outcome
    ordered = {v: expected[v] for v in sorted(expected, key=lambda v: [int(part) for part in v.split(".")])}
    (directory / "expected.json").write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n")
    path = directory / f"spark-{version}.yaml"
    if not recording.objects:
        path.unlink(missing_ok=True)
        return
    text = yaml_subset.dump_documents(recording.objects)
    if yaml_subset.load_documents(text) != recording.objects:
        raise AssertionError(f"{directory.name}: the recording can't be read back")
    path.write_text(text)


def _keep_log(target, version, name, recording):
    logs = target / "logs" / version
    logs.mkdir(parents=True, exist_ok=True)
    requests = "".join(f"{method} {path}\n" for method, path in recording.requests)
    (logs / f"{name}.log").write_text(recording.log + "\n" + requests)


if __name__ == "__main__":
    main()
