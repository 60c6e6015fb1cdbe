"""Random submissions through real Spark and through native-submit: what differs. See README.md."""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import pathlib
import re
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent / "record"))

import distribution  # noqa: E402
import generator  # noqa: E402
import jvm  # noqa: E402
import known  # noqa: E402
from judgement import Judge  # noqa: E402
from shrinking import shrink  # noqa: E402

ROOT = HERE.parent.parent.parent
EACH_KIND = 1
# How many seeds of a kind are listed at the end.
SEEDS = 50
# The share of cases that a row of docs/parity.md may have, and from how many cases on a share says something.
WIDEST = 0.01
ENOUGH = 2_000


def arguments():
    parser = argparse.ArgumentParser(prog="differential.sh", description=__doc__)
    parser.add_argument("--cases", type=int, default=500, help="how many, on each version (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the first case; the others follow (default: %(default)s)")
    parser.add_argument("--seeds", type=_seeds, help="these in place of --cases and --seed: comma separated")
    parser.add_argument("--seconds", type=float, help="stop after so many, on each version")
    parser.add_argument("--spark", default="3.5.9,4.3.0", help="Spark versions, comma separated (default: %(default)s)")
    parser.add_argument("--mode", choices=generator.MODES, help="only cases of one mode")
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/debug/native-submit", help="default: target/debug/native-submit")
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target/parity", help="where pyspark is installed (default: target/parity)")
    parser.add_argument("--show", action="store_true", help="print the case of --seed, and all that differs")
    return parser.parse_args()


def _seeds(text):
    return [int(seed) for seed in text.split(",")]


def main():
    sys.stdout.reconfigure(line_buffering=True)
    options = arguments()
    options.target.mkdir(parents=True, exist_ok=True)
    versions = [distribution.Distribution(version, options.target) for version in options.spark.split(",")]
    for spark in versions:
        spark.install()
    with concurrent.futures.ThreadPoolExecutor(1 if options.show else len(versions)) as at_once:
        found = sum(at_once.map(lambda spark: _compare(spark, options), versions))
    if found:
        sys.exit(f"{found} kinds of differences that docs/parity.md doesn't have, or rows of it that are too wide")


def _compare(spark, options):
    """How many kinds of differences a version has."""
    with jvm.Jvm(spark, options.target / f"differential-{spark.version}.log") as machine:
        judge = Judge(machine, spark.version, options.binary.resolve())
        return _show(judge, options) if options.show else _run(judge, options)


def _show(judge, options):
    case = generator.generate(options.seed, options.mode)
    print(_shown(case))
    lines = judge.differences(case)
    for line in lines:
        print(f"  {judge.version}: {line}")
    return sum(known.kind_of(line) is None for line in lines)


def _run(judge, options):
    """Compares case by case; each new kind of difference is printed with a case that was made as small as it gets."""
    started = time.monotonic()
    decided, kinds = collections.Counter(), collections.defaultdict(list)
    equal = count = 0
    for seed in options.seeds or range(options.seed, options.seed + options.cases):
        if options.seconds and time.monotonic() - started > options.seconds:
            break
        count += 1
        case = generator.generate(seed, options.mode)
        lines = judge.differences(case)
        equal += not lines
        for kind in {known.kind_of(line) for line in lines} - {None}:
            decided[kind] += 1
        for signature in {_signature(line) for line in lines if known.kind_of(line) is None}:
            kinds[signature].append(seed)
            if len(kinds[signature]) <= EACH_KIND:
                _report(judge, seed, case, signature)
    seconds = time.monotonic() - started
    summary = [f"{judge.version}: {count} cases in {seconds:.0f} s, {equal} equal; under rows of docs/parity.md: {dict(decided) or 'none'}"]
    wide = [f"  too wide a row: {kind}, {times / count:.1%} of the cases" for kind, times in decided.items()
            if count >= ENOUGH and times > WIDEST * count]
    print("\n".join(summary + wide + [line for kind in sorted(kinds.items(), key=lambda kind: -len(kind[1])) for line in _listed(*kind)]))
    return len(kinds) + len(wide)


def _listed(signature, seeds):
    """A kind of difference, how often it came up, and seeds that show it."""
    shown = ",".join(map(str, seeds[:SEEDS]))
    return [f"  {len(seeds):5} {signature}", f"        seeds {shown}{' and more' if len(seeds) > SEEDS else ''}"]


def _report(judge, seed, case, signature):
    def shows(smaller):
        with contextlib.suppress(RuntimeError):
            return any(_signature(line) == signature for line in judge.differences(smaller))
        return False

    small = shrink(case, shows)
    lines = [f"  {line[:500]}" for line in judge.differences(small)[:4]]
    # In one piece: other versions write too.
    print("\n".join([f"DIFFERENCE on {judge.version}, seed {seed}: {signature}", _shown(small), *lines]))


def _shown(case):
    shown = {"argv": case.argv()[8:], "env": case.environment(), "files": case.files()}
    return "  " + json.dumps({name: value for name, value in shown.items() if value}, ensure_ascii=False)


def _signature(line):
    """The kind of a difference: without values and names."""
    message = re.sub(r"(?m)^warning: .*\n?", "", line)
    message = message.split(" != ")[0] if " refuses: " not in message else message.split("\n")[0]
    message = re.sub(r": (?:'[^']*'|\"[^\"]*\"|-\[.*|-?\d+|True|False)$", "", message)
    message = re.sub(r"`[^`]*`|\"[^\"]*\"|'[^']*'|<[^>]*>", "…", message)
    message = re.sub(r"(driver|executor)\.(label|annotation|secrets|secretKeyRef|volumes|node\.selector)\.[^ :]*", r"\1.\2.…", message)
    message = re.sub(r"(labels|annotations|nodeSelector|limits|requests|volumeAttributes|properties)\.[^:]*", r"\1.…", message)
    return re.sub(r"\S*/case\S*|\d+|/[^ .]*", "…", message)[:160]


if __name__ == "__main__":
    main()
