// What an application gives the library: a log, snapshots, a state machine, a network.

/// Counts the writes to a log, in order: when one is durable, so are all before it.
public typealias WriteNumber = UInt64

/// What a log storage held when it was opened.
public struct Recovered: Equatable, Sendable {
  /// The last vote that was saved.
  public var vote: Vote
  /// The names of the entries that were kept.
  public var log: LogIDList
  /// The memberships among them, in order.
  public var memberships: [StoredMembership]

  /// The vote and the log of a node that starts again.
  public init(
    vote: Vote = .none, log: LogIDList = LogIDList(), memberships: [StoredMembership] = []
  ) {
    self.vote = vote
    self.log = log
    self.memberships = memberships
  }
}

/// Keeps the vote and the log.
///
/// Writes come from `RaftCore` alone, one at a time, and return at once: they are readable then,
/// and durable when `run` says so. They reach the disk in the order they were asked for, the vote
/// among them, so that what survives a crash is always a prefix of what was written. `LogConformance`,
/// of the library RaftConformance, checks all that is asked of an implementation.
public protocol LogStorage: Sendable {
  /// What was there when the storage was opened.
  var recovered: Recovered { get }
  /// The last entry that was purged.
  var purged: LogID? { get }
  /// Puts `entries` at the end, which they must follow.
  func append(_ entries: [Entry]) -> WriteNumber
  /// Removes all entries from `index` on, which is after the last purged one.
  func truncate(from index: UInt64) -> WriteNumber
  /// Removes all entries up to `id`. Where the log ends before it, or holds another entry there,
  /// the log becomes empty and goes on after `id`.
  func purge(upTo id: LogID) -> WriteNumber
  /// Replaces the vote.
  func save(_ vote: Vote) -> WriteNumber
  /// The entries of `range` that the log holds, in order and from the first of `range` on, up to
  /// about `maxBytes` but at least one; none when the first is not there.
  func entries(in range: ClosedRange<UInt64>, maxBytes: Int) -> [Entry]
  /// The name of the entry at `index`, also of the last purged one.
  func id(at index: UInt64) -> LogID?
  /// Makes writes durable until cancelled, and reports the last that is.
  ///
  /// - Throws: when the disk fails. That ends the node: nothing is known of the disk then.
  func run(_ onDurable: @Sendable (WriteNumber) -> Void) async throws
}

/// Keeps snapshots. What throws ends the node. `SnapshotConformance`, of the library RaftConformance,
/// checks all that is asked of an implementation.
public protocol SnapshotStorage: Sendable {
  /// The newest whole snapshot.
  var current: SnapshotMeta? { get }
  /// Begins a snapshot. Until it is finished nothing of it can be seen.
  func writer(for meta: SnapshotMeta) async throws -> any SnapshotWriter
  /// Opens the newest whole snapshot; nil when there is none.
  func reader() async throws -> (any SnapshotReader)?
}

/// A snapshot that is being written.
public protocol SnapshotWriter: Sendable {
  /// Puts `bytes` at the end.
  func append(_ bytes: [UInt8]) async throws
  /// Makes it durable, and then the current one, unless that is newer.
  func finish() async throws
  /// Removes what was written.
  func discard() async
}

/// A whole snapshot, readable for as long as this is held, whatever becomes current meanwhile.
public protocol SnapshotReader: Sendable {
  /// What it stands for.
  var meta: SnapshotMeta { get }
  /// Its size in bytes.
  var size: UInt64 { get }
  /// `count` bytes from `offset` on, or fewer at the end.
  func bytes(at offset: UInt64, count: Int) async throws -> [UInt8]
}

/// What the commands change and the queries read. Called from one task only, in log order.
public protocol StateMachine: Sendable {
  /// The state at one moment, from which a snapshot is made.
  associatedtype View: SnapshotView
  /// What puts a snapshot together again.
  associatedtype Restoration: SnapshotRestoration where Restoration.Machine == Self

  /// Applies `entries`; one reply for each, in order. Blank entries and memberships get an empty
  /// reply.
  mutating func apply(_ entries: [Entry]) -> [[UInt8]]
  /// Answers a query from the applied state.
  func read(_ query: [UInt8]) -> [UInt8]
  /// The state as of now. Entries are applied while it is read, so it must be cheap to make.
  func view() -> View
  /// Begins to restore a snapshot that another machine's view gave.
  func restoration() -> Restoration
}

/// A state frozen at one log index, given out as bytes.
public protocol SnapshotView: Sendable {
  /// The next chunk, of about `bytes`; nil at the end.
  mutating func next(about bytes: Int) -> [UInt8]?
}

/// Takes a snapshot's bytes, in any split, and gives the state machine they stand for.
public protocol SnapshotRestoration: Sendable {
  /// The state machine.
  associatedtype Machine
  /// Takes the next bytes.
  mutating func take(_ bytes: [UInt8]) throws
  /// The state machine that the bytes stand for.
  ///
  /// - Throws: when they are not whole.
  consuming func finish() throws -> Machine
}

/// Carries requests to other nodes.
///
/// A call returns at once. Its reply is called exactly once, from anywhere, within a time of the
/// network's own choosing: with nil when no answer came. Requests to one node arrive in the order
/// of the calls where they arrive; the library bears loss, repetition and reordering all the same.
public protocol Network: Sendable {
  /// Asks `node` for a vote.
  func requestVote(
    _ request: VoteRequest, of node: NodeID, reply: @escaping @Sendable (VoteResponse?) -> Void)
  /// Replicates to `node`.
  func append(
    _ request: AppendRequest, to node: NodeID, reply: @escaping @Sendable (AppendResponse?) -> Void)
  /// Sends a part of a snapshot to `node`.
  func sendSnapshot(
    _ request: SnapshotRequest, to node: NodeID,
    reply: @escaping @Sendable (SnapshotResponse?) -> Void)
  /// Hands leadership over to `node`; whether it came shows in who leads.
  func requestTransfer(_ request: TransferRequest, to node: NodeID)
  /// Where the members are reached from now on.
  func membersChanged(to members: [Member])
}
