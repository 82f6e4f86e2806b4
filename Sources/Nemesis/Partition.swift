// Partitions: packets between nodes dropped by rules in a chain of our own.

import History
import Hosts
import Workloads

/// Cuts `grudge` into the network of the rules' hosts.
public struct Partition: Fault {
  /// `partition`.
  public let kind = "partition"
  let shape: PartitionShape
  let means: CutMeans
  let grudge: Grudge
  let rules: NetworkRuleBook
  let probe: any NetworkProbe

  /// The partition of this shape.
  public init(
    shape: PartitionShape, by means: CutMeans, grudge: Grudge, rules: NetworkRuleBook,
    probe: any NetworkProbe
  ) {
    self.shape = shape
    self.means = means
    self.grudge = grudge
    self.rules = rules
    self.probe = probe
  }

  /// Installs the rules, then sends a packet over every ordered pair of nodes: exactly those of the
  /// grudge must be lost.
  public func inject() async throws -> [Event.Detail] {
    guard !grudge.cuts.isEmpty else { throw FaultError.skipped("it would cut nothing") }
    try await rules.set(kind, grudge, means.fate)
    let seen = try await probe.matrix().cuts
    guard seen == grudge.cuts else {
      throw FaultError.unverified(
        "the probe lost \(Self.text(seen)), the rules cut \(Self.text(grudge.cuts))")
    }
    return [
      Event.Detail("shape", .text(shape.rawValue)), Event.Detail("by", .text(means.rawValue)),
      Event.Detail("cut", .names(grudge.cuts.sorted().map(\.description))),
      Event.Detail("probe", .text("\(seen.count) of \(pairs) ordered pairs lost, as asked for")),
    ]
  }

  /// Takes the rules out, then probes that every node hears every other.
  public func heal() async throws -> [Event.Detail] {
    try await rules.remove(kind)
    let seen = try await probe.matrix().cuts
    guard seen.isEmpty else {
      throw FaultError.unverified("after healing the probe still lost \(Self.text(seen))")
    }
    return [Event.Detail("probe", .text("all \(pairs) ordered pairs reached"))]
  }

  private var pairs: Int { rules.hosts.count * (rules.hosts.count - 1) }

  private static func text(_ links: Set<Link>) -> String {
    links.isEmpty ? "nothing" : links.sorted().map(\.description).joined(separator: " ")
  }
}

extension CutMeans {
  /// What happens to packets then.
  var fate: PacketFate {
    switch self {
    case .drop: .dropped
    case .reset: .reset
    }
  }
}
