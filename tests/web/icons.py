"""Renders the icons of the web client that must be PNG files from its icon.svg: python -m tests.web.icons

For after a change of icon.svg. Devices cut other shapes out of a "maskable" icon and of Apple's: the background must go to the
edges, and the drawing must stay within the circle of 80 % that is always shown (W3C, Web Application Manifest, "Icon masks").
"""

import re
import shutil

from playwright.sync_api import sync_playwright

from reichatd.api.web import FILES

ICONS = {
    "icon-192": (192, False),
    "icon-512": (512, False),
    "icon-maskable": (512, True),
    "apple-touch-icon": (180, True),
}


def main() -> None:
    svg = (FILES / "icon.svg").read_text()
    filled = re.sub(r' rx="\d+"', "", svg, count=1)
    assert filled != svg
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, (pixels, is_filled) in ICONS.items():
            page = browser.new_page(viewport={"width": pixels, "height": pixels})
            page.set_content(
                f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{filled if is_filled else svg}"
            )
            page.screenshot(path=FILES / f"{name}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
