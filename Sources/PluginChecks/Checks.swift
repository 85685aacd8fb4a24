import JSON
import PluginRuntime

/// The list of all checks, and those of one plugin's answers. `ProcessChecks` and `SharedProcessChecks` hold the others.
enum Checks {
  /// The mildest first. Whoever runs the others makes the first: it loads the plugin.
  static let all: [Check] = [
    loads, describesItself, describesOptions, makesInstances, answers, exportedNames, edgesOfOptions,
    typesOfOptions, smallModels, headsWithoutGroups, wholeSublayers, flatNumbers, extremeNumbers,
    leavesProcessAlone, sameAnswer, independentInstances, staysInBounds, olderHost, laterHost, threads,
    cancelled, neverGrows, largeLayer,
  ]

  /// If one of these fails, all others would fail for the same reason.
  static let foundations = [loads.name, makesInstances.name, answers.name]

  static let loads = Check(
    name: "loads", strictness: 1,
    sentence: "The library is what plugin.json says, and speaks this host's ABI.",
    remedy: "Build it with this host's adapt_pruner_plugin.h, and compare plugin.json with the descriptor."
  ) { _ in }

  static let describesItself = Check(
    name: "describes_itself", strictness: 1, sentence: "Version, licence, summary and statistics are there.",
    remedy:
      "Fill in the descriptor: version as 1.0.0, an SPDX licence, a summary that ends with a full stop, all in UTF-8."
  ) { checked in
    let plugin = checked.plugin
    let version = plugin.version.split(separator: ".", omittingEmptySubsequences: false)
    guard version.count == 3, version.allSatisfy({ Int($0.prefix { $0.isNumber }) != nil }) else {
      throw Wrong("its version is \"\(plugin.version)\", and no three numbers as in 1.0.0")
    }
    if plugin.licence.isEmpty { throw Wrong("it has no licence") }
    if !plugin.summary.hasSuffix(".") { throw Wrong("its summary \"\(plugin.summary)\" is no sentence") }
    if plugin.paper?.isEmpty == true { throw Wrong("its paper is empty instead of null") }
    for (name, text) in [
      ("summary", plugin.summary), ("licence", plugin.licence), ("paper", plugin.paper ?? ""),
    ] {
      let isPlain = text.unicodeScalars.allSatisfy {
        $0.properties.generalCategory != .control && $0 != "\u{FFFD}"
      }
      if !isPlain { throw Wrong("its \(name) is not one line of UTF-8: \"\(text.debugDescription)\"") }
    }
    if Set(plugin.statistics).count < plugin.statistics.count { throw Wrong("it names a statistic twice") }
    if plugin.scoresCompare, plugin.kind != .criterion {
      throw Wrong("it says that its scores compare, and is no criterion")
    }
  }

  static let describesOptions = Check(
    name: "describes_options", strictness: 1,
    sentence: "Each option says what it is for, and fits its own schema.",
    remedy:
      "Give each property a description, a type or an enum, and a default that fits. "
      + "Options and data for the checks stand in \"check\" of plugin.json."
  ) { checked in
    let properties = checked.plugin.schema.properties
    if let problem = checked.own.problem { throw Wrong(problem) }
    if properties.isEmpty, checked.own.options.isEmpty { throw Skipped("it has no options") }
    for property in properties {
      let name = property.name
      let isSnakeCase = name.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_") }
      if !isSnakeCase || name.isEmpty { throw Wrong("\"\(name)\" is not in snake_case") }
      if property.description?.isEmpty != false { throw Wrong("\(name) has no description") }
      if property.types.isEmpty, property.allowed == nil, !property.isData {
        throw Wrong("\(name) has neither type nor enum")
      }
      if property.defaultValue == nil, !property.isRequired, !property.isData {
        throw Wrong("\(name) is not required and has no default")
      }
    }
    do { _ = try checked.plugin.resolve(.object(checked.options)) } catch {
      throw Wrong("\(error)")
    }
  }

  static let makesInstances = Check(
    name: "makes_instances", strictness: 2,
    sentence: "It makes an instance with its defaults, and destroys it.",
    remedy: "Let create answer AP_OK for the options that your own schema gives."
  ) { checked in _ = try checked.subject() }

  static let answers = Check(
    name: "answers", strictness: 2, sentence: "It judges a small decoder with grouped queries.",
    remedy:
      "Write every answer that the call asks for, finite and in range. The header has a section for each kind."
  ) { checked in _ = try checked.answer() }

  // MARK: - Options

  static let edgesOfOptions = Check(
    name: "edges_of_options", strictness: 3,
    sentence: "It works with every choice, and with both ends of every range.",
    remedy: "Narrow the schema to what works, or answer AP_INVALID_OPTIONS with a sentence."
  ) { checked in
    try tryOptions(of: checked, \.edges)
  }

  static let typesOfOptions = Check(
    name: "types_of_options", strictness: 3,
    sentence: "It understands every value that its schema allows, or refuses it with a sentence.",
    remedy: "Give the option a type in the schema. The host then refuses all others."
  ) { checked in
    try tryOptions(of: checked) { _ in OptionsSchema.Property.ofEachType }
  }

  /// Sets each option to each of some values, one at a time.
  private static func tryOptions(
    of checked: CheckedPlugin, _ values: (OptionsSchema.Property) -> [JSONValue]
  ) throws {
    let schema = checked.plugin.schema
    if schema.properties.allSatisfy(\.isData) { throw Skipped("it has no options") }
    for property in schema.properties where !property.isData {
      for value in values(property) {
        var options = checked.options
        options[property.name] = value
        guard (try? schema.resolve(.object(options))) != nil else { continue }
        let what = "with \(property.name) = \(value.compact)"
        try checked.allowingRefusal(what, alsoUnlikely: true) {
          _ = try checked.subject(options).ask(about: checked.model)
        }
      }
    }
  }

  // MARK: - Models

  static let smallModels = Check(
    name: "small_models", strictness: 4,
    sentence: "It works with one layer, one head, one channel and one column.",
    remedy: "Do not divide by a count less one, and do not read a neighbour that is not there."
  ) { checked in
    try checked.tryModels(
      [
        ("with one layer", { $0.layers = 1 }), ("with one KV head", { $0.kvHeads = 1 }),
        ("with heads of one dimension", { $0.headDimension = 1 }),
        ("with one channel", { $0.channels = 1 }), ("with one column", { $0.hidden = 1 }),
        (
          "with one of everything",
          {
            ($0.layers, $0.kvHeads, $0.repeats) = (1, 1, 1)
            ($0.headDimension, $0.channels, $0.hidden) = (1, 1, 1)
          }
        ),
      ], alsoUnlikely: checked.plugin.kind == .allocator)
  }

  static let headsWithoutGroups = Check(
    name: "heads_without_groups", strictness: 4,
    sentence: "It works with as many KV heads as query heads, and with one KV head for all query heads.",
    remedy: "Take the repeats and positions of a matrix from ap_matrix, not from one model that you know."
  ) { checked in
    try checked.tryModels(
      [
        ("with no groups", { ($0.kvHeads, $0.repeats) = (6, 1) }),
        ("with one group", { ($0.kvHeads, $0.repeats) = (1, 6) }),
      ], alsoUnlikely: checked.plugin.kind == .allocator)
  }

  static let wholeSublayers = Check(
    name: "whole_sublayers", strictness: 4,
    sentence: "It judges units that are whole sublayers and layers, or says that it does not.",
    remedy: "Answer AP_UNSUPPORTED with a sentence for families that are not yours."
  ) { checked in
    guard checked.plugin.kind == .criterion || checked.plugin.kind == .allocator else {
      throw Skipped("only criteria and allocators are asked about them")
    }
    try checked.tryModels(
      SampleFamily.groups[1...].map { families in
        ("of \(families.map(\.rawValue).joined(separator: " and "))", { $0.families = families })
      }, alsoUnlikely: true)
  }

  // MARK: - Numbers

  static let flatNumbers = Check(
    name: "flat_numbers", strictness: 5,
    sentence: "It judges or refuses tensors that are constant or zero.",
    remedy: "Check whether a norm or a variance is zero before you divide by it."
  ) { checked in
    try checked.tryModels(with: [.constant, .zero], alsoUnlikely: false)
  }

  static let extremeNumbers = Check(
    name: "extreme_numbers", strictness: 5,
    sentence: "Tensors of denormal, huge and NaN numbers do not end the process.",
    remedy: "Do not use a number as an index, and do not sort by a comparison that NaN breaks."
  ) { checked in
    try checked.tryModels(with: [.denormal, .huge, .notANumber], alsoUnlikely: true)
  }

  // MARK: - Repetition

  static let sameAnswer = Check(
    name: "same_answer", strictness: 6, sentence: "The same question has the same answer, bit for bit.",
    remedy:
      "Let the answer depend only on the arguments and the host's random numbers: no clock, no rand(), no address, "
      + "no memory that was not written."
  ) { checked in
    let first = try checked.subject()
    let answer = try first.ask(about: checked.model)
    try same(try first.ask(about: checked.model), answer, "asked again, an instance")
    try same(try checked.answer(), answer, "another instance")
  }

  static let independentInstances = Check(
    name: "independent_instances", strictness: 6,
    sentence: "An instance's answer does not depend on other instances or on earlier questions.",
    remedy: "Keep what you compute in the instance that create makes, not in globals. Begin each call anew."
  ) { checked in
    let answer = try checked.answer()
    let (one, other) = (try checked.subject(), try checked.subject())
    var elsewhere = checked.model
    (elsewhere.channels, elsewhere.layers) = (3, 1)
    _ = try? one.ask(about: elsewhere)
    var flat = checked.model
    flat.numbers = .constant
    _ = try? other.ask(about: flat)
    try same(try one.ask(about: checked.model), answer, "after another model, an instance")
    try same(try other.ask(about: checked.model), answer, "beside another one, an instance")
  }

  static func same(_ got: [Double], _ expected: [Double], _ what: String) throws {
    guard got.count == expected.count else {
      throw Wrong("\(what) gave \(got.count) numbers, not \(expected.count)")
    }
    if let index = got.indices.first(where: { got[$0].bitPattern != expected[$0].bitPattern }) {
      throw Wrong("\(what) answered \(got[index]) where \(expected[index]) was answered before")
    }
  }

  // MARK: - Memory and versions

  static let staysInBounds = Check(
    name: "stays_in_bounds", strictness: 7,
    sentence: "It reads and writes the memory that it was handed, and not a byte beside it.",
    remedy: "Respect counts, strides and shapes. Write only to what the call names as its answer."
  ) { checked in
    for placement in [CallMemory.Placement.guardedBehind, .guardedInFront] {
      var memory = CallMemory()
      memory.placement = placement
      let subject = try checked.subject(memory: memory)
      _ = try subject.ask(about: checked.model)
      var odd = checked.model
      (odd.kvHeads, odd.headDimension, odd.channels, odd.hidden) = (1, 3, 5, 7)
      try checked.allowingRefusal("of another shape", alsoUnlikely: true) { _ = try subject.ask(about: odd) }
    }
  }

  static let olderHost = Check(
    name: "older_host", strictness: 8,
    sentence: "It works with a host of version \(ABIVersion.host.major).0, whose structs are shorter.",
    remedy: "Ask with AP_HAS before you use a field that is newer than version \(ABIVersion.host.major).0."
  ) { checked in
    _ = try checked.answer { ($0.isOlderHost, $0.placement) = (true, .guardedBehind) }
  }

  static let laterHost = Check(
    name: "later_host", strictness: 8,
    sentence: "It works with a host of the next minor version, whose structs are longer.",
    remedy:
      "Compare struct_size with AP_HAS, never for equality, and step through lists of structs by their pointers."
  ) { checked in
    if checked.plugin.builtFor.minor > ABIVersion.host.minor {
      throw Skipped("it was built for a later version, and may know what stands in longer structs")
    }
    let answer = try checked.answer()
    let later = try checked.answer { ($0.isLaterHost, $0.placement) = (true, .guardedBehind) }
    try same(later, answer, "called by a later host, an instance")
  }
}
