// The open operations of a sweep: each holds a slot until it completes.

/// Open operations by slot. Slots are reused, so there are as many as were ever open at once.
struct SlotTable: ~Copyable {
  private(set) var words: Int
  // Owned; a mask of `words` words each: what is open, and of that what is pure and blind.
  private(set) var open: UnsafeMutablePointer<UInt64>
  private(set) var pure: UnsafeMutablePointer<UInt64>
  private(set) var blind: UnsafeMutablePointer<UInt64>
  // By slot.
  private(set) var actions: [Int32]
  private(set) var completions: [Int]
  private(set) var tags: [Int]
  private(set) var openCount = 0
  /// By place where configurations count a rigid class of `info` operations: the place of the
  /// blind class that sets the same state, or -1.
  var standIns: [Int] = []

  init() {
    words = 1
    (open, pure, blind) = (Self.mask(1), Self.mask(1), Self.mask(1))
    actions = Array(repeating: -1, count: 64)
    completions = Array(repeating: 0, count: 64)
    tags = completions
  }

  deinit {
    open.deallocate()
    pure.deallocate()
    blind.deallocate()
  }

  private static func mask(_ words: Int) -> UnsafeMutablePointer<UInt64> {
    let mask = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
    mask.initialize(repeating: 0, count: words)
    return mask
  }

  @inline(__always) func rigid(_ word: Int) -> UInt64 { open[word] & ~pure[word] & ~blind[word] }

  var isFull: Bool { openCount == words * 64 }

  mutating func widen() {
    let wider = words * 2
    let (newOpen, newPure, newBlind) = (Self.mask(wider), Self.mask(wider), Self.mask(wider))
    newOpen.update(from: open, count: words)
    newPure.update(from: pure, count: words)
    newBlind.update(from: blind, count: words)
    open.deallocate()
    pure.deallocate()
    blind.deallocate()
    (open, pure, blind) = (newOpen, newPure, newBlind)
    actions += Array(repeating: -1, count: 64 * words)
    completions += Array(repeating: 0, count: 64 * words)
    tags += Array(repeating: 0, count: 64 * words)
    words = wider
  }

  /// The lowest free slot, taken. Not when it is full.
  mutating func take(
    _ action: Int32, isPure: Bool, isBlind: Bool, completion: Int, tag: Int
  ) -> Int {
    precondition(!isFull, "all \(words * 64) slots are taken")
    var word = 0
    while open[word] == .max { word += 1 }
    let bit = (~open[word]).trailingZeroBitCount
    open[word] |= 1 << UInt64(bit)
    if isPure { pure[word] |= 1 << UInt64(bit) }
    if isBlind { blind[word] |= 1 << UInt64(bit) }
    let slot = word * 64 + bit
    (actions[slot], completions[slot], tags[slot]) = (action, completion, tag)
    openCount += 1
    return slot
  }

  mutating func release(_ slot: Int) {
    let keep = ~(UInt64(1) << UInt64(slot & 63))
    open[slot >> 6] &= keep
    pure[slot >> 6] &= keep
    blind[slot >> 6] &= keep
    openCount -= 1
  }
}
