#!/usr/bin/env python3
"""Looks at the page of a run or of a comparison in a headless browser, as a person would with a wide screen and with a
phone, by day and by night.

    scripts/check-report.py REPORT.html… [--screenshots FOLDER] [--browser /usr/bin/chromium]

The browser is a Chromium that is there already (Debian's package chromium, and fonts-dejavu-core where there is no font);
nothing else is needed. Checked at 1280 and at 390 pixels, light and dark:

  - nothing is written to the console as an error or a warning, and no request leaves the file;
  - the page does not scroll sideways, and a table that does says so;
  - no text of a drawing is cut off, runs into another or is too small to read;
  - headings go down one level at a time, and every table has a caption and its headings a scope;
  - text stands out from its background by WCAG's ratio of 4.5;
  - pointing at each drawing, and its arrow keys, tell values;
  - any two curves of a drawing differ in two of colour, dashes and marks at least, and the legend shows all three;
  - without JavaScript the same drawings and tables are there, with their values as hover titles.

Prints what is wrong, or that nothing is; exit code 1 if something is, 2 if there is no browser. With --screenshots the pages
are left as wide-light.png and so on, of several pages with a number before it.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True
import browser as chromium  # noqa: E402

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
    const columns = [...table.tHead.rows[0].cells].reduce((sum, cell) => sum + cell.colSpan, 0);
    for (const row of table.tBodies[0].rows)
      if (row.cells.length !== columns) wrong.push(`${name}: a row has ${row.cells.length} cells of ${columns}`);
  }
  for (const drawing of document.querySelectorAll("figure > svg")) {
    const name = drawing.getAttribute("aria-label").slice(0, 40);
    const outer = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll("text")].map(text => [text.textContent, text.getBoundingClientRect(), text]);
    for (const [content, box] of texts)
      if (box.left + 1 < outer.left || box.right > outer.right + 1 || box.top + 1 < outer.top || box.bottom > outer.bottom + 1)
        wrong.push(`${name}: “${content}” is cut off`);
    // Of each curve, by its number: colour, dashes, and the shape and filling of its marks.
    const looks = new Map();
    for (const part of [...drawing.querySelectorAll("path.curve, .mark")]) {
      const style = getComputedStyle(part), look = looks.get(part.dataset.curve) ?? {};
      if (part.matches(".mark")) look.mark = part.getAttribute("class").match(/m\d+/)[0] + style.fill.includes("none");
      else look.dashes = style.strokeDasharray;
      look.colour = style.stroke;
      looks.set(part.dataset.curve, look);
    }
    const all = [...looks.values()];
    all.forEach((look, index) => {
      for (const other of all.slice(index + 1)) {
        const alike = ["colour", "dashes", "mark"].filter(key => look[key] !== undefined && look[key] === other[key]);
        if (alike.length > 1) wrong.push(`${name}: two curves have the same ${alike.join(" and ")}`);
      }
    });
    for (const key of looks.size > 1 ? looks.keys() : []) {
      const entry = drawing.parentElement.querySelector(`.legend [data-curve="${key}"]`);
      if (!entry?.querySelector("path.curve") || !entry.querySelector(".mark")) wrong.push(`${name}: curve ${key} is not in the legend`);
    }
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

SCROLLING = r"""() => {
  const wrong = [];
  for (const box of document.querySelectorAll(".scroll")) {
    // What is folded has no width yet.
    if (box.closest("details:not([open])")) continue;
    const hides = box.scrollWidth - box.clientWidth > 2;
    const says = getComputedStyle(box.querySelector("caption span"), "::after").content.includes("Scroll");
    if (hides !== says) wrong.push(`${box.querySelector("caption").textContent}: ${says ? "says that it scrolls, and does not" : "scrolls without a word"}`);
  }
  return wrong;
}"""

CONTRAST = r"""() => {
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  // rgb(1, 2, 3), or what color-mix comes to: color(srgb 0.1 0.2 0.3).
  const numbers = text => text.match(/[\d.]+/g).map(Number).map((v, i) => text.startsWith("color(") && i < 3 ? v * 255 : v);
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


# Of each figure its title and readout, and in the window's pixels the middle of the last place to point at.
FIGURE = r"""number => {
  const figure = document.querySelectorAll("figure.plot")[number];
  const places = figure.querySelectorAll(".hit");
  const last = places[places.length - 1];
  last.scrollIntoView({ block: "center" });
  const box = last.getBoundingClientRect(), all = figure.getBoundingClientRect();
  return {
    title: figure.querySelector("figcaption strong, caption strong").textContent, places: places.length,
    readout: figure.querySelector(".readout").textContent, x: box.x + box.width / 2, y: box.y + box.height / 2,
    clip: [all.x + scrollX, all.y + scrollY, all.width, all.height],
  };
}"""

WITHOUT_SCRIPT = r"""() => {
  const wrong = [];
  for (const table of document.querySelectorAll("main > section > div.scroll"))
    if (table.getBoundingClientRect().height === 0) wrong.push(`${table.getAttribute("aria-label")}: can't be seen`);
  for (const figure of document.querySelectorAll("figure.plot")) {
    const places = figure.querySelectorAll(".hit").length;
    if (!places || figure.querySelectorAll(".hit > title, .hit[title]").length !== places)
      wrong.push(`${figure.querySelector("strong").textContent}: tells no values`);
  }
  return wrong;
}"""


def look(browser, address, size, scheme, pictures):
    """What is wrong with the page at one size and in one scheme, in sentences."""
    width, height = SIZES[size]
    tab = chromium.Tab(browser, width, height, scheme)
    tab.open(address)
    if pictures:
        tab.screenshot(pictures(f"{size}-{scheme}"))
    wrong = tab.evaluate(f"({SCROLLING})()")
    tab.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    wrong += tab.evaluate(f"({LAYOUT})()") + tab.evaluate(f"({CONTRAST})()")
    for number in range(tab.evaluate("document.querySelectorAll('figure.plot').length")):
        wrong += point_at(tab, number, pictures(f"{size}-{scheme}-readout") if pictures and number == 0 else None)
    wrong += [f"console: {said(event)}" for event in tab.events("Runtime.consoleAPICalled") if event["type"] in ("error", "warning")]
    wrong += [f"script: {event['exceptionDetails'].get('exception', {}).get('description')}" for event in tab.events("Runtime.exceptionThrown")]
    wrong += [f"console: {event['entry']['text']}" for event in tab.events("Log.entryAdded") if event["entry"]["level"] in ("error", "warning")]
    requests = [event["request"]["url"] for event in tab.events("Network.requestWillBeSent")]
    wrong += [f"asks for {url}" for url in requests if not url.startswith(("file:", "data:"))]
    tab.close()
    return wrong


def said(event):
    return " ".join(str(part.get("value", part.get("description", ""))) for part in event["args"])


def point_at(tab, number, picture):
    """What pointing at a drawing and the keyboard fail to tell."""
    idle = tab.evaluate(f"({FIGURE})({number})")
    readout = f"document.querySelectorAll('figure.plot .readout')[{number}].textContent"
    tab.point(idle["x"], idle["y"])
    pointed = tab.evaluate(readout)
    wrong = []
    if pointed == idle["readout"] or ":" not in pointed:
        wrong.append(f"{idle['title']}: pointing at it tells “{pointed}”")
    if picture:
        tab.screenshot(picture, tab.evaluate(f"({FIGURE})({number})")["clip"])
    tab.evaluate(f"document.querySelectorAll('figure.plot')[{number}].querySelector('svg:not(.key), table').focus()")
    # From the last place, the column before it or, where there is but one, the row above.
    told = set()
    for key in ("ArrowLeft", "ArrowUp"):
        tab.press(key)
        told.add(tab.evaluate(readout))
    if idle["places"] > 1 and not told - {pointed, idle["readout"]}:
        wrong.append(f"{idle['title']}: the arrow keys tell nothing new")
    tab.point(0, 0)
    return wrong


def without_script(browser, address):
    """What of the page is not there without JavaScript."""
    tab = chromium.Tab(browser, *SIZES["wide"], scripts=False)
    tab.open(address)
    wrong = tab.evaluate(f"({WITHOUT_SCRIPT})()")
    tab.close()
    return wrong


def check(browser, report, pictures):
    """What is wrong with a page. `pictures` makes a screenshot's path of its name; None for no screenshots."""
    address = report.resolve().as_uri()
    wrong = []
    for size in SIZES:
        for scheme in ("light", "dark"):
            wrong += [f"{size}, {scheme}: {what}" for what in look(browser, address, size, scheme, pictures)]
    return wrong + [f"without JavaScript: {what}" for what in without_script(browser, address)]


def main():
    parser = argparse.ArgumentParser(description="Looks at reports in a headless browser.")
    parser.add_argument("reports", type=pathlib.Path, nargs="+", metavar="REPORT.html")
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--browser", default=chromium.installed(), help="a Chromium; the default is the one on the PATH")
    options = parser.parse_args()
    if not options.browser:
        print("check-report: there is no Chromium on the PATH; name one with --browser", file=sys.stderr)
        sys.exit(2)
    if options.screenshots:
        options.screenshots.mkdir(parents=True, exist_ok=True)
    several = len(options.reports) > 1
    wrong = []
    try:
        with chromium.Browser(options.browser) as browser:
            for number, report in enumerate(options.reports, 1):
                start = f"{number}-" if several else ""
                pictures = (lambda name: options.screenshots / f"{start}{name}.png") if options.screenshots else None
                wrong += [(f"{report}: " if several else "") + what for what in check(browser, report, pictures)]
    except chromium.BrowserError as error:
        print(f"check-report: {error}", file=sys.stderr)
        sys.exit(2)
    for sentence in wrong:
        print(f"check-report: {sentence}")
    print("check-report: " + (f"{len(wrong)} things to mend" if wrong else "nothing to mend"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
