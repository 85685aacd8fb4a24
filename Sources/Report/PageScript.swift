/// What pages do beyond showing: pointing at a drawing, or going through it with the arrow keys, tells the values
/// there. The texts are those that are hover titles without JavaScript.
///
/// Written without "less than" and ampersand, as `Markup.verbatim` asks.
enum PageScript {
  static let text = Markup.StaticText(
    """

    document.querySelectorAll("figure.plot").forEach(function (figure, number) {
      var drawing = figure.querySelector("svg");
      var readout = figure.querySelector(".readout");
      var cross = figure.querySelector(".cross");
      var stride = Number(drawing.dataset.stride);
      var places = Array.from(drawing.querySelectorAll(".hit"));
      var texts = new Map();
      var current = -1;
      // Once is enough; the others keep their line, so that nothing moves when it is filled.
      var advice = number > 0 ? "\\u00a0" : "Point at the drawing, or focus it and use the arrow keys, to read values.";
      places.forEach(function (place, index) {
        var title = place.querySelector("title");
        texts.set(place, { text: title.textContent, index: index });
        title.remove();
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
      drawing.addEventListener("pointermove", point);
      drawing.addEventListener("pointerdown", point);
      drawing.addEventListener("pointerleave", function (event) { if (event.pointerType === "mouse") show(-1); });
      drawing.addEventListener("blur", function () { show(-1); });
      drawing.addEventListener("keydown", function (event) {
        var moves = { ArrowRight: stride, ArrowLeft: -stride, ArrowDown: 1, ArrowUp: -1 };
        var move = moves[event.key];
        if (move === undefined) return;
        event.preventDefault();
        var next = current >= 0 ? current + move : 0;
        if (next >= 0) if (places.length > next) show(next);
      });
      drawing.setAttribute("tabindex", "0");
      show(-1);
    });

    """)
}
