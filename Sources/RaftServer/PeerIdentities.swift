// Who the nodes are beyond their numbers. A node whose disk was wiped comes back under its number
// and knows nothing of what it promised and acknowledged; counted as the same node, it would make a
// quorum of nodes that do not hold what is committed.

import FoundationEssentials
import Logging
import Raft
import RaftStore

/// The identity that this node drew at its first start, and those of the nodes it has met: the
/// first under each number is kept, on disk, and any other refused until `forget`.
///
/// They are a file of text among those of the log: who loses the log loses the identity with it. A
/// line is a number and an identity; the first is the own one. `refused-by number` stands for a node
/// that knew another disk under this number when this one was still empty: until it takes this node
/// back, the node must not begin a cluster of its own with others that were wiped.
actor PeerIdentities {
  private static let name = "identities"
  private static let part = "identities.part"
  /// More nodes than any cluster has: so many a stranger can make this node keep.
  private static let most = 1000
  private static let refusedBy = "refused-by"

  private let executor: any SerialExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
  /// This node's number.
  nonisolated let node: NodeID
  /// What it drew.
  nonisolated let own: UUID
  private let disk: any Disk
  private let logger: Logger
  /// Where connections that come to nothing are reported.
  nonisolated let complaints: Complaints
  private var known: [NodeID: UUID]
  private var refused: [NodeID: UUID] = [:]
  private var refusing: Set<NodeID> = []
  /// Those of the file's `refused-by`.
  private var doubters: Set<NodeID>
  /// Whether the node has no past of its own.
  private let isNew: Bool
  /// Those of `doubters` that take this node for what it is by now.
  private var admitting: Set<NodeID> = []
  private var onDoubt: @Sendable (Doubt) -> Void = { _ in }

  /// Whether a node that has no past may have forgotten one.
  enum Doubt {
    /// It has not, as far as anybody knows.
    case none
    /// A node knows another under its number.
    case refused
    /// It was taken back, and holds not yet what the cluster does.
    case admitted
  }

  /// Reads what is on `disk`, or draws an identity for `node` and writes it there. Calls to the
  /// disk run on `executor`, which may block.
  ///
  /// - Parameter isNew: whether the node's log is empty: then it heeds those that refuse it.
  /// - Throws: `StoreError` when the file is another node's or was damaged, or the disk fails.
  init(
    disk: any Disk, node: NodeID, isNew: Bool, executor: any SerialExecutor, logger: Logger
  ) throws(StoreError) {
    self.disk = disk
    self.node = node
    self.executor = executor
    self.logger = logger
    self.isNew = isNew
    complaints = Complaints(logger: logger)
    let isThere = try disk.names().contains(Self.name)
    var (lines, doubters) =
      isThere ? try Self.parse(try disk.open(Self.name).contents()) : ([(node, UUID())], [])
    let (owner, identity) = lines.removeFirst()
    self.doubters = doubters
    guard owner == node else {
      throw StoreError(
        file: Self.name,
        reason: "belongs to \(owner), not to \(node); give the node its own directory")
    }
    own = identity
    known = Dictionary(lines) { first, _ in first }
    if !isThere { try Self.write([(node, own)], refusedBy: [], to: disk) }
  }

  /// Whether `identity` is the one this node knows `peer` by. The first that it meets it keeps, and
  /// returns when that is durable.
  ///
  /// - Throws: `StoreError` when that fails; nothing is kept then.
  func admit(_ peer: NodeID, _ identity: UUID) throws(StoreError) -> Bool {
    if let known = known[peer] {
      guard known != identity, refused[peer] != identity else { return known == identity }
      refused[peer] = identity
      logger.error(
        "refused a node: another disk under a known number",
        metadata: [
          "node": "\(peer)", "known": "\(known)", "refused": "\(identity)",
          "help": """
          remove \(peer) from the voters and let it join under a new number with --join, or take it \
          back by RAFT.ACCEPT \(peer.number) on each other node
          """,
        ])
      return false
    }
    guard known.count < Self.most else {
      throw StoreError(file: Self.name, reason: "holds \(Self.most) nodes already")
    }
    var next = known
    next[peer] = identity
    try keep(next)
    return true
  }

  /// Takes whoever comes next under the number of `peer` for it: an administrator said so.
  func forget(_ peer: NodeID) throws(StoreError) {
    var next = known
    next[peer] = nil
    try keep(next)
    refused[peer] = nil
  }

  /// Calls `body` with whether this node is in doubt: now, and whenever that changes.
  func watchDoubt(_ body: @escaping @Sendable (Doubt) -> Void) {
    onDoubt = body
    body(doubt)
  }

  private var doubt: Doubt {
    doubters.isEmpty ? .none : doubters.isSubset(of: admitting) ? .admitted : .refused
  }

  /// This node was taken back, and holds all that the cluster does. Until that is so, a start finds it in
  /// doubt again.
  func caughtUp() throws(StoreError) {
    guard doubt == .admitted else { return }
    doubters = []
    admitting = []
    try keep(known)
    onDoubt(.none)
  }

  /// `peer` takes this node for what it is.
  func wasAdmitted(by peer: NodeID) throws(StoreError) {
    refusing.remove(peer)
    guard doubters.contains(peer), admitting.insert(peer).inserted else { return }
    if doubt == .admitted { onDoubt(.admitted) }
  }

  /// `peer` knows another node under this one's number.
  func wasRefused(by peer: NodeID) throws(StoreError) {
    admitting.remove(peer)
    if isNew, doubters.insert(peer).inserted {
      onDoubt(.refused)
      try keep(known)
    }
    guard refusing.insert(peer).inserted else { return }
    logger.error(
      "refused by a node: it knows another disk under this number",
      metadata: [
        "node": "\(peer)", "own": "\(own)",
        "help": """
        if this disk was replaced, let the node join under a new number with --join, or say \
        RAFT.ACCEPT \(node.number) to \(peer)
        """,
      ])
  }

  private func keep(_ next: [NodeID: UUID]) throws(StoreError) {
    let peers = next.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    try Self.write([(node, own)] + peers, refusedBy: doubters, to: disk)
    known = next
  }

  private static func write(
    _ lines: [(NodeID, UUID)], refusedBy doubters: Set<NodeID>, to disk: any Disk
  ) throws(StoreError) {
    let text =
      lines.map { "\($0.number) \($1)\n" }.joined()
      + doubters.sorted().map { "\(refusedBy) \($0.number)\n" }.joined()
    let file = try disk.open(part)
    try file.truncate(to: 0)
    try file.write(Array(text.utf8), at: 0)
    try file.sync()
    try disk.rename(part, to: name)
    try disk.sync()
  }

  private static func parse(_ bytes: [UInt8]) throws(StoreError)
    -> (lines: [(NodeID, UUID)], doubters: Set<NodeID>)
  {
    var lines: [(NodeID, UUID)] = []
    var doubters: Set<NodeID> = []
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2, words[0] == refusedBy, let number = UInt64(words[1]), number > 0 {
        doubters.insert(NodeID(number))
        continue
      }
      guard words.count == 2, let number = UInt64(words[0]), number > 0,
        let identity = UUID(uuidString: String(words[1]))
      else {
        throw StoreError(
          file: name, reason: "has the line “\(line.prefix(80))”; it is “number identity”")
      }
      lines.append((NodeID(number), identity))
    }
    guard !lines.isEmpty else {
      throw StoreError(file: name, reason: "is empty; wipe the node and let it join anew")
    }
    return (lines, doubters)
  }
}
