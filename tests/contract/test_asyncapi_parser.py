"""AsyncAPI's own parser accepts the document."""

import json
import subprocess
from pathlib import Path

import pytest

from reichatd.contract.asyncapi import asyncapi
from reichatd.settings import LimitSettings
from tests.node import NODE

HERE = Path(__file__).parent
IGNORED_DIAGNOSTICS = {"asyncapi-latest-version"}
"""There is a version 3.1.0, but most tools support 3.0.0."""


@pytest.mark.skipif(
    not (HERE / "node_modules").exists(),
    reason="needs `python -m tests.node npm install --prefix tests/contract`, about 55 MB",
)
@pytest.mark.parametrize("broken", [False, True])
def test_the_parser_accepts_the_document(broken: bool) -> None:
    document = asyncapi(LimitSettings())
    if broken:
        document["operations"]["fetch"]["channel"]["$ref"] = "#/channels/nowhere"
    done = subprocess.run(
        [NODE, HERE / "parse.mjs"], input=json.dumps(document), capture_output=True, text=True, check=True, timeout=60
    )
    result = json.loads(done.stdout)
    found = [each for each in result["diagnostics"] if each["code"] not in IGNORED_DIAGNOSTICS]
    assert result["valid"] is not broken, found
    assert bool(found) is broken, found
