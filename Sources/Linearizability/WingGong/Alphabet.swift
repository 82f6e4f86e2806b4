// What the actions of one key need and make, by id: the ground of every short cut of the search.

/// The states and actions of a key as numbers, with the footprints of the actions.
struct Alphabet<M: Model> {
  static var none: Int32 { -1 }

  let model: M
  var transitions: Transitions<M>
  let initial: Int32
  /// By action: whether it can change no state.
  private(set) var isPure: [Bool] = []
  /// By action: the one state in which it is legal, or `none`.
  private(set) var needs: [Int32] = []
  /// By action: the state that it sets, or `none`.
  private(set) var makes: [Int32] = []
  /// Whether every action has a footprint: it sets one state or is pure.
  private(set) var hasFootprints = true
  /// Whether, besides, every observation is by equality.
  private(set) var observesByEquality = true

  /// The alphabet of `judged`, and the action's id of each of them.
  static func of(_ subject: Subject<M>) -> (Alphabet, ids: [Int32]) {
    var alphabet = Alphabet(model: subject.model)
    let ids = subject.judged.map { alphabet.add($0.action, model: subject.model) }
    return (alphabet, ids)
  }

  private init(model: M) {
    self.model = model
    transitions = Transitions(model: model)
    initial = transitions.id(of: model.initial)
  }

  private mutating func add(_ action: M.Action, model: M) -> Int32 {
    let id = transitions.id(of: action)
    guard Int(id) == isPure.count else { return id }
    isPure.append(model.isPure(action))
    var (need, make) = (Self.none, Self.none)
    // One that sets no state must be pure; where a model says otherwise, its word is not used.
    if let footprint = model.footprint(of: action),
      footprint.makes != nil || model.isPure(action)
    {
      switch footprint.demand {
      case .anything: break
      case .exactly(let state): need = transitions.id(of: state)
      case .other: observesByEquality = false
      }
      if let state = footprint.makes { make = transitions.id(of: state) }
    } else {
      (hasFootprints, observesByEquality) = (false, false)
    }
    needs.append(need)
    makes.append(make)
    return id
  }

  /// The last position at which each of the `info` actions `offered` can be of use.
  ///
  /// Where every observation is by equality, a state that no later operation needs is as good
  /// as any other until it is overwritten, so what makes it can be left out of any order. It is
  /// needed by required operations until they complete, and by an `info` operation as long as
  /// what that one makes is needed. Both facts come from one search backwards from the needs
  /// that last longest. With an observation by inequality nothing of this holds.
  func lastUses(in timeline: Timeline, offered: [Int32]) -> [Int32: Int32] {
    guard observesByEquality else { return [:] }
    var last = [Int32](repeating: -1, count: transitions.states.count)
    for operation in timeline.actions.indices {
      let need = needs[Int(timeline.actions[operation])]
      if need != Self.none {
        last[Int(need)] = max(last[Int(need)], timeline.completions[operation])
      }
    }
    let offered = Set(offered)
    var sources: [Int32: [Int32]] = [:]  // what is made to what it is made of, by info operations
    for action in offered where needs[Int(action)] != Self.none {
      sources[makes[Int(action)], default: []].append(needs[Int(action)])
    }
    // Longest first: the first time a state is reached is the longest it is needed.
    for state in last.indices.sorted(by: { last[$0] > last[$1] }) {
      var reached = [Int32(state)]
      while let made = reached.popLast() {
        for source in sources[made] ?? [] where last[Int(source)] < last[state] {
          last[Int(source)] = last[state]
          reached.append(source)
        }
      }
    }
    return Dictionary(uniqueKeysWithValues: offered.map { ($0, last[Int(makes[Int($0)])]) })
  }
}
