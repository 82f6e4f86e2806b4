// Which cells of a matrix are run when not all are.

import Hosts

extension Campaign.Cover {
  /// So few of `cells` as is easily found that every two values of two axes that meet in any of `cells`
  /// meet in one of them.
  ///
  /// Greedy: each next cell has the most pairs that are still missing.
  /// - Complexity: O(chosen × cells).
  static func pairwise(of cells: [Cell], seed: UInt64) -> [Cell] {
    let order = shuffled(cells, seed: seed)
    var missing = Set(order.flatMap(pairs))
    var chosen: Set<Cell> = []
    while !missing.isEmpty {
      var best: (cell: Cell, gain: Int)?
      for cell in order where !chosen.contains(cell) {
        let gain = pairs(of: cell).count { missing.contains($0) }
        if gain > best?.gain ?? 0 { best = (cell, gain) }
      }
      guard let best else { preconditionFailure("\(missing.count) pairs are in no cell") }
      chosen.insert(best.cell)
      missing.subtract(pairs(of: best.cell))
    }
    return cells.filter(chosen.contains)
  }

  /// `count` of `cells`, or all when there are fewer, in their order.
  static func sample(_ count: Int, of cells: [Cell], seed: UInt64) -> [Cell] {
    let chosen = Set(shuffled(cells, seed: seed).prefix(count))
    return cells.filter(chosen.contains)
  }

  private static func shuffled(_ cells: [Cell], seed: UInt64) -> [Cell] {
    var random = SplitMix64(seed: seed)
    return cells.shuffled(using: &random)
  }

  /// Two values of two axes.
  private struct Pair: Hashable {
    var first: String
    var second: String
  }

  private static func pairs(of cell: Cell) -> [Pair] {
    let values = [
      "workload \(cell.workload)", "faults \(cell.faults.name)", "build \(cell.build)",
      "nodes \(cell.nodes ?? 0)",
    ]
    return values.indices.flatMap { first in
      values.indices.dropFirst(first + 1).map { Pair(first: values[first], second: values[$0]) }
    }
  }
}
