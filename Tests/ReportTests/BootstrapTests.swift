import Foundation
import JSON
import Report
import Testing

/// Against numpy and scipy: scripts/make-bootstrap-fixture.py.
extension PairedBootstrap {
  fileprivate func difference(
    _ first: [[Double]], _ second: [[Double]], pairsSeeds: Bool
  ) -> PairedDifference? { difference(Sample(first), Sample(second), pairsSeeds: pairsSeeds) }
}

@Suite("The paired bootstrap")
struct BootstrapTests {
  static let fixture: JSONValue = {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/comparison/bootstrap.json")
    return (try? JSONValue(parsing: Array(Data(contentsOf: file)))) ?? .null
  }()
  static var cases: [JSONValue] { fixture["cases"]?.arrayValue ?? [] }

  private func numbers(_ value: JSONValue?) -> [Double] {
    value?.arrayValue?.compactMap(\.numberValue) ?? []
  }

  private func isNear(_ found: Double, _ expected: Double?, within: Double = 1e-12) -> Bool {
    expected.map { abs(found - $0) <= within } ?? false
  }

  @Test("its mean and interval are numpy's over the same draws, with one seed and with several")
  func numpy() throws {
    #expect(Self.cases.count == 4)
    for json in Self.cases {
      let first = json["first"]?.arrayValue?.map(numbers) ?? []
      let second = json["second"]?.arrayValue?.map(numbers) ?? []
      let found = try #require(
        PairedBootstrap().difference(first, second, pairsSeeds: json["pairs_seeds"]?.boolValue ?? false))
      let name = json["name"]?.stringValue ?? ""
      #expect(isNear(found.mean, json["mean"]?.numberValue), "\(name)")
      #expect(isNear(found.low, json["low"]?.numberValue), "\(name)")
      #expect(isNear(found.high, json["high"]?.numberValue), "\(name)")
      #expect(found.items == 40)
    }
  }

  @Test("its interval is that of scipy.stats.bootstrap, as far as chance lets it")
  func scipy() throws {
    var compared = 0
    for json in Self.cases {
      guard let low = json["scipy_low"]?.numberValue, let high = json["scipy_high"]?.numberValue else {
        continue
      }
      let found = try #require(
        PairedBootstrap(draws: 20_000, seed: 3).difference(
          json["first"]?.arrayValue?.map(numbers) ?? [], json["second"]?.arrayValue?.map(numbers) ?? [],
          pairsSeeds: true))
      // A twentieth of the interval is several standard errors of a percentile of 20,000 draws.
      let slack = (high - low) / 20
      #expect(isNear(found.low, low, within: slack) && isNear(found.high, high, within: slack))
      compared += 1
    }
    #expect(compared == 2)
  }

  @Test("percentiles are those of numpy.quantile")
  func percentiles() {
    let json = Self.fixture["percentiles"]
    let sorted = numbers(json?["sorted"])
    let (shares, values) = (numbers(json?["shares"]), numbers(json?["values"]))
    #expect(!shares.isEmpty && shares.count == values.count)
    for (share, value) in zip(shares, values) {
      #expect(isNear(PairedBootstrap.percentile(sorted, share), value))
    }
  }

  @Test("a difference that is the same for every item has no width, and one of nothing isn't shown")
  func constant() throws {
    let items = [1.0, 2, 3, 4, 8]
    let shifted = try #require(
      PairedBootstrap().difference([items.map { $0 + 0.5 }], [items], pairsSeeds: true))
    #expect(
      isNear(shifted.mean, 0.5) && isNear(shifted.low, 0.5) && isNear(shifted.high, 0.5)
        && shifted.isSignificant)
    let same = try #require(PairedBootstrap().difference([items], [items], pairsSeeds: true))
    #expect(same.mean == 0 && same.low == 0 && same.high == 0 && !same.isSignificant)
  }

  @Test("the same input gives the same interval, and swapped models the mirrored one")
  func deterministic() throws {
    let first = [[1.0, 5, 2, 8, 3]]
    let second = [[2.0, 3, 2, 9, 1]]
    let once = try #require(PairedBootstrap().difference(first, second, pairsSeeds: true))
    #expect(PairedBootstrap().difference(first, second, pairsSeeds: true) == once)
    let swapped = try #require(PairedBootstrap().difference(second, first, pairsSeeds: true))
    #expect(isNear(swapped.low, -once.high) && isNear(swapped.high, -once.low))
  }

  @Test("what can't be paired is not tested")
  func refused() {
    let bootstrap = PairedBootstrap(draws: 10)
    #expect(bootstrap.difference([[1]], [[2]], pairsSeeds: true) == nil)
    #expect(bootstrap.difference([[1, 2]], [[1, 2, 3]], pairsSeeds: true) == nil)
    #expect(bootstrap.difference([[1, .nan]], [[1, 2]], pairsSeeds: true) == nil)
    #expect(bootstrap.difference([[1, 2], [1, 2]], [[1, 2]], pairsSeeds: true) == nil)
    #expect(bootstrap.difference([], [], pairsSeeds: true) == nil)
    #expect(bootstrap.difference([[1, 2]], [], pairsSeeds: false) == nil)
  }
}
