/// The style sheet of the pages. The colours are Okabe and Ito's: all kinds of colour vision tell their blue and orange
/// apart. They are lighter on dark pages.
enum PageStyle {
  static let text: StaticString = """

    :root { color-scheme: light dark; --back: #ffffff; --fore: #1c2024; --soft: #5c646d; --rule: #d9dde1;
      --panel: #f5f6f8; --blue: #0072b2; --orange: #b84a00; --heat: #00507d; --grid: #e4e7ea;
      --c1: #0072b2; --c2: #b84a00; --c3: #007a5a; --c4: #a8407e; --c5: #6b5b00; --c6: #3d3d99; --c7: #8c1c13; --c8: #4f5b66; }
    @media (prefers-color-scheme: dark) { :root { --back: #14171a; --fore: #e6e8ea; --soft: #a2abb4; --rule: #343a40;
      --panel: #1d2125; --blue: #56b4e9; --orange: #f0a050; --heat: #7cc8f4; --grid: #2a2f34;
      --c1: #56b4e9; --c2: #f0a050; --c3: #2fc79a; --c4: #e58fc4; --c5: #e0cf4a; --c6: #a3a3ff; --c7: #ff8b80; --c8: #b5c0ca; } }
    * { box-sizing: border-box; }
    body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--back); color: var(--fore);
      font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
    h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 0.5rem; }
    h2 { font-size: 1.3rem; margin: 2.5rem 0 0.75rem; padding-top: 0.75rem; border-top: 1px solid var(--rule); }
    h3 { font-size: 1.05rem; margin: 1.5rem 0 0.5rem; }
    p, dl, ul, ol { margin: 0.5rem 0; }
    a { color: var(--blue); }
    nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; padding: 0; list-style: none; }
    .notice { border-left: 4px solid var(--orange); background: var(--panel); padding: 0.5rem 0.75rem; }
    .soft, small, figcaption { color: var(--soft); }
    figcaption strong { color: var(--fore); display: block; }
    small { display: block; font-weight: normal; font-size: 0.8rem; }
    dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); gap: 0.5rem 1.5rem; }
    dt { color: var(--soft); font-size: 0.85rem; }
    dd { margin: 0; }
    .scroll { overflow-x: auto; margin: 1rem 0; container-type: inline-size; }
    .scroll.more { box-shadow: inset -0.75rem 0 0.6rem -0.6rem var(--soft); }
    .scroll.more caption span::after { content: "Scroll sideways for more columns →"; display: block; font-size: 0.8rem; font-weight: 600; color: var(--blue); }
    table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
    caption { text-align: left; color: var(--soft); padding-bottom: 0.4rem; }
    caption span { display: block; position: sticky; left: 0; max-width: 100cqw; }
    tbody th, thead th:first-child { position: sticky; left: 0; background: var(--back); }
    th, td { text-align: left; vertical-align: top; padding: 0.3rem 1.25rem 0.3rem 0; border-bottom: 1px solid var(--rule);
      white-space: nowrap; }
    thead th { vertical-align: bottom; border-bottom: 2px solid var(--rule); }
    tbody th { font-weight: 600; }
    .number { text-align: right; }
    .plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); gap: 1.5rem 2.5rem; }
    figure { margin: 0; min-width: 0; max-width: 46rem; } figure.wide { max-width: none; }
    .legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.25rem; padding: 0; list-style: none; font-size: 0.875rem; }
    .key { display: inline-block; width: 1.5rem; height: 0; margin-right: 0.4rem; vertical-align: middle;
      border-top: 2px solid var(--blue); }
    .key.raw { border-color: var(--blue); opacity: 0.6; }
    .key.mean { border-top: 3px solid var(--orange); }
    .key.palest, .key.strongest { height: 0.9rem; border: 1px solid var(--rule); background: var(--heat); }
    .key.palest { background: color-mix(in srgb, var(--heat) 5%, transparent); }
    svg { display: block; width: 100%; height: auto; }
    svg.key { width: 2.25rem; height: 0.875rem; border: 0; }
    svg text { font-size: 14px; fill: var(--soft); }
    svg text.name { fill: var(--fore); }
    .grid { stroke: var(--grid); }
    .axis { stroke: var(--soft); }
    line.round { stroke: var(--soft); stroke-dasharray: 3 4; }
    path { fill: none; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
    path.raw { stroke: var(--blue); stroke-width: 1; opacity: 0.6; }
    path.mean { stroke: var(--orange); stroke-width: 2; }
    circle.raw { fill: var(--blue); }
    circle.mean { fill: var(--orange); }
    .c1 { --own: var(--c1); }
    .c2 { --own: var(--c2); }
    .c3 { --own: var(--c3); }
    .c4 { --own: var(--c4); }
    .c5 { --own: var(--c5); }
    .c6 { --own: var(--c6); }
    .c7 { --own: var(--c7); }
    .c8 { --own: var(--c8); }
    path.curve { stroke: var(--own); stroke-width: 2; }
    .d2 { stroke-dasharray: 9 4; } .d3 { stroke-dasharray: 2 3; } .d4 { stroke-dasharray: 12 3 2 3; } .d5 { stroke-dasharray: 18 5; }
    .mark { stroke: var(--own); stroke-width: 1.5; fill: var(--own); } .m7 { fill: var(--back); } .m6 { fill: none; stroke-width: 2.5; }
    .curve, .mark { transition: opacity 0.1s; }
    .picking svg [data-curve]:not(.picked) { opacity: 0.12; } .picking li svg [data-curve]:not(.picked) { opacity: 0.5; }
    .picking .picked { font-weight: 600; } .picking path.curve.picked { stroke-width: 3.5; }
    li[data-curve] { cursor: pointer; }
    .samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1rem 1.5rem; }
    .samples h4 { font-size: 0.95rem; margin: 0; }
    .samples p { white-space: pre-wrap; border-left: 3px solid var(--rule); padding-left: 0.75rem; }
    .cross { stroke: var(--fore); visibility: hidden; }
    .lines .hit { fill: transparent; }
    .heat .hit { fill: var(--heat); stroke: var(--rule); stroke-width: 0.5; }
    .heat .hit.on { stroke: var(--orange); stroke-width: 3; }
    .readout { min-height: 1.5em; margin: 0.25rem 0 0; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
    .readout:empty { display: none; }
    .narrow { grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
    .cells { font-size: 0.875rem; } .cells th, .cells td { padding: 0.15rem 0.35rem; } .cells caption { font-size: 1rem; }
    .wide .cells th, .wide .cells td { padding: 0.2rem 0.25rem; }
    .cells tbody td, .cells thead th { text-align: right; white-space: normal; } .cells thead th[colspan] { text-align: center; }
    .cells tbody th, .cells thead tr:first-child th:first-child { text-align: left; padding-left: 0; }
    .wide .cells tbody td { white-space: nowrap; }
    .cells thead tr:not(:last-child) th[colspan] { border-bottom: 1px solid var(--rule); }
    .cells caption strong { color: var(--fore); display: block; }
    .cells .soft { color: var(--soft); } .cells .differs { font-weight: 700; }
    .cells .better { font-weight: 700; color: var(--blue); } .cells .worse { font-weight: 700; color: var(--orange); }
    .cells .on { outline: 2px solid var(--orange); outline-offset: -2px; }
    @supports (color: color-mix(in srgb, red, blue)) {
      [style*="--shade"] { background: color-mix(in srgb, var(--heat) var(--shade), var(--back)); }
      .pale, .middling { color: #000000; } .strong { color: #ffffff; }
      @media (prefers-color-scheme: dark) { .pale { color: #ffffff; } .middling, .strong { color: #000000; } }
    }
    .share { display: inline-block; height: 0.7rem; background: var(--blue); margin-right: 0.5rem; min-width: 1px; }
    details { margin: 1rem 0; }
    summary { cursor: pointer; color: var(--blue); }
    pre { overflow-x: auto; background: var(--panel); padding: 0.75rem; font-size: 0.85rem; overflow-wrap: normal; }
    code { font-size: 0.9em; }
    @media (max-width: 40rem) { svg text { font-size: 22px; } svg.heat text { font-size: 18px; } h1 { font-size: 1.4rem; }
      tbody th { white-space: normal; overflow-wrap: break-word; } tbody th.long { min-width: 8rem; } }
    @media print { nav, .readout { display: none; } body { max-width: none; } }

    """
}
