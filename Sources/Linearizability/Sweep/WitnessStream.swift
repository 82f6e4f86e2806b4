// The proof of `valid` on a stream: an order of operations, verified while it comes in.
// Shares nothing with the sweep but the model.

/// Verifies a linearization order piece by piece, in memory bounded by what is not placed yet.
///
/// Operations are added when their outcome is known, in any order, and placed in the order that
/// is to be proved. It holds if nothing was ever refused and nothing is missing at the end.
struct WitnessStream<M: Model> {
  private struct Entry {
    var action: M.Action
    var invocation: Int
    /// Nil for an operation of unknown outcome, which need not be placed.
    var completion: Int?
  }

  private let model: M
  private var state: M.State
  private var latestInvocation = Int.min
  /// Required operations that are not placed, by tag less `firstTag`, in a ring.
  private var required: [Entry?] = Array(repeating: Optional.none, count: 64)
  private var firstTag = 0
  private var nextTag = 0
  private var optional: [Int: Entry] = [:]
  /// Why the order proves nothing; nil while it stands.
  private(set) var flaw: String?

  init(model: M) {
    self.model = model
    state = model.initial
  }

  var bytes: Int { (required.count + 2 * optional.count) * MemoryLayout<Entry?>.stride }

  /// Takes note of an operation; its tag is the number of those before it.
  mutating func add(_ action: M.Action, invocation: Int, completion: Int?) -> Int {
    let tag = nextTag
    nextTag += 1
    let entry = Entry(action: action, invocation: invocation, completion: completion)
    guard completion != nil else {
      optional[tag] = entry
      return tag
    }
    if tag - firstTag >= required.count { makeRoom() }
    if tag - firstTag >= required.count { grow() }
    required[tag & (required.count - 1)] = entry
    return tag
  }

  /// Passes over what is placed already.
  private mutating func makeRoom() {
    let mask = required.count - 1
    while firstTag < nextTag - 1, required[firstTag & mask] == nil { firstTag += 1 }
  }

  private mutating func grow() {
    var larger: [Entry?] = Array(repeating: Optional.none, count: required.count * 2)
    for tag in firstTag..<(firstTag + required.count) {
      larger[tag & (larger.count - 1)] = required[tag & (required.count - 1)]
    }
    required = larger
  }

  /// Places the operation `tag` after all those placed before it.
  mutating func place(_ tag: Int) {
    guard flaw == nil else { return }
    guard let entry = take(tag) else {
      flaw = "operation \(tag) is placed twice or was never invoked"
      return
    }
    if let completion = entry.completion, completion < latestInvocation {
      flaw = "\(entry.invocation) completed before one placed ahead of it was invoked"
    }
    latestInvocation = max(latestInvocation, entry.invocation)
    if let next = model.step(state, entry.action) {
      state = next
    } else {
      flaw = "the model rejects operation \(entry.invocation) in state \(state)"
    }
  }

  private mutating func take(_ tag: Int) -> Entry? {
    if tag >= firstTag, tag < nextTag, tag - firstTag < required.count {
      let place = tag & (required.count - 1)
      if let entry = required[place] {
        required[place] = Optional.none
        return entry
      }
    }
    return optional.removeValue(forKey: tag)
  }

  /// Nothing more will be placed: whatever had to be must have been.
  mutating func finish() {
    for case let entry? in required where flaw == nil {
      flaw = "operation \(entry.invocation) is not placed"
    }
  }
}
