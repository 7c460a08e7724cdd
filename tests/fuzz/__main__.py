"""``python tests/fuzz --calls 100000 --library numpy --seed 0``: many calls, findings on the standard output."""

import argparse
import collections
import resource
import sys
import time
from importlib import import_module
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import array_api_compat  # noqa: E402

from fuzz import cases  # noqa: E402


def main():
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="of the first call; the others follow")
    parser.add_argument("--library", default="numpy", choices=("numpy", "torch", "array_api_strict", "jax.numpy"))
    parser.add_argument("--family", choices=[family.__name__ for family in cases.FAMILIES])
    parser.add_argument("--memory", type=int, default=3, help="GiB that the process may take")
    options = parser.parse_args()
    xp = array_api_compat.array_namespace(import_module(options.library).asarray(0.0))
    family = next((family for family in cases.FAMILIES if family.__name__ == options.family), None)
    # A call that would take all memory of the machine ends in a MemoryError, which is a finding.
    most = options.memory * 2**30
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    seconds, ratios, found = collections.Counter(), collections.Counter(), collections.Counter()
    begin = time.perf_counter()
    for seed in range(options.seed, options.seed + options.calls):
        start = time.perf_counter()
        text, problem, ratio = cases.run(seed, xp, family)
        name = text.partition("(")[0].partition(" ")[0]
        seconds[name] += time.perf_counter() - start
        ratios[name] = max(ratios[name], ratio)
        if problem:
            found[name] += 1
            print(f"seed {seed}: {text}\n    {problem}", flush=True)  # noqa: T201
    print(f"{options.calls} calls, {sum(found.values())} findings, {time.perf_counter() - begin:.0f} s")  # noqa: T201
    for name, total in seconds.most_common():
        print(f"{name:24} {total:8.1f} s, {found[name]:5} findings, largest error {ratios[name]:.2g} of its bound")  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
