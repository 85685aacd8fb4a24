import Foundation
import JSON
import Testing
import TrainingData

@Suite struct RoundSharesTests {
  @Test func linearSharesGrowByTheSameAmount() {
    // 2(i+1)/(R(R+1)) with R = 4: tenths 1, 2, 3, 4.
    #expect(RoundShares.linear.shares(of: 1000, rounds: 4) == [100, 200, 300, 400])
    // ⌊103/10⌋, ⌊206/10⌋, ⌊309/10⌋, and the rest.
    #expect(RoundShares.linear.shares(of: 103, rounds: 4) == [10, 20, 30, 43])
  }

  @Test func constantSharesLeaveTheRemainderToTheLastRound() {
    #expect(RoundShares.constant.shares(of: 11, rounds: 3) == [3, 3, 5])
  }

  @Test func cosineSharesAreDifferencesOfOneMinusTheCosine() {
    // 1 − cos 45° = 0.29289…
    #expect(RoundShares.cosine.shares(of: 100_000, rounds: 2) == [29_289, 70_711])
  }

  @Test func sharesAreThoseOfPythonsDoubles() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/training-data/shares.json")
    let cases = try #require(try JSONValue(parsing: Array(try Data(contentsOf: file))).arrayValue)
    #expect(cases.count == 192)
    for item in cases {
      let rule = try #require(item["rule"]?.stringValue.flatMap(RoundShares.init))
      let total = try #require(item["total"]?.integerValue)
      let rounds = try #require(item["rounds"]?.integerValue)
      let expected = try #require(item["shares"]?.arrayValue).compactMap(\.integerValue)
      #expect(rule.shares(of: total, rounds: rounds) == expected, "\(rule), \(total), \(rounds)")
    }
  }

  @Test(arguments: RoundShares.allCases)
  func sharesAddUpToAll(_ rule: RoundShares) {
    for total in [0, 1, 2, 17, 1_000_003] {
      for rounds in 1...25 {
        let shares = rule.shares(of: total, rounds: rounds)
        #expect(shares.count == rounds && shares.reduce(0, +) == total && shares.allSatisfy { $0 >= 0 })
      }
    }
  }

  @Test func withoutRoundsThereAreNoShares() {
    #expect(RoundShares.linear.shares(of: 10, rounds: 0).isEmpty)
  }
}
