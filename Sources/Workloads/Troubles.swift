// What faults do and to whom, in the words of workload files and plans.

import Systems

/// What is done, and to whom: `lose-unsynced all`, as a plan says it.
public struct AimedTrouble<Trouble: RawRepresentable<String> & Sendable>: Sendable {
  /// What is done.
  public var trouble: Trouble
  /// To whom.
  public var target: NodeTarget

  /// What `choice` says; nil when it says something else.
  public init?(choice: String) {
    let words = choice.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let trouble = Trouble(rawValue: String(words[0])),
      let target = NodeTarget(rawValue: String(words[1]))
    else { return nil }
    self.trouble = trouble
    self.target = target
  }

  /// Each of `troubles` on each of `targets`, as a plan says it.
  static func all(_ troubles: [Trouble], on targets: [NodeTarget]) -> [String] {
    troubles.flatMap { trouble in targets.map { "\(trouble.rawValue) \($0.rawValue)" } }
  }
}

/// What a node's disk does to it.
public enum DiskTrouble: String, CaseIterable, Sendable {
  /// The node is killed, and what it had written and not synced is gone.
  case loseUnsynced = "lose-unsynced"
  /// The node is killed; of what it had not synced a part is left, and ends in the middle of a write.
  case tornWrite = "torn-write"
  /// Its syncs stall for a while, in which the node is killed; what it had not synced is gone.
  case loseStalled = "lose-stalled"
  /// The node ends at one of its next syncs, and what it had not synced is gone; at the latest after two
  /// seconds.
  case killAtSync = "kill-at-sync"
  /// The node ends at one of its next writes to files, and what it had not synced is gone; at the latest
  /// after two seconds.
  case killAtWrite = "kill-at-write"
  /// Six times in a row the node ends at one of its next syncs, loses what it had not synced, and is
  /// started again at once.
  case crashLoop = "crash-loop"
  /// Syncs fail with EIO. At the end the power fails too, for a node that has ended by itself half the
  /// time: what it had not synced is gone, and a sync that works afterwards brings nothing back.
  case syncError = "sync-error"
  /// Reads of files fail with EIO.
  case readError = "read-error"
  /// Writes to files fail with EIO.
  case writeError = "write-error"
  /// Writes fail with ENOSPC.
  case full
  /// Each sync takes a second longer.
  case syncStall = "sync-stall"
  /// Each sync takes 150 ms longer: an election, with two of them, still comes to its end.
  case syncSlow = "sync-slow"
}

/// What becomes of a node's files while it is down.
public enum FileTrouble: String, CaseIterable, Sendable {
  /// A bit of its log, where its vote is too, is turned round, far from the end; at the end of the fault it is
  /// turned back.
  case log
  /// The same of its snapshot.
  case snapshot
  /// The end of its log is gone, up to 4 KiB of it, and stays so. More than Raft promises to survive: what
  /// was synced is lost.
  case logCut = "log-cut"
  /// At the end of the fault it gets back all its files as they were at the start, as from a backup. More
  /// than Raft promises to survive.
  case stale

  /// Which file it is about; nil for all.
  public var file: StoredFile? {
    switch self {
    case .log, .logCut: .log
    case .snapshot: .snapshot
    case .stale: nil
    }
  }

  /// Whether what was synced is lost.
  public var losesDurable: Bool { self == .logCut || self == .stale }
}

/// How a node's clocks are wrong.
public enum ClockTrouble: String, CaseIterable, Sendable {
  /// The clock that can be set is a minute ahead.
  case ahead
  /// It is a minute behind.
  case behind
  /// It jumps from ten seconds ahead to ten behind and back, five times a second.
  case strobe
  /// All clocks go twice as fast.
  case fast
  /// All clocks go half as fast.
  case slow
  /// The node is killed, and started with clocks that cannot be set an hour ahead, in a time namespace; at the
  /// end it is started again without. Of processes too in which no shim can be.
  case restartAhead = "restart-ahead"

  /// Whether clocks go fast or slow by what a plan says of them.
  static func bendsTime(_ choice: String) -> Bool {
    guard let aim = AimedTrouble<ClockTrouble>(choice: choice) else { return false }
    return aim.trouble == .fast || aim.trouble == .slow
  }
}

/// How the network is cut.
public enum PartitionShape: Hashable, Sendable {
  /// One node from all others.
  case one
  /// A majority from the rest.
  case halves
  /// The leader with a minority from the rest.
  case leaderMinority
  /// The leader with a majority from the rest.
  case leaderMajority
  /// Each node hears from a majority, no two from the same one.
  case majoritiesRing
  /// Two groups that hear nothing of one another, and one node that both hear.
  case bridge
  /// All hear one node, and it all, and nobody else anybody.
  case star
  /// Each hears the next and the one before, and nobody else.
  case chain
  /// Each direction is cut, or not, by chance.
  case random
  /// One node no longer hears the others, and is still heard.
  case oneWay
  /// A majority hear one another, and each of the others only one of them.
  case fringe
  /// These, by name, from the rest.
  case named([String])
}

extension PartitionShape: RawRepresentable, CaseIterable {
  /// Those that are words.
  public static let allCases: [PartitionShape] = [
    .one, .halves, .leaderMinority, .leaderMajority, .majoritiesRing, .bridge, .star, .chain,
    .random, .oneWay, .fringe,
  ]

  /// As workload files and plans say it: a word, or names that end in a digit, `n2` or `n1+n3`.
  public var rawValue: String {
    switch self {
    case .one: "one"
    case .halves: "halves"
    case .leaderMinority: "leader-minority"
    case .leaderMajority: "leader-majority"
    case .majoritiesRing: "majorities-ring"
    case .bridge: "bridge"
    case .star: "star"
    case .chain: "chain"
    case .random: "random"
    case .oneWay: "one-way"
    case .fringe: "fringe"
    case .named(let names): names.joined(separator: "+")
    }
  }

  /// What `text` says; nil when it is no shape.
  public init?(rawValue text: String) {
    if let word = Self.allCases.first(where: { $0.rawValue == text }) {
      self = word
    } else if case .named(let names) = NodeTarget(rawValue: text) {
      self = .named(names)
    } else {
      return nil
    }
  }
}

/// Which nodes a fault hits.
public enum NodeTarget: Hashable, Sendable {
  /// Any one.
  case one
  /// As many as the system must survive.
  case minority
  /// One more than it can.
  case majority
  /// The leader.
  case leader
  /// All but the leader.
  case followers
  /// Every one.
  case all
  /// The one whose log ends before the others'.
  case mostBehind
  /// The one that gave its vote to another after the others did.
  case lastToVote
  /// One on which a client's call is under way; where none is, one that a client called last.
  case held
  /// Those that have no vote yet.
  case learners
  /// These, by name.
  case named([String])
}

extension NodeTarget: RawRepresentable, CaseIterable {
  /// Those that are words.
  public static let allCases: [NodeTarget] = [
    .one, .minority, .majority, .leader, .followers, .all, .mostBehind, .lastToVote, .held,
    .learners,
  ]

  /// As workload files and plans say it: a word, or names that end in a digit, `n2` or `n1+n3`.
  public var rawValue: String {
    switch self {
    case .one: "one"
    case .minority: "minority"
    case .majority: "majority"
    case .leader: "leader"
    case .followers: "followers"
    case .all: "all"
    case .mostBehind: "most-behind"
    case .lastToVote: "last-to-vote"
    case .held: "held"
    case .learners: "learners"
    case .named(let names): names.joined(separator: "+")
    }
  }

  /// What `text` says; nil when it is no target.
  public init?(rawValue text: String) {
    if let word = Self.allCases.first(where: { $0.rawValue == text }) {
      self = word
      return
    }
    let names = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
    guard names.count <= 99, Set(names).count == names.count, names.allSatisfy(Self.isName) else {
      return nil
    }
    self = .named(names)
  }

  private static let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
  private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

  /// A digit at its end tells a name from a word that is misspelt.
  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, let last = text.utf8.last else { return false }
    return letters.contains(first | 0x20) && digits.contains(last) && isWord(text)
  }

  /// Whether it is of letters, digits and dashes.
  static func isWord(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        letters.contains($0 | 0x20) || digits.contains($0) || $0 == UInt8(ascii: "-")
      }
  }

  /// Whether it depends on how far each node is.
  public var needsStandings: Bool {
    self == .mostBehind || self == .lastToVote || self == .learners
  }
}

/// How connections are cut.
public enum CutMeans: String, CaseIterable, Sendable {
  /// Packets are dropped, and nobody is told.
  case drop
  /// Connections are refused with a reset.
  case reset

  /// Each of `shapes` by each of `means`, as a plan says it: `halves`, or `halves reset`.
  static func all<Shape: RawRepresentable<String>>(
    _ shapes: [Shape], by means: [CutMeans]
  ) -> [String] {
    shapes.flatMap { shape in
      means.map { $0 == .drop ? shape.rawValue : "\(shape.rawValue) \($0.rawValue)" }
    }
  }

  /// What `choice` cuts, and how; nil when it says something else.
  public static func read<Shape: RawRepresentable<String>>(
    _ choice: String
  ) -> (Shape, CutMeans)? {
    let words = choice.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    guard let shape = Shape(rawValue: words[0]) else { return nil }
    switch words.count {
    case 1: return (shape, .drop)
    case 2: return CutMeans(rawValue: words[1]).map { (shape, $0) }
    default: return nil
    }
  }
}

/// What becomes of members.
public enum MemberTrouble: String, CaseIterable, Sendable {
  /// They are removed and ended; at the end they come back with what they had.
  case remove
  /// They are removed and ended, and lose all that they had; at the end they come back under the same
  /// numbers.
  case wipe
}

/// What a node can have less of.
public enum Resource: String, CaseIterable, Sendable {
  /// A tenth of the time that it would run.
  case cpu
  /// No more memory than 4 MiB beside what it has: the kernel kills a node that wants more. Where no control
  /// group may be made it is skipped.
  case memory
  /// No more descriptors than it has, so that it can open no file and take no connection.
  case descriptors
}
