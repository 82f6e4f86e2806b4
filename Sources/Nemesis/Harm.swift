// What faults take of a cluster together, and whether that is within a workload's envelope.

import Hosts
import Systems
import Workloads

/// What a fault takes while it is on.
struct Harm: Equatable {
  /// Nodes that are down, stand still, or that clients do not reach.
  var down: Set<Int> = []
  /// Sets of nodes of each of which one at a time is down.
  var inTurn: [Set<Int>] = []
  /// Directions in which nothing is heard, by place.
  var cuts: Set<[Int]> = []
  /// Nodes that lose what they wrote and did not sync.
  var unsynced: Set<Int> = []
  /// Nodes that lose what they had synced, and do not get it back when it is healed.
  var synced: Set<Int> = []

  /// All of it together.
  static func + (one: Harm, other: Harm) -> Harm {
    Harm(
      down: one.down.union(other.down), inTurn: one.inTurn + other.inTurn,
      cuts: one.cuts.union(other.cuts), unsynced: one.unsynced.union(other.unsynced),
      synced: one.synced.union(other.synced))
  }

  /// All there is to take.
  static func everything(_ nodes: Range<Int>) -> Harm {
    Harm(down: Set(nodes), unsynced: Set(nodes))
  }

  /// Whether, of `count` nodes, one runs and hears both ways so many that run that they are a majority with
  /// it, whichever of those that are down in turn is.
  func leavesQuorum(of count: Int) -> Bool {
    let turns = inTurn.reduce([Set<Int>()]) { turns, nodes in
      Array(Set(turns.flatMap { turn in nodes.map { turn.union([$0]) } }))
    }
    return turns.allSatisfy { turn in
      let up = Set(0..<count).subtracting(down).subtracting(turn)
      return up.contains { node in
        let heard = up.filter { other in
          other == node || (!cuts.contains([node, other]) && !cuts.contains([other, node]))
        }
        return heard.count > count / 2
      }
    }
  }
}

extension Envelope {
  /// Why `harm`, of all faults that are on, or whose loss stays, is too much for `count` nodes; nil when it is
  /// not.
  func refusal(of harm: Harm, nodes count: Int) -> String? {
    switch self {
    case .anything: return nil
    case .quorum:
      return harm.leavesQuorum(of: count) && harm.synced.isEmpty
        ? nil : "with what else is on it would leave no quorum, as envelope: quorum wants it"
    case .minorityDurable:
      return harm.unsynced.union(harm.synced).count <= (count - 1) / 2
        ? nil : "with what else is on more than a minority would lose data, against the envelope"
    }
  }
}

extension LinkConditions {
  /// Whether nobody can be asked to do anything over such links in time.
  var isAsGoodAsCut: Bool {
    loss >= 0.3 || delay >= .milliseconds(500) || (bitsPerSecond ?? .infinity) < 64_000
  }
}

extension DiskTrouble {
  /// Whether what was not synced is lost.
  var losesUnsynced: Bool {
    switch self {
    case .loseUnsynced, .tornWrite, .loseStalled, .killAtSync, .killAtWrite, .crashLoop, .syncError:
      true
    case .readError, .writeError, .full, .syncStall, .syncSlow: false
    }
  }
}
