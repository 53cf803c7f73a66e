"""Joined modules do the same as separate ones, in Node."""

import subprocess
from pathlib import Path

import pytest

from reichatd.api.web_modules import in_order, joined
from tests.node import NODE

MODULES = {
    "main.js": """\
import { Dog, legs as count } from "./animals.js";
import plain from "./folder/plain.js";
import {
  rename,
} from "./name.js";

const said = "private in each module";
rename("Rex");
console.log(new Dog().bark(), count, plain, said, new URL("x", import.meta.url).pathname.endsWith("/x"));
""",
    "animals.js": """\
import { bark } from "./sounds.js";
import { name } from "./name.js";
export const legs = 4;
const said = [bark(), name].join();

/** Barks. */
export class Dog {
  bark = () => said;
}
export async function later() {}
console.log("animals");
""",
    "sounds.js": 'export function bark() {\n  return "Woof";\n}\nconsole.log("sounds");\n',
    "name.js": 'export let name = "Fido";\nexport const rename = (other) => (name = other);\n',
    "folder/plain.js": 'const fixed = "fixed";\nexport { fixed as default };\n',
}
ORDER = ["sounds.js", "name.js", "animals.js", "folder/plain.js", "main.js"]


def test_a_module_comes_after_those_that_it_imports() -> None:
    assert in_order(MODULES, "main.js") == ORDER
    assert in_order(MODULES, "animals.js") == ORDER[:3]


def test_joined_modules_do_the_same(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "folder").mkdir()
    for name, source in MODULES.items():
        (tmp_path / name).write_text(source)
    separate = _output(tmp_path)
    for name in ("animals.js", "sounds.js"):
        (tmp_path / name).unlink()
    (tmp_path / "main.js").write_text(joined(MODULES, "main.js", ["name.js", "folder/plain.js"]))
    assert _output(tmp_path) == separate == "sounds\nanimals\nWoof,Fido 4 fixed private in each module true\n"


def _output(directory: Path) -> str:
    return subprocess.run([NODE, directory / "main.js"], capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.parametrize(
    "form",
    [
        'import * as all from "./b.js";',
        'import "./b.js";',
        'import a, { b } from "./b.js";',
        'import { a } from "https://example.org/b.js";',
        "export { a };",
        "export default 1;",
        "export let a = 1;",
        'export * from "./b.js";',
    ],
)
def test_other_forms_are_refused(form: str) -> None:
    with pytest.raises(ValueError, match=r"main\.js: "):
        joined({"main.js": form, "b.js": ""}, "main.js", [])
