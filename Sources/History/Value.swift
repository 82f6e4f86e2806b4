// What operations carry: the arguments and results that stand in a history.
// Here: the value and its text. Not here: its JSON (JSONValue.swift).

/// An argument or a result, as a history writes it.
///
/// Two values are equal exactly when their JSON is; nothing is converted on the way, so the
/// integer `7` and the text `"7"` are different values.
public enum Value: Hashable, Sendable {
  /// JSON's `null`: a key that holds nothing.
  case absent
  /// A whole number of 64 bits. Fractions are not values: no model compares them soundly.
  case integer(Int64)
  /// `true` or `false`.
  case boolean(Bool)
  /// Any text.
  case text(String)
  /// A list, such as the pair of a compare-and-set.
  case list([Value])

  /// The two members of a pair such as a compare-and-set's `[old, new]`, or nil.
  public var pair: (Value, Value)? {
    guard case .list(let members) = self, members.count == 2 else { return nil }
    return (members[0], members[1])
  }
}

extension Value: Encodable {
  /// Encodes the value as the JSON that it stands for.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .absent: try container.encodeNil()
    case .integer(let number): try container.encode(number)
    case .boolean(let truth): try container.encode(truth)
    case .text(let text): try container.encode(text)
    case .list(let members): try container.encode(members)
    }
  }
}

extension Value: CustomStringConvertible {
  /// The value as a reader writes it: `12`, `"a"`, `nil`, `[1, 2]`.
  public var description: String {
    switch self {
    case .absent: "nil"
    case .integer(let number): "\(number)"
    case .boolean(let truth): "\(truth)"
    case .text(let text): "\"\(text)\""
    case .list(let members): "[\(members.map(\.description).joined(separator: ", "))]"
    }
  }
}

/// There is no nil literal for `.absent` on purpose: in `legal ? state : nil` it would be taken for
/// the state, where no state at all is meant.
extension Value: ExpressibleByIntegerLiteral {
  /// An integer value.
  public init(integerLiteral value: Int64) { self = .integer(value) }
}
