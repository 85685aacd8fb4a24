import Foundation

/// How the learning rate changes with the steps of a run: a factor in 0…1. It runs on over the rounds of a repeat, as
/// the published scripts keep one schedule over all their stages.
///
/// The shapes are those of transformers' `get_*_schedule_with_warmup` and `get_wsd_schedule`. Only the warm-up differs
/// where `wsd` has a minimum: it begins at 0, as in Adapt-Pruner's `CustomWSDScheduler`
/// (LLMPruner/post_training/trainer.py), and not at the minimum.
public struct Schedule: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case constant, linear, cosine
    /// Warm-up, stable, decay.
    case wsd
  }

  public internal(set) var kind: Kind
  /// Share of all steps in which the rate rises from 0.
  public internal(set) var warmup: Double
  /// Share of all steps in which `wsd` falls, at the end.
  public internal(set) var decay: Double
  /// What `wsd` falls to.
  public internal(set) var minimum: Double

  public init(kind: Kind = .cosine, warmup: Double = 0.03, decay: Double = 0.1, minimum: Double = 0) {
    self.kind = kind
    self.warmup = warmup
    self.decay = decay
    self.minimum = minimum
  }

  /// - Parameters:
  ///   - step: from 0.
  ///   - total: steps of the whole run.
  public func factor(step: Int, total: Int) -> Double {
    let warmupSteps = Schedule.count(warmup, of: total)
    if step < warmupSteps { return Double(step) / Double(max(1, warmupSteps)) }
    let progress = Double(step - warmupSteps) / Double(max(1, total - warmupSteps))
    switch kind {
    case .constant: return 1
    case .linear: return max(0, 1 - progress)
    case .cosine: return max(0, 0.5 * (1 + cos(.pi * progress)))
    case .wsd:
      let decaySteps = Schedule.count(decay, of: total)
      let stableEnd = total - decaySteps
      if step < stableEnd { return 1 }
      if step >= total { return minimum }
      let fall = 1 - Double(step - stableEnd) / Double(max(1, decaySteps))
      return (1 - minimum) * fall + minimum
    }
  }

  /// A share of the steps in whole ones; rounded up, as `TrainingArguments.get_warmup_steps` does.
  private static func count(_ share: Double, of total: Int) -> Int {
    Int((share * Double(total)).rounded(.up))
  }
}
