// Seeds: the argument of every property test, printed when it fails, and the way to run it alone.

import FoundationEssentials

/// A seed of random numbers; `SEED=0x2a` in the environment runs that one alone.
public struct Seed: Hashable, Sendable, CustomStringConvertible {
  /// The number.
  public var number: UInt64

  /// The seed `number`.
  public init(_ number: UInt64) { self.number = number }

  /// As it is given to the environment.
  public var description: String { "SEED=0x\(String(number, radix: 16))" }

  /// `count` seeds, or the one that the environment names.
  public static func some(_ count: Int) -> [Seed] {
    if let text = ProcessInfo.processInfo.environment["SEED"] {
      let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
      guard let number = UInt64(digits, radix: text.hasPrefix("0x") ? 16 : 10) else {
        fatalError("SEED=\(text) is no number; give one such as 0x2a")
      }
      return [Seed(number)]
    }
    return (0..<UInt64(count)).map(Seed.init)
  }
}

/// SplitMix64 (Steele, Lea & Flood 2014): small, fast, and the same everywhere.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The sequence that `seed` gives.
  public init(_ seed: Seed) { state = seed.number }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
