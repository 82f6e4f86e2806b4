// A history by key: which operations are about which object.

import Dispatch
import FoundationEssentials
import History
import Synchronization

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
    // Looking keys up costs about a tenth of a check, so that is shared out as well.
    let width = operations.count < 100_000 ? 1 : ProcessInfo.processInfo.activeProcessorCount
    let chunk = (operations.count + width - 1) / width
    let drafts = Mutex([Groups](repeating: Groups(), count: width))
    DispatchQueue.concurrentPerform(iterations: width) { number in
      var groups = Groups()
      let start = min(number * chunk, operations.count)
      for place in start..<min(start + chunk, operations.count) {
        groups.add(CollectionOfOne(Int32(place)), of: operations[place].key)
      }
      drafts.withLock { $0[number] = groups }
    }
    let all = drafts.withLock { drafts in
      drafts.dropFirst().reduce(into: drafts[0]) { all, groups in
        for (key, places) in zip(groups.keys, groups.places) { all.add(places, of: key) }
      }
    }
    return zip(all.keys, all.places)
      .map { KeyPart(key: $0, places: $1, count: $1.count) }
      .sorted { ($0.count, $1.key ?? "") > ($1.count, $0.key ?? "") }
  }

  /// Places by key, both in the order of the history.
  private struct Groups {
    private var numbers: [String?: Int] = [:]
    private(set) var keys: [String?] = []
    private(set) var places: [[Int32]] = []

    mutating func add(_ more: some Collection<Int32>, of key: String?) {
      if let number = numbers[key] {
        places[number].append(contentsOf: more)
      } else {
        numbers[key] = keys.count
        keys.append(key)
        places.append(Array(more))
      }
    }
  }

  func operations(of history: History) -> [Operation] {
    guard let places else { return history.operations }
    return places.map { history.operations[Int($0)] }
  }
}
