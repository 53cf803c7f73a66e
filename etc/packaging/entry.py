"""What the packed program begins with. It is its own interpreter: `reichatd bench` starts `sys.executable -m reichatd.…`."""

import os
import runpy
import sys

from reichatd.cli import main

# Where the launcher is, if there is one: what it has unpacked is nothing to refer to.
sys.executable = os.environ.pop("ONE_FILE", sys.executable)

if sys.argv[1:2] == ["-m"] and sys.argv[2:3] and sys.argv[2].partition(".")[0] == "reichatd":
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    main()
