// A history by key: which operations are about which object.

import History

/// The operations of one key, as places in the history.
struct KeyPart: Sendable {
  let key: String?
  /// Nil when all operations have this key.
  let places: [Int32]?
  private let count: Int

  /// The parts of `operations`, the longest first: taken to be the hardest, they begin first.
  static func all(of operations: [Operation]) -> [KeyPart] {
    guard let first = operations.first else { return [] }
    if operations.allSatisfy({ $0.key == first.key }) {
      return [KeyPart(key: first.key, places: nil, count: operations.count)]
    }
    var numbers: [String?: Int] = [:]
    var keys: [String?] = []
    var places: [[Int32]] = []
    for place in operations.indices {
      let key = operations[place].key
      let number =
        numbers[key]
        ?? {
          numbers[key] = keys.count
          keys.append(key)
          places.append([])
          return keys.count - 1
        }()
      places[number].append(Int32(place))
    }
    return keys.indices
      .map { KeyPart(key: keys[$0], places: places[$0], count: places[$0].count) }
      .sorted { ($0.count, $1.key ?? "") > ($1.count, $0.key ?? "") }
  }

  func operations(of history: History) -> [Operation] {
    guard let places else { return history.operations }
    return places.map { history.operations[Int($0)] }
  }
}
