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
  func command(node index: Int, data: String) -> Command
  /// The nodes that lead, by their own word: several, while a deposed one has not heard of it.
  func leaders(group: any EventLoopGroup) async -> [Leader]
  /// Does what an administrator would; returns what each node that was asked answered.
  func administer(_ action: Administration, group: any EventLoopGroup) async -> [AdminAnswer]
}

extension System {
  /// The node that leads in the highest term; nil when none says that it does.
  public func leader(group: any EventLoopGroup) async -> Leader? {
    await leaders(group: group).max { ($0.term, $0.index) < ($1.term, $1.index) }
  }

  /// Nothing: who has nothing to administer need not say so.
  public func administer(_ action: Administration, group: any EventLoopGroup) async -> [AdminAnswer]
  {
    []
  }
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
