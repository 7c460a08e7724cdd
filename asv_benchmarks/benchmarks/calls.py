"""What a small call of each public function takes: the work around the arithmetic. The calls are those of the tests."""

import sys
from pathlib import Path

from . import libraries

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from catalogue import FIRST

NAMES = ["kernel", "scan"] if libraries.QUICK else list(FIRST)


class Calls:
    params = (NAMES, ["numpy"] if libraries.QUICK else libraries.NAMES)
    param_names = ("function", "library")

    def setup(self, name, library):
        xp, call = libraries.load(library), FIRST[name]
        if not call.arrays:
            where = {"xp": xp, "dtype": xp.float32}
            self.call = lambda: call(**where)
            self.call()
        else:
            self.call = libraries.ready(library, call, *call.on(xp, "float32"))

    def time_call(self, name, library):
        self.call()
