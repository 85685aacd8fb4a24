import Foundation
import JSON
import PluginRuntime
import Testing

@Suite("Perplexity", .enabled(if: Shipped.isBuilt))
struct PerplexityTests {
  /// A model that gives token t the log-likelihood −t/8, whatever came before.
  static func evaluate(_ documents: [[Int32]], _ options: JSONValue) throws -> (EvaluationResult, [[Int32]]) {
    nonisolated(unsafe) var seen: [[Int32]] = []
    var services = HostServices()
    services.openData = { option, value in
      HostServices.Corpus(name: "\(option)-\(value.stringValue ?? "")", documents: documents)
    }
    services.logLikelihood = { sequences in
      seen += sequences.map(\.tokens)
      return sequences.map { sequence in sequence.tokens[sequence.first...].map { -Float($0) / 8 } }
    }
    let evaluator = try EvaluatorInstance(
      of: Shipped.plugin("adapt-pruner.perplexity"), options: options, services: services)
    return (try evaluator.evaluate(model: toyModel), seen)
  }

  @Test func isTheExponentialOfTheMeanOverPredictedTokens() throws {
    let (result, seen) = try Self.evaluate([[9, 1, 2, 9, 3, 5, 7]], ["data": "toy", "window": 3])
    // Windows [9 1 2] and [9 3 5]; the 7 is left over. Sums 3/8 and 8/8 over 2 + 2 tokens.
    #expect(seen == [[9, 1, 2], [9, 3, 5]])
    let mean = 11.0 / 8 / 4
    // √(2/(2−1) · Σ(s − 2m)²) / 4 with s = 3/8, 8/8
    let error = (2 * 2 * pow(5.0 / 16, 2)).squareRoot() / 4
    #expect(result.metrics.map(\.name) == ["data-toy.mean_nll@3", "data-toy.token_perplexity@3"])
    #expect(abs(result.metrics[0].value - mean) < 1e-12)
    #expect(abs(result.metrics[1].value - exp(mean)) < 1e-12)
    #expect(abs((result.metrics[0].standardError ?? 0) - error) < 1e-12)
    #expect(abs((result.metrics[1].standardError ?? 0) - exp(mean) * error) < 1e-12)
    #expect(result.metrics.allSatisfy { $0.lowerIsBetter })
    #expect(result.items.map(\.name) == ["data-toy.mean_nll@3"])
    #expect(result.items[0].values == [3.0 / 16, 8.0 / 16])
  }

  @Test func documentsThatAreWindowsStayWhole() throws {
    let (result, seen) = try Self.evaluate([[1, 2], [3], [4, 5, 6]], ["data": "toy", "window": 3])
    #expect(seen == [[1, 2], [4, 5, 6]])
    #expect(abs(result.metrics[0].value - (2.0 + 5 + 6) / 8 / 3) < 1e-12)
  }

  @Test func oneWindowHasNoStandardError() throws {
    let (result, _) = try Self.evaluate([[1, 2, 3, 4]], ["data": "toy", "window": 2, "max_windows": 1])
    #expect(result.metrics.map(\.standardError) == [nil, nil])
  }

  @Test func dataIsRequired() {
    #expect(
      sentence { _ = try Self.evaluate([], [:]) }
        == "options of adapt-pruner.perplexity: data: this option is required")
  }

  @Test func noTextIsAnError() {
    #expect(
      sentence { _ = try Self.evaluate([[1]], ["data": "toy"]) }
        == "adapt-pruner.perplexity: evaluate failed: data-toy has no window of two tokens or more")
  }

  @Test func whatTheHostsServiceThrowsIsTheReason() {
    struct Broken: Error, CustomStringConvertible { let description = "the disk is full" }
    var services = HostServices()
    services.openData = { _, _ in throw Broken() }
    let words = sentence {
      _ = try EvaluatorInstance(
        of: Shipped.plugin("adapt-pruner.perplexity"), options: ["data": "x"], services: services
      ).evaluate(model: toyModel)
    }
    #expect(words == "adapt-pruner.perplexity: evaluate failed: the disk is full")
  }
}
