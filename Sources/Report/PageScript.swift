/// The script of the pages. Pointing at a drawing, or the arrow keys, tell the values there. Pointing at an entry of
/// a legend, or the keys up and down, let its curve stand out. Without JavaScript the same texts are hover titles.
/// A table that is wider than the screen says so until its last column is in sight.
///
/// It holds no "less than" and no ampersand, as `Markup.verbatim` asks.
enum PageScript {
  static let text: StaticString = """

    document.querySelectorAll(".scroll").forEach(function (box) {
      // What is out of sight to the right; a fraction of a pixel is none.
      function tell() { box.classList.toggle("more", box.scrollWidth - box.clientWidth - box.scrollLeft > 2); }
      box.addEventListener("scroll", tell, { passive: true });
      window.addEventListener("resize", tell);
      new ResizeObserver(tell).observe(box);
      tell();
    });
    document.querySelectorAll("figure.plot").forEach(function (figure, number) {
      var drawing = figure.querySelector("svg:not(.key), table");
      var readout = figure.querySelector(".readout");
      var cross = figure.querySelector(".cross");
      var right = Number(drawing.dataset.right), down = Number(drawing.dataset.down);
      var places = Array.from(drawing.querySelectorAll(".hit"));
      var entries = Array.from(figure.querySelectorAll("li[data-curve]"));
      var texts = new Map();
      var current = -1, picked = -1, kept = -1;
      var more = entries.length > 8 ? " Point at a name, or press the keys up and down, to let its curve stand out." : "";
      // Once is enough; the others keep their line, so that nothing moves when it is filled.
      var advice = number > 0 ? "\\u00a0" : "Point at the drawing, or focus it and use the arrow keys, to read values." + more;
      places.forEach(function (place, index) {
        var title = place.querySelector("title");
        texts.set(place, { text: title ? title.textContent : place.title, index: index });
        if (title) title.remove(); else place.removeAttribute("title");
      });
      function show(index) {
        if (current >= 0) places[current].classList.remove("on");
        current = index;
        if (cross) cross.style.visibility = index >= 0 ? "visible" : "hidden";
        if (0 > index) { readout.textContent = advice; return; }
        var place = places[index];
        place.classList.add("on");
        readout.textContent = texts.get(place).text;
        if (cross) { cross.setAttribute("x1", place.dataset.x); cross.setAttribute("x2", place.dataset.x); }
      }
      function point(event) {
        var found = texts.get(event.target);
        if (found) show(found.index);
      }
      function pick(index) {
        picked = index;
        figure.classList.toggle("picking", index >= 0);
        var curve = index >= 0 ? entries[index].dataset.curve : "";
        figure.querySelectorAll("[data-curve]").forEach(function (part) {
          var isPicked = part.dataset.curve === curve;
          part.classList.toggle("picked", isPicked);
          // On top of the others.
          if (isPicked) if (part.parentNode === drawing) drawing.insertBefore(part, cross);
        });
      }
      function isWithin(index) { return index >= 0 ? places.length > index : false; }
      drawing.addEventListener("pointermove", point);
      drawing.addEventListener("pointerdown", point);
      drawing.addEventListener("pointerleave", function (event) { if (event.pointerType === "mouse") show(-1); });
      drawing.addEventListener("blur", function () { show(-1); pick(kept); });
      drawing.addEventListener("keydown", function (event) {
        var moves = { ArrowRight: right, ArrowLeft: -right, ArrowDown: down, ArrowUp: -down };
        var move = moves[event.key];
        if (move === undefined) return;
        event.preventDefault();
        var step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
        if (step) if (entries.length > 0) {
          pick(picked >= 0 ? (picked + step + entries.length) % entries.length : step > 0 ? 0 : entries.length - 1);
          readout.textContent = "Standing out: " + entries[picked].textContent;
          return;
        }
        if (0 > current) show(0); else if (isWithin(current + move)) show(current + move);
      });
      entries.forEach(function (entry, index) {
        entry.addEventListener("pointerenter", function (event) { if (event.pointerType === "mouse") pick(index); });
        entry.addEventListener("pointerleave", function (event) { if (event.pointerType === "mouse") pick(kept); });
        entry.addEventListener("click", function () { kept = kept === index ? -1 : index; pick(kept); });
      });
      drawing.setAttribute("tabindex", "0");
      show(-1);
    });

    """
}
