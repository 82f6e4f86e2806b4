// Memberships and snapshot descriptions as bytes, for logs, snapshots and the wire alike.
// All numbers are little-endian; a text is its length (4 bytes) and its UTF-8.

/// Puts fields one after the other.
public struct ByteWriter: Sendable {
  /// What was written so far.
  public var bytes: [UInt8] = []

  /// Nothing yet.
  public init() {}

  /// Adds a number.
  public mutating func write<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Adds a name; an index of 0 stands for none, since logs begin at 1.
  public mutating func write(_ id: LogID?) {
    write(id?.term ?? 0)
    write(id?.index ?? 0)
  }

  /// Adds a text.
  public mutating func write(_ text: String) {
    write(UInt32(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  /// Adds a membership.
  public mutating func write(_ membership: Membership) {
    write(UInt8(membership.voterSets.count))
    for set in membership.voterSets {
      write(UInt32(set.count))
      for voter in set { write(voter.number) }
    }
    write(UInt32(membership.members.count))
    for member in membership.members {
      write(member.id.number)
      write(member.address)
    }
  }

  /// Adds what a snapshot stands for.
  public mutating func write(_ meta: SnapshotMeta) {
    write(meta.lastLogID)
    write(meta.membership.logID)
    write(meta.membership.membership)
    write(meta.id)
  }
}

/// Takes fields off bytes that may be anything: nil where they do not add up, never a trap, and
/// never more memory than there are bytes.
public struct ByteReader: Sendable {
  private let bytes: ArraySlice<UInt8>
  private var next: Int

  /// Begins at the start of `bytes`.
  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    next = bytes.startIndex
  }

  /// Begins at the start of `bytes`.
  public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  /// What has not been read.
  public var rest: ArraySlice<UInt8> { bytes[next...] }

  /// All that has not been read; nothing is left then.
  public mutating func takeRest() -> [UInt8] {
    defer { next = bytes.endIndex }
    return Array(rest)
  }

  /// The next number, of eight bytes at most.
  public mutating func number<Number: FixedWidthInteger>(
    as _: Number.Type = Number.self
  ) -> Number? {
    let size = MemoryLayout<Number>.size
    guard bytes.endIndex - next >= size else { return nil }
    // Put together as one kind of number: only turning it into another is generic then.
    var number: UInt64 = 0
    for place in (0..<size).reversed() { number = number << 8 | UInt64(bytes[next + place]) }
    next += size
    return Number(truncatingIfNeeded: number)
  }

  /// No term and no index that was ever counted is greater: one that is would overflow soon.
  public static let greatestNumber: UInt64 = 1 << 62

  /// The next name; the outer optional is nil when it does not add up.
  public mutating func logID() -> LogID?? {
    guard let term = number(as: UInt64.self), let index = number(as: UInt64.self),
      max(term, index) <= Self.greatestNumber
    else { return nil }
    return .some(index == 0 ? nil : LogID(term: term, index: index))
  }

  /// The next text.
  public mutating func text() -> String? {
    guard let count = number(as: UInt32.self), bytes.endIndex - next >= Int(count) else {
      return nil
    }
    defer { next += Int(count) }
    return String(validating: bytes[next..<next + Int(count)], as: UTF8.self)
  }

  /// The next membership.
  public mutating func membership() -> Membership? {
    guard let setCount = number(as: UInt8.self), setCount <= 2 else { return nil }
    var sets: [[NodeID]] = []
    for _ in 0..<setCount {
      guard let count = number(as: UInt32.self), Int(count) <= rest.count / 8 else { return nil }
      sets.append((0..<count).map { _ in NodeID(number(as: UInt64.self)!) })
    }
    guard let count = number(as: UInt32.self), Int(count) <= rest.count / 12 else { return nil }
    var members: [Member] = []
    for _ in 0..<count {
      guard let id = number(as: UInt64.self), let address = text() else { return nil }
      members.append(Member(id: NodeID(id), address: address))
    }
    return Membership(reading: sets, members: members)
  }

  /// What a snapshot stands for; none has a membership from behind its end.
  public mutating func snapshotMeta() -> SnapshotMeta? {
    guard let last = logID(), let last, let stored = logID(), let membership = membership(),
      let id = text(), stored?.index ?? 0 <= last.index, stored?.term ?? 0 <= last.term
    else { return nil }
    return SnapshotMeta(
      lastLogID: last, membership: StoredMembership(logID: stored, membership: membership), id: id)
  }
}
