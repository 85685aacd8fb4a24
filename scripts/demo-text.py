#!/usr/bin/env python3
"""Makes the demo's calibration and evaluation text out of the Debian Administrator's Handbook.

    demo-text.py HTML_FOLDER OUTPUT_FOLDER

The book is modern English prose, free (GPL-2+ or CC-BY-SA-3.0) and in every Debian mirror. Its paragraphs are
taken in the order of its pages; listings, titles, tables of contents, captions, navigation and index are
left out. Every fourth chapter (4, 8, 12, 16) is evaluated, all the others, preface and appendices calibrate: no
page is in both, and the split never changes. One paragraph a line, an empty line between two.
"""

import html.parser
import pathlib
import re
import sys

EVALUATED_EVERY = 4
LEFT_OUT_PAGES = {
    "index.html",  # title page, licence and table of contents
    "sect.acknowledgments.html",  # lists of names
}
SHORTEST_PARAGRAPH = 60  # characters: shorter ones are captions and one-line remarks before a listing

VOID = {"br", "hr", "img", "input", "link", "meta"}
# Publican's markup: a paragraph is <div class="para">, and other blocks can stand within one.
SKIPPED_CLASSES = {
    "titlepage", "title", "toc", "index", "docnav", "mediaobject", "caption", "url", "footnote",
    "footnotes", "legalnotice", "indexterm", "remark",
}
SKIPPED_TAGS = {"head", "pre", "script", "style", "table", "dt", "sup", "h1", "h2", "h3", "h4", "h5", "h6"}
BLOCKS = {"div", "ul", "ol", "dl", "li", "dd", "p", "blockquote"}


class Page(html.parser.HTMLParser):
    """Collects the paragraphs of one page, its title, and the page that follows it."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.chapter_title = ""
        self.next_page = None
        self.paragraphs = []
        self.open_tags = []  # (tag, skipped?, paragraph begun here or None)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "link":
            if attributes.get("rel") == "next":
                self.next_page = attributes.get("href")
            elif attributes.get("rel") == "up":
                self.chapter_title = attributes.get("title") or ""
        if tag in VOID:
            return
        classes = set((attributes.get("class") or "").split())
        skipped = tag in SKIPPED_TAGS or bool(classes & SKIPPED_CLASSES) or self.is_skipping()
        paragraph = None
        if "para" in classes and not skipped:
            paragraph = []
            self.paragraphs.append(paragraph)
        elif tag in BLOCKS:
            self.add(" ")
        self.open_tags.append((tag, skipped, paragraph))

    def handle_startendtag(self, tag, attributes):
        if tag in VOID:
            self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        # An unclosed tag is closed with the one around it.
        for depth in range(len(self.open_tags) - 1, -1, -1):
            if self.open_tags[depth][0] == tag:
                del self.open_tags[depth:]
                return

    def handle_data(self, data):
        if self.open_tags and self.open_tags[-1][0] == "title" and not self.title:
            self.title = data.strip()
        self.add(data)

    def is_skipping(self):
        return bool(self.open_tags) and self.open_tags[-1][1]

    def add(self, text):
        if self.is_skipping():
            return
        for _, _, paragraph in reversed(self.open_tags):
            if paragraph is not None:
                paragraph.append(text)
                return

    def prose(self):
        for parts in self.paragraphs:
            text = re.sub(r"\s+", " ", "".join(parts)).strip()
            text = re.sub(r" ([.,;:!?)])(?=\s|$)", r"\1", text)
            # A paragraph that only announces a listing says little once the listing is gone.
            if len(text) >= SHORTEST_PARAGRAPH and not text.endswith(":"):
                yield text

    def chapter(self):
        """The number of the chapter that this page opens or belongs to; None in preface and appendices."""
        for title in (self.title, self.chapter_title):
            match = re.match(r"Chapter\s+(\d+)\.", title)
            if match:
                return int(match.group(1))
        return None


def pages(folder):
    """The book's pages in its own order: each names the one that follows it."""
    name, seen = "index.html", set()
    while name and name not in seen:
        seen.add(name)
        page = Page()
        page.feed((folder / name).read_text(encoding="utf-8"))
        page.close()
        yield name, page
        name = page.next_page


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip().splitlines()[2].strip())
    source, target = map(pathlib.Path, sys.argv[1:])
    if not (source / "index.html").is_file():
        sys.exit(f"demo-text: no index.html in {source}: not the handbook's English HTML")

    texts = {"calibration": [], "evaluation": []}
    chapters = {"calibration": [], "evaluation": []}
    for name, page in pages(source):
        if name in LEFT_OUT_PAGES:
            continue
        chapter = page.chapter()
        part = "evaluation" if chapter and chapter % EVALUATED_EVERY == 0 else "calibration"
        texts[part] += page.prose()
        if chapter and chapter not in chapters[part]:
            chapters[part].append(chapter)

    if not all(texts.values()):
        sys.exit(f"demo-text: found no paragraphs in {source}: has the book's markup changed?")
    target.mkdir(parents=True, exist_ok=True)
    for part, paragraphs in texts.items():
        text = "\n\n".join(paragraphs) + "\n"
        (target / f"{part}.txt").write_text(text, encoding="utf-8")
        print(f"demo-text: {part}.txt: {len(text.encode()) // 1000} kB, {len(paragraphs)} paragraphs of the Debian "
              f"Administrator's Handbook, chapters {', '.join(map(str, chapters[part]))}"
              + (", preface, appendices" if part == "calibration" else ""))


if __name__ == "__main__":
    main()
