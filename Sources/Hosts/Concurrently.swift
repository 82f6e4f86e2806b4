// The same for several at once, and what came of each in their order.

extension Sequence where Element: Sendable {
  /// What `body` makes of each, all at the same time; in the order of the sequence.
  package func mapConcurrently<Value: Sendable>(
    _ body: @escaping @Sendable (Element) async -> Value
  ) async -> [Value] {
    await withTaskGroup(of: (Int, Value).self) { group in
      for (place, element) in enumerated() {
        group.addTask { (place, await body(element)) }
      }
      let values = await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
      return values.sorted { $0.key < $1.key }.map(\.value)
    }
  }
}
