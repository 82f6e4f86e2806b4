// The rows of a run's report. Nested in `RunReport`, as other targets have their own
// `Counterexample`. All times are nanoseconds since the run began.

extension RunReport {
  /// What one checker said.
  public struct CheckRow: Sendable {
    /// The checker, as the workload file calls it.
    public var name: String
    /// `valid`, `invalid` or `unknown`.
    public var verdict: String
    /// Why, in a sentence.
    public var detail: String

    /// A row.
    public init(name: String, verdict: String, detail: String) {
      self.name = name
      self.verdict = verdict
      self.detail = detail
    }
  }

  /// Counts and latencies of one function; a latency is nil when nothing was measured.
  public struct FunctionRow: Sendable {
    /// The function.
    public var name: String
    /// Operations that happened.
    public var ok: Int
    /// Operations that certainly did not.
    public var fail: Int
    /// Operations of unknown outcome.
    public var info: Int
    /// The median latency in milliseconds.
    public var p50: Double?
    /// The 95th percentile in milliseconds.
    public var p95: Double?
    /// The 99th percentile in milliseconds.
    public var p99: Double?
    /// The longest latency in milliseconds.
    public var max: Double?

    /// A row.
    public init(
      name: String, ok: Int, fail: Int, info: Int,
      p50: Double? = nil, p95: Double? = nil, p99: Double? = nil, max: Double? = nil
    ) {
      self.name = name
      self.ok = ok
      self.fail = fail
      self.info = info
      self.p50 = p50
      self.p95 = p95
      self.p99 = p99
      self.max = max
    }
  }

  /// What became of an operation. The raw value is its place in the drawings' data.
  public enum Completion: Int, Sendable, CaseIterable {
    case ok, fail, info
  }

  /// One operation on the timeline.
  public struct TimelineOperation: Sendable {
    /// The logical client.
    public var process: Int
    /// The lane: process modulo workers.
    public var worker: Int
    /// What it called.
    public var function: String
    /// The object; nil in a history about one.
    public var key: String?
    /// Function, argument and result, such as "write 12 → ok".
    public var label: String
    /// What became of it.
    public var outcome: Completion
    /// When it was invoked.
    public var start: Int64
    /// When the client stopped waiting; nil if the run ended first.
    public var end: Int64?
    /// The node that was asked.
    public var node: String?
    /// Why it did not end well.
    public var error: String?
    /// The index of the invocation in the history.
    public var index: Int

    /// An operation.
    public init(
      process: Int, worker: Int, function: String, key: String? = nil, label: String,
      outcome: Completion, start: Int64, end: Int64?, node: String? = nil,
      error: String? = nil, index: Int
    ) {
      self.process = process
      self.worker = worker
      self.function = function
      self.key = key
      self.label = label
      self.outcome = outcome
      self.start = start
      self.end = end
      self.node = node
      self.error = error
      self.index = index
    }
  }

  /// A fault from its injection until it was healed.
  public struct FaultWindow: Sendable {
    /// Its kind.
    public var name: String
    /// Who was hit.
    public var detail: String
    /// When it took hold.
    public var start: Int64
    /// When it was healed; nil if it was not seen to heal.
    public var end: Int64?
    /// In words, the evidence that it took hold.
    public var verified: String

    /// A fault.
    public init(name: String, detail: String, start: Int64, end: Int64?, verified: String) {
      self.name = name
      self.detail = detail
      self.start = start
      self.end = end
      self.verified = verified
    }
  }

  /// From `time` on, `node` leads in `term`.
  public struct LeaderChange: Sendable {
    /// When it was first seen.
    public var time: Int64
    /// The leader; nil for none.
    public var node: String?
    /// The term.
    public var term: Int

    /// A change.
    public init(time: Int64, node: String?, term: Int) {
      self.time = time
      self.node = node
      self.term = term
    }
  }

  /// Why a history is not linearizable.
  public struct Counterexample: Sendable {
    /// The object it is about; nil if the history is about one object.
    public var key: String?
    /// Plain text; an empty line parts paragraphs.
    public var explanation: String
    /// The indexes of the invocations that take part.
    public var operations: Set<Int>

    /// A counterexample.
    public init(key: String?, explanation: String, operations: Set<Int>) {
      self.key = key
      self.explanation = explanation
      self.operations = operations
    }
  }
}
