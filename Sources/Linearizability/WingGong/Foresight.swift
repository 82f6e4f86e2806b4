// What an open operation asks, and who could still make it so.
//
// An operation that asks for a content can be placed only where it is there. If it is not there
// now, something must make it so first: an operation that is pending, or one invoked before the
// asking one completes. If there is neither, no order goes on from here. A read that comes to
// nothing is so found when it is invoked, not when it is due, and all orders of what runs beside
// it are spared.

/// A model whose states have cells, each asked and set by itself.
protocol Celled: Model {
  /// What `action` asks, cell by cell: pure actions, all of them legal where it is.
  func questions(of action: Action) -> [Action]
  /// The questions that are legal right after `action` and may not be before it: of those that
  /// any action asks, all.
  func answers(of action: Action) -> [Action]
}

/// Who needs and makes which *fact*: a state, or, of a celled model, a cell's content as the id of
/// the action that asks for it.
struct Foresight<M: Model> {
  /// Whether facts are of cells.
  let isCelled: Bool
  private let needs: Rows
  private let makes: Rows
  /// By required operation and fact needed: the position of the last call or offer of something
  /// that makes it, before the operation completes; -1 when there is none.
  private let lastMakers: Rows

  /// Rows of numbers, one after the other.
  private struct Rows {
    private(set) var starts: [Int32] = [0]
    private(set) var values: [Int32] = []

    mutating func append(_ row: some Sequence<Int32>) {
      values.append(contentsOf: row)
      starts.append(Int32(values.count))
    }

    @inline(__always)
    subscript(row: Int) -> Range<Int> { Int(starts[row])..<Int(starts[row + 1]) }
  }

  /// Nil where the model does not tell what every action makes.
  ///
  /// - Complexity: linear in the history.
  init?(_ timeline: Timeline, alphabet: inout Alphabet<M>) {
    var (needs, makes) = (Rows(), Rows())
    if let model = alphabet.model as? any Celled {
      isCelled = true
      let rows = Self.rows(of: model, &alphabet)
      (needs, makes) = rows
    } else {
      guard alphabet.hasFootprints else { return nil }
      isCelled = false
      for action in alphabet.needs.indices {
        needs.append([alphabet.needs[action]].filter { $0 >= 0 })
        makes.append([alphabet.makes[action]].filter { $0 >= 0 })
      }
    }
    (self.needs, self.makes) = (needs, makes)
    lastMakers = Self.lastMakers(timeline, needs, makes)
  }

  private static func rows<C: Celled>(
    of model: C, _ alphabet: inout Alphabet<M>
  ) -> (needs: Rows, makes: Rows) {
    var (needs, makes) = (Rows(), Rows())
    func ids(_ actions: [C.Action]) -> [Int32] {
      actions.compactMap { $0 as? M.Action }.map { alphabet.transitions.id(of: $0) }
    }
    // Questions that nobody else asks get ids past those of the actions of the history.
    for id in alphabet.needs.indices {
      guard let action = alphabet.transitions.actions[id] as? C.Action else { continue }
      needs.append(ids(model.questions(of: action)))
      makes.append(ids(model.answers(of: action)))
    }
    return (needs, makes)
  }

  private static func lastMakers(_ timeline: Timeline, _ needs: Rows, _ makes: Rows) -> Rows {
    var latest: [Int32: Int32] = [:]
    var found = [[Int32]](repeating: [], count: timeline.actions.count)
    for (position, code) in timeline.events.enumerated() {
      let action: Int32
      switch Timeline.event(code) {
      case .call(let operation): action = timeline.actions[operation]
      case .offer(let number): action = timeline.classActions[number]
      case .completion(let operation):
        found[operation] = needs[Int(timeline.actions[operation])].map {
          latest[needs.values[$0]] ?? -1
        }
        continue
      }
      for place in makes[Int(action)] { latest[makes.values[place]] = Int32(position) }
    }
    var rows = Rows()
    for row in found { rows.append(row) }
    return rows
  }

  /// Whether something open in `window` asks what is not so in `state`, and nothing can make so
  /// before it completes.
  func isHopeless(_ window: Window, in state: Int32, _ transitions: inout Transitions<M>) -> Bool {
    for word in window.open.words.indices {
      var bits = window.open.words[word] & ~window.placed.words[word]
      while bits != 0 {
        let operation = Int(window.holders[word * 64 + bits.trailingZeroBitCount])
        bits &= bits - 1
        let first = lastMakers[operation].lowerBound
        for (offset, place) in needs[Int(window.timeline.actions[operation])].enumerated()
        where lastMakers.values[first + offset] < Int32(window.position) {
          let fact = needs.values[place]
          if !holds(fact, in: state, &transitions), !canMake(fact, in: window, for: operation) {
            return true
          }
        }
      }
    }
    return false
  }

  /// The first fact that `action` needs and does not find in `state`; -1 when there is none.
  func firstMissing(
    of action: Int32, in state: Int32, _ transitions: inout Transitions<M>
  ) -> Int32 {
    for place in needs[Int(action)] where !holds(needs.values[place], in: state, &transitions) {
      return needs.values[place]
    }
    return -1
  }

  /// Whether `fact` holds right after `action`, which may have made it so.
  @inline(__always)
  func makes(_ action: Int32, _ fact: Int32) -> Bool {
    for place in makes[Int(action)] where makes.values[place] == fact { return true }
    return false
  }

  @inline(__always)
  private func holds(_ fact: Int32, in state: Int32, _ transitions: inout Transitions<M>) -> Bool {
    isCelled ? transitions.next(state, fact) != Transitions<M>.rejected : fact == state
  }

  private func canMake(_ fact: Int32, in window: Window, for operation: Int) -> Bool {
    window.anyPending { $0 != operation && makes(window.timeline.actions[$0], fact) }
      || window.classHolders.contains { number in
        number >= 0 && window.offers(Int(number))
          && makes(window.timeline.classActions[Int(number)], fact)
      }
  }
}
