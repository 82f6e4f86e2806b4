// What an application gives the library: a log, a state machine, a network.

/// Counts the writes to a log, in order: when one is durable, so are all before it.
public typealias WriteNumber = UInt64

/// What a log storage held when it was opened.
public struct Recovered: Sendable {
  /// The last vote that was saved.
  public var vote: Vote
  /// The names of the entries that were kept.
  public var log: LogIDList

  /// The vote and the log of a node that starts again.
  public init(vote: Vote = .none, log: LogIDList = LogIDList()) {
    self.vote = vote
    self.log = log
  }
}

/// Keeps the vote and the log.
///
/// Writes come from `RaftCore` alone, one at a time, and return at once: they are readable then,
/// and durable when `run` says so. They reach the disk in the order they were asked for, the vote
/// among them, so that what survives a crash is always a prefix of what was written.
public protocol LogStorage: Sendable {
  /// What was there when the storage was opened.
  var recovered: Recovered { get }
  /// Puts `entries` at the end, which they must follow.
  func append(_ entries: [Entry]) -> WriteNumber
  /// Removes all entries from `index` on.
  func truncate(from index: UInt64) -> WriteNumber
  /// Replaces the vote.
  func save(_ vote: Vote) -> WriteNumber
  /// The entries of `range` that the log holds, in order, up to about `maxBytes` but at least one.
  func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry]
  /// The name of the entry at `index`.
  func id(at index: UInt64) -> LogID?
  /// Makes writes durable until cancelled, and reports the last that is.
  ///
  /// - Throws: when the disk fails. That ends the node: nothing is known of the disk then.
  func run(_ onDurable: @Sendable (WriteNumber) -> Void) async throws
}

/// What the commands change and the queries read. Called from one task only, in log order.
public protocol StateMachine: Sendable {
  /// Applies `entries`; one reply for each, in order. Blank entries get an empty reply.
  mutating func apply(_ entries: [Entry]) -> [[UInt8]]
  /// Answers a query from the applied state.
  func read(_ query: [UInt8]) -> [UInt8]
}

/// Carries requests to other nodes. Every call ends within a time of the network's own choosing.
public protocol Network: Sendable {
  /// Asks `node` for a vote.
  func requestVote(_ request: VoteRequest, of node: NodeID) async throws -> VoteResponse
  /// Replicates to `node`.
  func append(_ request: AppendRequest, to node: NodeID) async throws -> AppendResponse
}
