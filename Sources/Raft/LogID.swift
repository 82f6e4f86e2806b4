// Entries of the log and their names.

/// The name of an entry: in all logs, entries of equal name are equal, and so is all before them
/// (the log matching property, thesis §3.5).
public struct LogID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The term whose leader wrote it.
  public var term: UInt64
  /// Its place in the log, from 1.
  public var index: UInt64

  /// The entry that the leader of `term` wrote at `index`.
  public init(term: UInt64, index: UInt64) {
    self.term = term
    self.index = index
  }

  /// Later term first, then the longer log: how up to date a log that ends here is (thesis §3.6.1).
  public static func < (left: LogID, right: LogID) -> Bool {
    (left.term, left.index) < (right.term, right.index)
  }

  /// `term.index`.
  public var description: String { "\(term).\(index)" }
}

/// Compares the ends of two logs; an empty log is before all others.
func isUpToDate(_ candidate: LogID?, with own: LogID?) -> Bool {
  guard let own else { return true }
  guard let candidate else { return false }
  return candidate >= own
}

/// One entry of the replicated log.
public struct Entry: Equatable, Sendable {
  /// Its name.
  public var id: LogID
  /// What it says.
  public var payload: Payload

  /// What an entry says.
  public enum Payload: Equatable, Sendable {
    /// Nothing: a new leader's first entry, whose commitment commits all before it.
    case blank
    /// A command of the application.
    case command([UInt8])
    /// Who belongs to the cluster from here on: it holds as soon as it is in the log.
    case membership(Membership)
  }

  /// An entry.
  public init(id: LogID, payload: Payload) {
    self.id = id
    self.payload = payload
  }

  /// Roughly what it takes in memory and on the wire, in bytes.
  public var size: Int {
    switch payload {
    case .blank: 32
    case .command(let bytes): 32 + bytes.count
    case .membership(let membership): 32 + membership.size
    }
  }
}
