// What a generated history is to be like.
// Here: the parameters and their limits. Not here: the simulation (HistoryGenerator.swift).

import History

/// The parameters of a generated history. Equal ones give equal events for ever.
public struct GenerationShape: Equatable, Sendable {
  /// The object that is simulated.
  public var model: ModelName
  /// Operations in all.
  public var operations = 1000
  /// Clients, and so the most operations that are open at once. Crashed ones are not counted.
  public var concurrency = 5
  /// Distinct values that are written; with 0 no value is written twice.
  ///
  /// A counter adds from 1 to this, or, with 0, a different amount each time.
  public var values = 5
  /// Of a hundred operations, those that crash and end `info`.
  ///
  /// Half of them take effect, before or long after their `info`. Two kinds cannot be left to
  /// chance, or the history would be one of failures from there on: of a lock that knows its
  /// owner a crashed `acquire` never takes effect and a crashed `release` always does, in time.
  public var info = 0
  /// Of a hundred operations, those that only look (for queues and the like: that take out).
  ///
  /// A lock has none; its clients acquire and release in turn.
  public var reads = 50
  /// Objects that are used at once; for a multi-register, its registers (then 0 means three).
  ///
  /// With 1 or 0 operations carry no key, unless the model needs one.
  public var keys = 1
  /// Whether clients rest between operations, so that now and then none is open. Otherwise each
  /// invokes again at once, and there is no such instant.
  public var pauses = false
  /// Of a hundred failed compare-and-sets, those that say what they observed; of a hundred
  /// additions to or removals from a set, those that say whether they changed it.
  public var observations = 20
  /// Of a hundred looks at a set, those that read the whole of it. Such a read ties all elements
  /// together, so that none can be judged alone.
  public var snapshots = 0
  /// A list that has this many elements is left for one under a new key, since every read holds
  /// the whole of it; with 0, none up to 5000 operations, and 64 from there on.
  public var listLimit = 0
  /// How many may hold a semaphore at once.
  public var capacity = 2
  /// What all randomness comes from.
  public var seed: UInt64 = 0

  /// A thousand operations of five clients on `model`; set what is to be different.
  public init(model: ModelName) { self.model = model }

  /// - Throws: `GenerationError` for the first parameter that means nothing.
  func validate() throws(GenerationError) {
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(GenerationError) {
      guard range.contains(value) else {
        throw GenerationError(reason: .range(name: name, value: value, allowed: range))
      }
    }
    try check("operations", operations, 0...1_000_000_000)
    try check("concurrency", concurrency, 1...100_000)
    try check("values", values, 0...1_000_000_000)
    try check("info", info, 0...100)
    try check("reads", reads, 0...100)
    try check("keys", keys, 0...1_000_000)
    try check("observations", observations, 0...100)
    try check("snapshots", snapshots, 0...100)
    try check("list limit", listLimit, 0...1_000_000)
    try check("capacity", capacity, 1...1_000_000)
  }
}

/// Why no such history can be made. Its text is one line: what, remedy.
public struct GenerationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What stands in the way.
  public var reason: Reason

  /// What stands in the way of a history.
  public enum Reason: Equatable, Sendable {
    /// A parameter outside of what it may be.
    case range(name: String, value: Int, allowed: ClosedRange<Int>)
    /// The model has nothing that could break so.
    case notForModel(Break, ModelName)
    /// No place in this history where the break could be proved.
    case noPlace(Break)
  }

  /// One line: what, remedy.
  public var description: String {
    switch reason {
    case .range(let name, let value, let allowed):
      "\(name) cannot be \(value); give \(allowed.lowerBound) to \(allowed.upperBound)"
    case .notForModel(let kind, let model):
      "a \(model.rawValue) has no \(kind.rawValue); choose one of "
        + Break.allCases.filter { $0.models.contains(model) }.map(\.rawValue)
        .joined(separator: ", ")
    case .noPlace(let kind):
      "no place in this history where a \(kind.rawValue) could be proved; "
        + "try more operations, more values (0: all distinct), less info or another seed"
    }
  }
}
