#!/usr/bin/env python3
"""Looks at the page of a run or of a comparison in a headless browser, as a person would with a wide screen and with a
phone, by day and by night.

    python3 -m venv VENV && VENV/bin/pip install playwright==1.65.2
    VENV/bin/python scripts/check-report.py REPORT.html [--screenshots FOLDER] [--browser /usr/bin/chromium]

The browser is a Chromium that is there already (Debian's package chromium); playwright's own is not fetched. Checked
at 1280 and at 390 pixels, light and dark:

  - nothing is written to the console as an error or a warning, and no request leaves the file;
  - the page does not scroll sideways, and no text of a drawing is cut off, runs into another or is too small to read;
  - headings go down one level at a time, and every table has a caption and its headings a scope;
  - text stands out from its background by WCAG's ratio of 4.5;
  - pointing at each drawing, and its arrow keys, tell values; curves in one drawing have different colours and dashes;
  - without JavaScript the same drawings and tables are there, with their values as hover titles.

Prints what is wrong, or that nothing is; exit code 1 if something is. With --screenshots the pages are left as
wide-light.png and so on. make test does not run this, since it wants a browser.
"""

import argparse
import pathlib
import sys

from playwright.sync_api import sync_playwright

SIZES = {"wide": (1280, 900), "phone": (390, 844)}

LAYOUT = r"""() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth)
    wrong.push(`the page is ${root.scrollWidth} pixels wide on a screen of ${root.clientWidth}`);
  let level = 0;
  for (const heading of document.querySelectorAll("h1,h2,h3,h4,h5,h6")) {
    const next = Number(heading.tagName[1]);
    if (next > level + 1) wrong.push(`the heading “${heading.textContent}” skips a level`);
    level = next;
  }
  for (const table of document.querySelectorAll("table")) {
    const name = table.caption?.textContent;
    if (!name) wrong.push("a table has no caption");
    if (table.querySelector("th:not([scope])")) wrong.push(`${name}: a heading has no scope`);
    const columns = table.tHead.rows[0].cells.length;
    for (const row of table.tBodies[0].rows)
      if (row.cells.length !== columns) wrong.push(`${name}: a row has ${row.cells.length} cells of ${columns}`);
  }
  for (const drawing of document.querySelectorAll("svg")) {
    const name = drawing.getAttribute("aria-label").slice(0, 40);
    const outer = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect(), text]);
    for (const [content, box] of texts)
      if (box.left + 1 < outer.left || box.right > outer.right + 1 || box.top + 1 < outer.top || box.bottom > outer.bottom + 1)
        wrong.push(`${name}: “${content}” is cut off`);
    const looks = [...drawing.querySelectorAll("path.curve")].map(path => [path.getAttribute("class"), getComputedStyle(path)])
      .filter(([name], index, all) => all.findIndex(other => other[0] === name) === index)
      .map(([, style]) => [style.stroke, style.strokeDasharray]);
    for (const part of [0, 1])
      if (new Set(looks.map(look => look[part])).size < looks.length) wrong.push(`${name}: two curves look alike`);
    texts.forEach(([content, box], index) => {
      for (const [other, there] of texts.slice(index + 1)) {
        const across = Math.min(box.right, there.right) - Math.max(box.left, there.left);
        const down = Math.min(box.bottom, there.bottom) - Math.max(box.top, there.top);
        // A line's box is taller than its letters.
        if (across > 0.5 && down > 0.3 * Math.min(box.height, there.height)) wrong.push(`${name}: “${content}” and “${other}” overlap`);
      }
    });
    for (const [content, , text] of texts.slice(0, 1)) {
      const pixels = parseFloat(getComputedStyle(text).fontSize) * outer.width / drawing.viewBox.baseVal.width;
      if (pixels < 9.5) wrong.push(`${name}: text of ${pixels.toFixed(1)} pixels is too small`);
    }
  }
  return wrong;
}"""

CONTRAST = r"""() => {
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const numbers = text => text.match(/[\d.]+/g).map(Number);
  const behind = element => {
    for (let here = element; here; here = here.parentElement) {
      const color = numbers(getComputedStyle(here).backgroundColor);
      if (color.length < 4 || color[3] > 0) return color;
    }
    return [255, 255, 255];
  };
  const wrong = new Set();
  for (const element of document.querySelectorAll("body *:not(script)")) {
    if (![...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim())) continue;
    if (element.closest(".hit")) continue;
    const style = getComputedStyle(element);
    const color = numbers(element.tagName === "text" ? style.fill : style.color);
    const [low, high] = [luminance(color), luminance(behind(element))].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) wrong.add(`“${element.textContent.slice(0, 30)}” stands out by ${ratio.toFixed(1)} only`);
  }
  return [...wrong];
}"""


def look(browser, address, size, scheme, screenshots):
    """What is wrong with the page at one size and in one scheme, in sentences."""
    wrong = []
    width, height = SIZES[size]
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.on("console", lambda message: message.type in ("error", "warning") and wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(f"asks for {request.url}"))
    page.goto(address)
    if screenshots:
        page.screenshot(path=screenshots / f"{size}-{scheme}.png", full_page=True)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    wrong += page.evaluate(LAYOUT) + page.evaluate(CONTRAST)
    for index in range(page.locator("figure.plot").count()):
        figure = page.locator("figure.plot").nth(index)
        name = figure.locator("figcaption strong").inner_text()
        idle = figure.locator(".readout").inner_text()
        place = figure.locator(".hit").last
        place.hover(force=True)
        pointed = figure.locator(".readout").inner_text()
        if pointed == idle or ":" not in pointed:
            wrong.append(f"{name}: pointing at it tells “{pointed}”")
        if screenshots and index == 0:
            figure.screenshot(path=screenshots / f"{size}-{scheme}-readout.png")
        figure.locator("svg").focus()
        page.keyboard.press("ArrowLeft")
        if figure.locator(".readout").inner_text() in (pointed, idle) and figure.locator(".hit").count() > 1:
            wrong.append(f"{name}: the arrow keys tell nothing new")
    page.close()
    return wrong


def without_script(browser, address):
    """What of the page is not there without JavaScript."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    wrong = []
    for table in page.locator("main > section > div.scroll").all():
        if not table.is_visible():
            wrong.append("without JavaScript a table can't be seen")
    for index in range(page.locator("svg").count()):
        drawing = page.locator("svg").nth(index)
        if drawing.locator(".hit").count() == 0 or drawing.locator(".hit > title").count() != drawing.locator(".hit").count():
            wrong.append("without JavaScript a drawing tells no values")
    context.close()
    return wrong


def main():
    parser = argparse.ArgumentParser(description="Looks at a report in a headless browser.")
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--screenshots", type=pathlib.Path)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    options = parser.parse_args()
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    address = options.report.resolve().as_uri()
    wrong = []
    with sync_playwright() as playwright:
        # Without the sandbox, since containers and root can't have it; the page is our own.
        browser = playwright.chromium.launch(executable_path=options.browser, args=["--no-sandbox"])
        for size in SIZES:
            for scheme in ("light", "dark"):
                wrong += [f"{size}, {scheme}: {what}" for what in look(browser, address, size, scheme, options.screenshots)]
        wrong += without_script(browser, address)
        browser.close()
    for sentence in wrong:
        print(f"check-report: {sentence}")
    print("check-report: " + (f"{len(wrong)} things to mend" if wrong else "nothing to mend"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
