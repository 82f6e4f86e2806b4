// Jepsen's independent keys: values `[k v]` that are a key and the real value.
// Here: telling them from other pairs. Not here: reading either.

/// What the events read so far show about pairs of key and value.
///
/// In EDN such a pair looks like a compare-and-set's. It is taken for one only if the value of
/// every invocation and of every `ok` is a pair with a plain first member, and some of them belong
/// to other functions than `cas`.
enum Independence: Equatable {
  /// Values are pairs: each event was split as it was read.
  case given
  /// Values are as they stand.
  case none
  /// Every value so far was a pair; `certain` when not only those of `cas` were.
  case open(pairs: Int, certain: Bool)

  static let note =
    "every value is a pair, so they were read as independent keys; --no-independent if they are not"

  init(_ isIndependent: Bool?) {
    switch isIndependent {
    case true?: self = .given
    case false?: self = .none
    case nil: self = .open(pairs: 0, certain: false)
    }
  }

  /// Takes a client's event as evidence.
  mutating func observe(_ event: borrowing Event) {
    guard case .open(let pairs, let certain) = self else { return }
    guard event.type == .invoke || event.type == .ok else { return }
    self =
      Self.split(event.value) == nil
      ? .none : .open(pairs: pairs + 1, certain: certain || event.function != "cas")
  }

  /// Whether all values, which were not split yet, are pairs of key and value.
  ///
  /// - Throws: `HistoryError` when nobody can say.
  func concluded(file: String) throws(HistoryError) -> Bool {
    switch self {
    case .given, .none, .open(pairs: 0, _): return false
    case .open(_, certain: true): return true
    case .open(_, certain: false):
      throw HistoryError(
        file: file,
        reason: .independence(
          "only cas, each with a pair: [old new], or [key value]? "
            + "say --no-independent or --independent"))
    }
  }

  /// The key's text and the value of a pair whose first member can be a key.
  static func split(_ value: Value) -> (String, Value)? {
    guard let (key, value) = value.pair else { return nil }
    switch key {
    case .integer(let number): return ("\(number)", value)
    case .text(let text): return (text, value)
    case .absent, .boolean, .list: return nil
    }
  }
}
