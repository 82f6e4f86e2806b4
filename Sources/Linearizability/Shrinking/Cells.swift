// What operations see and set, where an object is made of cells that are set as a whole.
// Here: who sees and sets what. Not here: leaving it out (Removal.swift).

import History

/// What one action asks of cells and sets in them; of a cell, at most one of each.
struct CellFootprint<Cell: Hashable, Content: Hashable> {
  /// Contents that must be there.
  var needs: [(cell: Cell, content: Content)] = []
  /// Contents that are there afterwards.
  var makes: [(cell: Cell, content: Content)] = []
  /// Whether it sees more, by something else than equality; then it must be pure.
  var seesMore = false
}

/// By operation, what it sees and sets: pairs of a cell and a content, as numbers.
struct Cells {
  /// By pair: its cell.
  private(set) var cellOf: [Int32] = []
  /// By pair: whether the object starts so.
  private(set) var isFirst: [Bool] = []
  private(set) var cellCount = 0
  private(set) var seesMore: [Bool] = []
  private var needList: [Int32] = []
  private var needEnds: [Int] = []
  private var makeList: [Int32] = []
  private var makeEnds: [Int] = []

  private struct Pair<Content: Hashable>: Hashable {
    var cell: Int32
    var content: Content
  }

  /// The cells of actions with `footprints`, in their order; `first` is what a cell holds at
  /// first. Nil when one of them has none.
  init?<Cell, Content>(
    _ footprints: some Sequence<CellFootprint<Cell, Content>?>, first: (Cell) -> Content
  ) {
    var cells: [Cell: Int32] = [:]
    var pairs: [Pair<Content>: Int32] = [:]
    func number(_ cell: Cell, _ content: Content) -> Int32 {
      let place = cells[cell] ?? Int32(cells.count)
      cells[cell] = place
      let pair = Pair(cell: place, content: content)
      if let known = pairs[pair] { return known }
      let fresh = Int32(pairs.count)
      pairs[pair] = fresh
      cellOf.append(place)
      isFirst.append(first(cell) == content)
      return fresh
    }
    for footprint in footprints {
      guard let footprint else { return nil }
      needList += footprint.needs.map { number($0.cell, $0.content) }
      makeList += footprint.makes.map { number($0.cell, $0.content) }
      needEnds.append(needList.count)
      makeEnds.append(makeList.count)
      seesMore.append(footprint.seesMore)
    }
    cellCount = cells.count
  }

  var pairCount: Int { cellOf.count }
  var count: Int { needEnds.count }
  var needCount: Int { needList.count }

  /// Where the needs of an operation stand among all needs.
  func needPositions(_ number: Int) -> Range<Int> {
    (number == 0 ? 0 : needEnds[number - 1])..<needEnds[number]
  }

  /// The pair that is needed at `position`.
  func need(at position: Int) -> Int { Int(needList[position]) }

  func needs(_ number: Int) -> ArraySlice<Int32> { needList[needPositions(number)] }

  func makes(_ number: Int) -> ArraySlice<Int32> {
    makeList[(number == 0 ? 0 : makeEnds[number - 1])..<makeEnds[number]]
  }
}

extension Cells {
  /// One cell, by the footprints of a model; nil when some operation has none.
  init?<M: Model>(footprintsOf subject: Subject<M>) {
    let footprints = subject.judged.lazy.map { one -> CellFootprint<Bool, M.State>? in
      guard let footprint = subject.model.footprint(of: one.action) else { return nil }
      var cells = CellFootprint<Bool, M.State>()
      switch footprint.demand {
      case .anything: break
      case .exactly(let state): cells.needs = [(true, state)]
      case .other: cells.seesMore = true
      }
      if let state = footprint.makes { cells.makes = [(true, state)] }
      return cells
    }
    self.init(footprints) { _ in subject.model.initial }
  }
}
