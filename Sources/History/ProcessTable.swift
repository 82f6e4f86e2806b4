// What is remembered of each process: nothing, the operation it has open, or that it ended.

/// A number for each process, in four bytes where process numbers are close together.
struct ProcessTable {
  /// The process has nothing open.
  static let idle: Int32 = -1
  /// The process ended with an operation of unknown outcome and may not go on.
  static let ended: Int32 = -2

  private var dense: [Int32] = []
  private var sparse: [Int: Int32] = [:]

  subscript(process: Int) -> Int32 {
    get {
      if process < dense.count { return dense[process] }
      return sparse.isEmpty ? Self.idle : sparse[process] ?? Self.idle
    }
    set {
      if process < dense.count {
        dense[process] = newValue
      } else {
        insert(newValue, for: process)
      }
    }
  }

  private mutating func insert(_ value: Int32, for process: Int) {
    // Grow only up to twice what is there: one huge number must not cost huge memory.
    guard process < max(1024, 2 * dense.count), process < 1 << 26 else {
      sparse[process] = value == Self.idle ? Optional.none : value
      return
    }
    let old = dense.count
    dense.append(
      contentsOf: repeatElement(Self.idle, count: max(1024, 2 * old) - old))
    if !sparse.isEmpty {
      for moved in old..<dense.count {
        if let value = sparse.removeValue(forKey: moved) { dense[moved] = value }
      }
    }
    dense[process] = value
  }
}
