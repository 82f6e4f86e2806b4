// What a search ends with: an order, the lack of one, or a limit; and where it got stuck.

/// How a search ended.
enum SearchOutcome {
  /// Places in the order in which they take effect.
  case valid(order: [Int])
  case invalid
  case unknown(LimitReached.Reason)
}

/// A configuration from which nothing goes on.
struct DeadEnd: Equatable {
  /// Places in the order in which they took effect.
  var order: [Int]
  /// The place of the operation that had to come next.
  var due: Int
}
