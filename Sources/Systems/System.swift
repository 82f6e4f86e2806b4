// What the bench must know of a system under test: how a node is started, reached and asked.

import Hosts
import NIOCore
import RedisProtocol

/// A system under test. Starting, killing and watching its processes is `Cluster`'s.
public protocol System: Sendable {
  /// The program that a node runs.
  var program: String { get }
  /// Where clients connect, by node.
  var endpoints: [Endpoint] { get }
  /// The command that runs node `index`, which keeps its state in `data`.
  func command(node index: Int, data: String, as start: NodeStart) -> Command
  /// In which folder of a node's `data` that file is, and how its name ends; nil where nobody knows.
  func place(of file: StoredFile) -> (folder: String, nameEnd: String)?
  /// Whether there is a second build, to go to and come back from.
  var hasUpgrade: Bool { get }
  /// Changes who is a member; nil where that cannot be changed.
  var membership: (any MembershipControl)? { get }
  /// The nodes that lead, by their own word: several, while a deposed one has not heard of it.
  func leaders(group: any EventLoopGroup) async -> [Leader]
  /// How far each node is, of those that answer; none where that cannot be asked.
  func standings(within time: Duration, group: any EventLoopGroup) async -> [NodeStanding]
  /// Does what an administrator would; returns what each node that was asked answered.
  func administer(_ action: Administration, group: any EventLoopGroup) async -> [AdminAnswer]
}

extension System {
  /// The node that leads in the highest term; nil when none says that it does.
  public func leader(group: any EventLoopGroup) async -> Leader? {
    await leaders(group: group).max { ($0.term, $0.index) < ($1.term, $1.index) }
  }

  /// Nobody knows.
  public func place(of file: StoredFile) -> (folder: String, nameEnd: String)? { nil }

  /// None.
  public var hasUpgrade: Bool { false }

  /// It cannot be changed.
  public var membership: (any MembershipControl)? { nil }

  /// It cannot be asked.
  public func standings(
    within time: Duration, group: any EventLoopGroup
  ) async -> [NodeStanding] { [] }

  /// Nothing: who has nothing to administer need not say so.
  public func administer(_ action: Administration, group: any EventLoopGroup) async -> [AdminAnswer]
  {
    []
  }
}

/// A file of a node's, by what it means.
public enum StoredFile: String, CaseIterable, Sendable {
  /// The newest of its log, where its vote is too.
  case log
  /// Its snapshot.
  case snapshot
}

/// How far a node is.
public struct NodeStanding: Equatable, Sendable {
  /// Its place among the nodes.
  public var node: Int
  /// The index of the last entry of its log.
  public var lastIndex: UInt64
  /// Whether it has no vote, as it knows itself.
  public var isLearner: Bool
  /// How long ago it last gave its vote to another; nil when it has not since it was started.
  public var sinceVote: Duration?

  /// How far the node at this place is.
  public init(node: Int, lastIndex: UInt64, isLearner: Bool, sinceVote: Duration? = nil) {
    self.node = node
    self.lastIndex = lastIndex
    self.isLearner = isLearner
    self.sinceVote = sinceVote
  }
}

/// As what a node is started.
public struct NodeStart: Equatable, Sendable {
  /// Whether it waits to be added to the cluster, since it has lost all that it had.
  public var joins = false
  /// Whether it runs the second build.
  public var isUpgraded = false

  /// As one of those that begin a cluster, or go on.
  public init() {}
}

/// Removes members and adds them.
public protocol MembershipControl: Sendable {
  /// Makes nodes members no more. They may run on, and need not have heard.
  ///
  /// - Throws: `SystemError` when that is not known to be so within the time.
  func remove(_ nodes: [Int], within time: Duration, group: any EventLoopGroup) async throws
  /// Makes nodes members again, if they are not. Those that are `new` have lost all that they had.
  ///
  /// - Throws: as `remove`.
  func admit(
    _ nodes: [Int], new: Bool, within time: Duration, group: any EventLoopGroup
  ) async throws
}

/// What an administrator might do in the middle of everything.
public enum Administration: String, CaseIterable, Sendable {
  /// Leadership is handed to another node.
  case transfer
  /// Every node builds a snapshot.
  case snapshot
  /// Every node forgets the log that a snapshot stands for.
  case purge
}

/// What a node answered to an administrator.
public struct AdminAnswer: Equatable, Sendable {
  /// The node's name.
  public var node: String
  /// Whether it did what it was asked.
  public var isDone: Bool
  /// What it said.
  public var text: String
}

/// A leader, as the system tells it.
public struct Leader: Equatable, Sendable {
  /// Its place among the nodes.
  public var index: Int
  /// Its term, where the system has such a thing.
  public var term: UInt64

  /// A leader.
  public init(index: Int, term: UInt64) {
    self.index = index
    self.term = term
  }
}

/// Why a system cannot be put under test. Its text is one line.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  /// What, and what to do.
  public var description: String

  /// An error with this text.
  public init(_ description: String) { self.description = description }
}
