// What all simulated objects have in common: they propose operations and carry them out at once.
// Here: the seam, and distinct values. Not here: the objects (…Objects.swift), time.

import History

/// An operation that a client is about to invoke.
struct Call {
  var function: String
  var argument: Value
}

/// What an operation did at the instant at which it took effect.
struct Answer {
  /// Whether it ends `ok`; else it ends `fail`.
  var isOK = true
  var result: Value
  /// What a failed one reports to have seen.
  var observed: Value?
  /// Whether its result says nothing, as that of a read which may be unknown.
  var isSilent = false
  /// Whether it changed the object, so that it has a place in the order though nobody may hear
  /// of it.
  var changes: Bool

  /// Whether its completion demands a place in the order.
  var isObservation: Bool { (isOK && !isSilent) || observed != nil }
}

/// Whoever calls, as far as an object wants to know.
struct Caller {
  /// Whether nobody will hear of this call's end.
  var crashes = false
  /// Whether its last `acquire` came back `ok` and it has not released since.
  var holds = false
}

/// One object that does one thing after the other.
protocol AtomicObject: Sendable {
  /// What `caller` may sensibly do next.
  mutating func propose(to caller: Caller, _ dice: inout Dice) -> Call
  /// Does it.
  mutating func perform(_ call: Call, by caller: Caller, _ dice: inout Dice) -> Answer
  /// Whether a call that crashes takes effect; nil leaves it to chance.
  func crashTakesEffect(_ call: Call) -> Bool?
  /// Told of every call that crashes and will never take effect.
  mutating func lose(_ call: Call)
  /// Whether it has grown so large that new operations should go to a new object.
  var isFull: Bool { get }
}

extension AtomicObject {
  func crashTakesEffect(_ call: Call) -> Bool? { nil }
  mutating func lose(_ call: Call) {}
  var isFull: Bool { false }
}

/// All chance of one history: SplitMix64 (Steele, Lea & Flood 2014), which is the same everywhere.
/// Not the standard library's way from a generator to a range, which may change.
struct Dice {
  private var state: UInt64
  private let values: Int
  private var written: UInt32 = 0

  init(_ shape: GenerationShape) {
    state = shape.seed
    values = shape.values
  }

  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }

  /// A number below `count`: the high half of a product (Lemire 2019), whose bias is below 2⁻³².
  mutating func below(_ count: Int) -> Int {
    Int(((next() >> 32) &* UInt64(truncatingIfNeeded: count)) >> 32)
  }

  /// True in `percent` of a hundred cases.
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  /// A number to write: one of `values`, or one never written before.
  mutating func number() -> Int64 {
    values > 0 ? Int64(below(values)) + 1 : fresh()
  }

  /// A number never given before.
  mutating func fresh() -> Int64 {
    written &+= 1
    return Int64(written)
  }

  /// As `number`, but when all are distinct in no order: 2³¹ long, by Weyl's sequence.
  mutating func priority() -> Int64 {
    values > 0 ? number() : (fresh() &* 0x9e37_79b1) & 0x7fff_ffff
  }

  /// One to look for: as often as not `there`, which is what is there.
  mutating func known(_ there: Value) -> Value {
    values == 0 || below(2) == 0 ? there : .integer(number())
  }
}
