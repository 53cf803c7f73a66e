"""The start of the packed program. It also acts as an interpreter: `reichatd bench` starts `sys.executable -m reichatd.…`."""

import os
import runpy
import sys

from reichatd.cli import main

# The path of the launcher, if there is one: the unpacked program may be deleted by a later version.
sys.executable = os.environ.pop("ONE_FILE", sys.executable)

if sys.argv[1:2] == ["-m"] and sys.argv[2:3] and sys.argv[2].partition(".")[0] == "reichatd":
    del sys.argv[:2]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
else:
    main()
