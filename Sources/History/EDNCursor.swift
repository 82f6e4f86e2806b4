// EDN from untrusted bytes: Jepsen's values.
// Here: forms to values, with bounded depth. Not here: numbers and texts (EDNCursor+Atoms.swift),
// what a map means (EDNReader.swift).

/// A place in a form at which EDN ended.
struct EDNError: Error, Equatable {
  var offset: Int
  var message: String
  var kind: Kind

  /// What is wrong.
  enum Kind {
    /// The bytes ended where more was due: with more of them it may be a form.
    case cut
    /// It is no EDN.
    case syntax
    /// It is EDN, yet no event.
    case meaning
  }
}

/// Reads EDN forms off bytes, of which more may follow.
///
/// A keyword becomes its text without the colon, a tag leaves its form, a set and a map become
/// lists in a fixed order (a map's members are pairs), a fraction becomes its text.
struct EDNCursor {
  let bytes: UnsafeBufferPointer<UInt8>
  var offset = 0
  /// How many numbers were kept as text: fractions, and whole ones beyond 64 bits.
  var inexact = 0
  /// Nothing real nests deeper than 10; hostile input must not exhaust the stack.
  static let deepest = 64

  /// Invariant: `bytes` outlives the cursor, and `InputWindow.padding` bytes after them can be read.
  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  func failure(_ message: String) -> EDNError {
    EDNError(offset: offset, message: message, kind: .syntax)
  }

  func cut() -> EDNError {
    EDNError(offset: offset, message: "it ends in the middle of a form", kind: .cut)
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == UInt8(ascii: ",") }

  static func isDelimiter(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "("), UInt8(ascii: ")"),
      UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"),
      UInt8(ascii: ";"):
      true
    default: false
    }
  }

  /// Skips what means nothing: space, comments, discarded forms, tags and metadata. The byte after
  /// it begins a form or closes one; nil at the end of the bytes.
  mutating func skipBlank(
    _ names: inout Names, depth: Int
  ) throws(EDNError) -> UInt8? {
    guard depth < Self.deepest else { throw failure("nested deeper than \(Self.deepest)") }
    while offset < bytes.count {
      let byte = bytes[offset]
      if Self.isSpace(byte) {
        offset += 1
      } else if byte == UInt8(ascii: ";") {
        let start = offset
        while offset < bytes.count, bytes[offset] != 0x0a { offset += 1 }
        if offset == bytes.count {
          offset = start  // what follows may still be the comment
          return nil
        }
      } else if byte == UInt8(ascii: "^") {
        offset += 1
        _ = try value(&names, depth: depth + 1)
      } else if byte == UInt8(ascii: "#") {
        guard offset + 1 < bytes.count else { throw cut() }
        switch bytes[offset + 1] {
        case UInt8(ascii: "_"):
          offset += 2
          _ = try value(&names, depth: depth + 1)
        case UInt8(ascii: "{"), UInt8(ascii: "#"): return byte  // a set; a number such as ##Inf
        default:
          offset += 1
          guard !token().isEmpty else { throw failure("a tag without a name") }
          guard offset < bytes.count else { throw cut() }
        }
      } else {
        return byte
      }
    }
    return nil
  }

  /// The bytes up to the next delimiter, which may be none.
  mutating func token() -> UnsafeBufferPointer<UInt8> {
    let start = offset
    while offset < bytes.count, !Self.isDelimiter(bytes[offset]) { offset += 1 }
    return UnsafeBufferPointer(rebasing: bytes[start..<offset])
  }

  /// Any value.
  mutating func value(_ names: inout Names, depth: Int) throws(EDNError) -> Value {
    guard let byte = try skipBlank(&names, depth: depth) else { throw cut() }
    switch byte {
    case UInt8(ascii: "["):
      return .list(try members(to: UInt8(ascii: "]"), &names, depth: depth + 1))
    case UInt8(ascii: "("):
      return .list(try members(to: UInt8(ascii: ")"), &names, depth: depth + 1))
    case UInt8(ascii: "{"): return try map(&names, depth: depth + 1)
    case UInt8(ascii: "#"):
      if bytes[offset + 1] == UInt8(ascii: "#") {
        inexact += 1
        return .text(try text(of: token(), &names))
      }
      offset += 1
      let members = try members(to: UInt8(ascii: "}"), &names, depth: depth + 1)
      return .list(members.sorted(by: Value.isOrdered))
    case UInt8(ascii: "]"), UInt8(ascii: ")"), UInt8(ascii: "}"): throw failure("a form was due")
    default: return try atom(&names)
    }
  }

  /// The members of a collection whose opening byte is next.
  mutating func members(
    to closer: UInt8, _ names: inout Names, depth: Int
  ) throws(EDNError) -> [Value] {
    offset += 1
    var members: [Value] = []
    while true {
      guard let byte = try skipBlank(&names, depth: depth) else { throw cut() }
      if byte == closer {
        offset += 1
        return members
      }
      members.append(try value(&names, depth: depth))
    }
  }

  private mutating func map(_ names: inout Names, depth: Int) throws(EDNError) -> Value {
    let start = offset
    let flat = try members(to: UInt8(ascii: "}"), &names, depth: depth)
    guard flat.count.isMultiple(of: 2) else {
      throw EDNError(offset: start, message: "a map with a name and no value", kind: .syntax)
    }
    let pairs = stride(from: 0, to: flat.count, by: 2).map { Value.list([flat[$0], flat[$0 + 1]]) }
    return .list(pairs.sorted(by: Value.isOrdered))
  }
}

extension Value {
  /// A total order, so that equal sets and equal maps become equal lists.
  static func isOrdered(_ left: Value, _ right: Value) -> Bool {
    switch (left, right) {
    case (.integer(let left), .integer(let right)): left < right
    case (.text(let left), .text(let right)): left < right
    case (.boolean(let left), .boolean(let right)): !left && right
    case (.list(let left), .list(let right)):
      left.lexicographicallyPrecedes(right, by: isOrdered)
    case (.absent, _), (.integer, _), (.boolean, _), (.text, _), (.list, _):
      left.rank < right.rank
    }
  }

  private var rank: Int {
    switch self {
    case .absent: 0
    case .boolean: 1
    case .integer: 2
    case .text: 3
    case .list: 4
    }
  }
}
