#!/usr/bin/env python3
"""Checks how the sources read: each file begins with a comment that tells its story, holds at most 400 lines, and no
sentence of a comment has more than 30 words.

    check-comments.py [FOLDER…]

The default is Sources. The plugin header may be longer: it is the whole contract, which authors copy as one file.
"""

import pathlib
import re
import sys

LINES, WORDS = 400, 30
WHOLE = {"adapt_pruner_plugin.h"}
ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMENT = re.compile(r"\s*(?:///?|\*(?!/)|/\*+)(.*?)(?:\*/\s*)?$")


def comments(lines):
    """Blocks of consecutive comment lines, each with its first line's number and its text."""
    block, start, open_c = [], 0, False
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        is_comment = open_c or stripped.startswith(("//", "/*"))
        if stripped.startswith("/*") and "*/" not in stripped:
            open_c = True
        elif "*/" in stripped:
            open_c = False
        if is_comment:
            if not block:
                start = number
            found = COMMENT.match(line)
            block.append(found.group(1) if found else line)
        elif block:
            yield start, block
            block = []
    if block:
        yield start, block


def sentences(block):
    """What is prose: formulas are indented, tables stand between bars, items begin with a dash or a quoted name."""
    text = ""
    for line in block:
        if re.match(r"\s{3,}[^\s\"“-].*=|\s{4,}|\s*\||\s*$|\s*MARK:|\s*-{4,}", line):
            text += "\n\n"
        elif re.match(r"\s*(?:[-*•]|\d+\.)\s|\s*[\"“]", line):
            text += "\n\n" + line
        else:
            text += " " + line
    for paragraph in text.split("\n\n"):
        plain = re.sub(r"`[^`]*`", "code", paragraph)
        yield from re.split(r"(?<=[.!?])[)\"”]?\s+", plain)


def faults(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > LINES and path.name not in WHOLE:
        yield 1, f"{len(lines)} lines, at most {LINES}"
    ahead = r"\s*((@\w+|public|package)\s+)?import |#|@|\s+import |(public |package |fileprivate )?extension [^/]*\{$"
    body = [line for line in lines if line.strip() and not re.match(ahead, line)]
    first = next((line for line in lines if line.strip()), "")
    if body and not (first.strip().startswith(("//", "/*")) or body[0].strip().startswith(("//", "/*"))):
        yield 1, "no comment tells the file's story before its first declaration"
    for start, block in comments(lines):
        for sentence in sentences(block):
            words = re.findall(r"[^\W\d_][\w’'-]*", sentence)
            if len(words) > WORDS:
                yield start, f"a sentence of {len(words)} words, at most {WORDS}: {' '.join(sentence.split())[:60]}…"


def main():
    folders = [pathlib.Path(name) for name in sys.argv[1:]] or [ROOT / "Sources"]
    files = sorted(
        path for folder in folders for path in folder.rglob("*")
        if path.suffix in (".swift", ".c", ".h") and "Templates" not in path.parts)
    found = 0
    for path in files:
        for line, fault in faults(path):
            print(f"{path.relative_to(ROOT) if path.is_absolute() else path}:{line}: {fault}", file=sys.stderr)
            found += 1
    print(f"check-comments: {len(files)} files" + (f", {found} to mend" if found else ""))
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
