// The only randomness of workloads and faults: the same seed gives the same choices. Here, since packets
// are lost by it too.

/// A small generator of random numbers (Steele, Lea & Flood 2014), seeded and splittable.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// A generator whose choices follow from `seed` alone.
  public init(seed: UInt64) { state = seed }

  /// A generator for one part of a whole: independent of its siblings and of how much they draw.
  public init(seed: UInt64, part: UInt64) {
    var mixer = SplitMix64(seed: seed ^ (part &+ 1) &* 0xd605_1e45_7a21_e2e5)
    state = mixer.next()
  }

  /// The seed of one part of a whole.
  public static func mixed(_ seed: UInt64, part: UInt64) -> UInt64 {
    var generator = SplitMix64(seed: seed, part: part)
    return generator.next()
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
