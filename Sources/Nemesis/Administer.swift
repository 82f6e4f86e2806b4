// What administrators do in the middle of everything: it is allowed, and must do no harm.

import History
import NIOCore
import Systems
import Workloads

/// Asks the system for something that administrators do. There is nothing to heal.
public struct Administer: Fault {
  /// `administer`.
  public let kind = "administer"
  private let action: Administration
  private let cluster: Cluster
  private let group: any EventLoopGroup

  /// Does `action`.
  public init(action: Administration, cluster: Cluster, group: any EventLoopGroup) {
    self.action = action
    self.cluster = cluster
    self.group = group
  }

  /// Asks; what the system answered is the proof.
  public func inject() async throws -> [Event.Detail] {
    let answers = await cluster.system.administer(action, group: group)
    guard answers.contains(where: \.isDone) else {
      let reasons = Set(answers.map(\.text)).sorted().joined(separator: "; ")
      throw FaultError.skipped(reasons.isEmpty ? "the system has no such thing" : reasons)
    }
    return [
      Event.Detail("target", .text(action.rawValue)),
      Event.Detail("evidence", .names(answers.map { "\($0.node): \($0.text)" })),
    ]
  }

  /// Nothing.
  public func heal() async throws -> [Event.Detail] { [] }
}
