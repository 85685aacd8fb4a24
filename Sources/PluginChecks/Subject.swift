import Foundation
import JSON
import PluginRuntime
import Synchronization

/// An instance of any kind. It is asked about a whole sample model, and its answer is a list of numbers.
final class Subject {
  private let answer: (SampleModel) throws -> [Double]

  /// - Parameters:
  ///   - own: the author's data, by option.
  ///   - services: the host's services. Other data and all log-likelihoods are the sample's.
  init(_ plugin: LoadedPlugin, options: JSONValue, own: OwnTestData, services: HostServices) throws {
    let data = SampleData()
    let memory = services.memory
    var services = services
    services.openData = { option, _ in own.corpora[option] ?? data.corpus }
    services.logLikelihood = { sequences in data.logLikelihoods(of: sequences) }
    switch plugin.kind {
    case .criterion:
      let criterion = try CriterionInstance(of: plugin, options: options, services: services)
      answer = { try $0.scores(of: criterion, memory) }
    case .allocator:
      let allocator = try AllocatorInstance(of: plugin, options: options, services: services)
      answer = { try $0.shares(of: allocator) }
    case .compensator:
      let compensator = try CompensatorInstance(of: plugin, options: options, services: services)
      answer = { try $0.changes(by: compensator, memory) }
    case .transform:
      let transform = try TransformInstance(of: plugin, options: options, services: services)
      answer = { try $0.bases(of: transform) }
    case .evaluator:
      let evaluator = try EvaluatorInstance(of: plugin, options: options, services: services)
      answer = { model in
        data.use(model.numbers)
        let result = try evaluator.evaluate(model: model.summary)
        return result.metrics.flatMap { [$0.value, $0.standardError ?? -1] } + result.items.flatMap(\.values)
      }
    }
  }

  func ask(about model: SampleModel) throws -> [Double] { try answer(model) }
}

extension SampleModel {
  /// The share of the parameters that stays.
  private static let goal = 0.9

  fileprivate func scores(of criterion: CriterionInstance, _ memory: CallMemory) throws -> [Double] {
    var answer: [Double] = []
    for layer in (0..<layers).reversed() {
      for family in families {
        let arena = Arena(memory)
        let units = units(family, layer: layer, statistics: criterion.statistics, arena)
        arena.seal()
        answer += try withExtendedLifetime(arena) {
          try criterion.score(model: summary, units: units).map(Double.init)
        }
      }
    }
    return answer
  }

  /// The shares with scores that compare across families, then with scores that do not.
  fileprivate func shares(of allocator: AllocatorInstance) throws -> [Double] {
    let request = allocation(goal: Self.goal)
    return try [true, false].flatMap { scoresCompare in
      let shares = try allocator.allocate(
        model: summary, budget: request.budget, layers: request.layers, scoresCompare: scoresCompare)
      return shares.joined().flatMap { [$0.sparsity, Double($0.keep)] }
    }
  }

  fileprivate func changes(by compensator: CompensatorInstance, _ memory: CallMemory) throws -> [Double] {
    var answer: [Double] = []
    for layer in 0..<layers {
      for family in [SampleFamily.attention, .mlp] {
        let arena = Arena(memory)
        let projection = projection(family, layer: layer, arena)
        arena.seal()
        let changed = try withExtendedLifetime(arena) {
          try compensator.compensate(model: summary, projection)
        }
        answer += changed.weight.map(Double.init) + (changed.bias ?? []).map(Double.init)
      }
    }
    return answer
  }

  fileprivate func bases(of transform: TransformInstance) throws -> [Double] {
    let residual = residual(goal: transform.fixesWidths ? nil : Self.goal)
    let widths = try transform.widths(model: summary, residual)
    var answer = widths.map(Double.init)
    for (index, place) in residual.places.enumerated() {
      let random = RandomStream(seed: 6, plugin: "", stream: UInt64(index))
      answer += try transform.orient(
        model: summary,
        OrientRequest(
          place: place, hidden: hidden, width: widths[index], tokens: hidden + 3, gram: gram(hidden, random)))
    }
    return answer
  }
}

/// The documents that evaluators read, and a model's log-likelihoods of them.
private final class SampleData: Sendable {
  private let numbers = Mutex(SampleModel.Numbers.ordinary)

  func use(_ numbers: SampleModel.Numbers) { self.numbers.withLock { $0 = numbers } }

  /// Two long documents. If the numbers are not ordinary, also an empty one and one of a single token.
  var corpus: HostServices.Corpus {
    let long = [Array(0..<1000 as Range<Int32>), Array(17..<700)]
    let isOrdinary = numbers.withLock { $0 } == .ordinary
    return HostServices.Corpus(name: "sample", documents: isOrdinary ? long : [[], [5]] + long)
  }

  func logLikelihoods(of sequences: [HostServices.ScoredSequence]) -> [[Float]] {
    let numbers = numbers.withLock { $0 }
    return sequences.map { sequence in
      sequence.tokens[sequence.first...].indices.map { index in
        let token = sequence.tokens[index]
        let random = RandomStream(seed: 7, plugin: "", stream: UInt64(UInt32(bitPattern: token)))
        return -4 * abs(numbers.value(index, of: random))
      }
    }
  }
}

extension OptionsSchema {
  /// Options that make an instance: a value that fits for each option that needs one.
  var sampleOptions: JSONObject {
    var options = JSONObject()
    for property in properties where property.isRequired || (property.isData && property.defaultValue == nil)
    {
      options[property.name] = property.sample
    }
    return options
  }
}

extension OptionsSchema.Property {
  /// A value that fits.
  var sample: JSONValue {
    if isData { return "sample.txt" }
    if let allowed, let first = allowed.first { return first }
    switch types.first {
    case .integer: return .integer(Int((minimum ?? exclusiveMinimum.map { $0 + 1 } ?? 1).rounded(.up)))
    case .number: return .number(minimum ?? exclusiveMinimum.map { $0 + 0.5 } ?? 0.5)
    case .boolean: return false
    case .array: return .array((0..<(minItems ?? 0)).map { _ in items.first?.sample ?? 1 })
    case .object: return [:]
    case .null: return .null
    default: return "sample"
    }
  }

  /// The values at the edges of what fits: every choice, both bounds.
  var edges: [JSONValue] {
    if isData { return [] }
    if let allowed { return allowed }
    var edges: [JSONValue] = types.contains(.null) ? [.null] : []
    if types.contains(.boolean) { edges += [true, false] }
    if types.contains(.integer) {
      edges += [minimum, maximum].compactMap { $0.flatMap { Int(exactly: $0) } }.map { .integer($0) }
      if maximum == nil { edges.append(.integer(1 << 40)) }
    } else if types.contains(.number) {
      edges += [minimum, maximum, exclusiveMinimum.map { $0.nextUp }].compactMap { $0 }.map { .number($0) }
      if maximum == nil { edges.append(.number(1e30)) }
    }
    if types.contains(.string) { edges += ["", "\u{1F33B}"] }
    if types.contains(.array) { edges += [.array([]), sample] }
    return edges
  }

  /// One value of each JSON type.
  static let ofEachType: [JSONValue] = [
    .null, true, 3, -2.5, "words", [], [1, 2], ["a": 1],
  ]
}
