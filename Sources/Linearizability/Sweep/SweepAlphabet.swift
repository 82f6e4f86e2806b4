// States and actions of a sweep as numbers that are reused, so that a stream may see any number.
// Here: interning, steps by table, forgetting. Not here: configurations (ConfigurationSet.swift).

/// The states and actions that a sweep knows just now, by 32-bit ids.
struct SweepAlphabet<M: Model> {
  enum Kind: UInt8 {
    /// Changes no state.
    case pure
    /// Legal in every state, and sets the same one in all.
    case blind
    /// Everything else.
    case rigid
  }

  static var none: Int32 { -1 }

  let model: M
  private(set) var states: [M.State] = []
  private(set) var actions: [M.Action] = []
  private(set) var kinds: [Kind] = []
  /// By action: the one state in which it is legal, or `none`.
  private(set) var needs: [Int32] = []
  /// By action: the one state that it sets, or `none`.
  private(set) var makes: [Int32] = []
  /// Whether every action so far is pure or sets one state wherever it is legal.
  private(set) var setsOnly = true

  private var uses: [Int32] = []
  private var stateIDs: [M.State: Int32] = [:]
  private var actionIDs: [M.Action: Int32] = [:]
  private var freeStates: [Int32] = []
  private var freeActions: [Int32] = []
  private var idsBeforeCollection = 8192
  /// Steps taken: open addressing; a key is (state, action) + 1 and 0 an empty place.
  private var keys: [UInt64]
  private var targets: [Int32]
  private var stepCount = 0

  init(model: M) {
    self.model = model
    keys = Array(repeating: 0, count: 256)
    targets = Array(repeating: 0, count: 256)
  }

  /// Bytes held, but for what states and actions hold elsewhere; and, on top, what the tables take
  /// while they grow, if the next few thousand steps can make them.
  var bytes: Int {
    func size(_ count: Int, _ capacity: Int, _ stride: Int) -> Int {
      count + Self.stepsAhead > capacity ? 3 * capacity * stride : capacity * stride
    }
    let state = MemoryLayout<M.State>.stride
    return size(stepCount * 2, keys.count, 12) + size(states.count, states.capacity, state)
      // A dictionary keeps a quarter of its places free.
      + size(stateIDs.count, stateIDs.capacity, (state + 4) * 4 / 3)
      + actions.count * (2 * MemoryLayout<M.Action>.stride + 40)
  }

  /// Steps between two looks at `bytes`, about.
  private static var stepsAhead: Int { 4096 }

  mutating func id(of state: M.State) -> Int32 {
    if let id = stateIDs[state] { return id }
    let id: Int32
    if let free = freeStates.popLast() {
      id = free
      states[Int(id)] = state
    } else {
      id = Int32(states.count)
      states.append(state)
    }
    stateIDs[state] = id
    return id
  }

  /// The id of `action`, which stays until it is released as often as it was retained.
  mutating func retain(_ action: M.Action) -> Int32 {
    if let id = actionIDs[action] {
      uses[Int(id)] += 1
      return id
    }
    let id: Int32
    if let free = freeActions.popLast() {
      id = free
    } else {
      id = Int32(actions.count)
      actions.append(action)
      kinds.append(.rigid)
      needs.append(Self.none)
      makes.append(Self.none)
      uses.append(0)
    }
    actions[Int(id)] = action
    uses[Int(id)] = 1
    actionIDs[action] = id
    describe(action, id: Int(id))
    return id
  }

  mutating func release(_ action: Int32) { uses[Int(action)] -= 1 }

  private mutating func describe(_ action: M.Action, id: Int) {
    let isPure = model.isPure(action)
    let footprint = model.footprint(of: action)
    let made = isPure ? Optional.none : footprint?.makes
    makes[id] = made.map { self.id(of: $0) } ?? Self.none
    needs[id] = Self.none
    kinds[id] = isPure ? .pure : .rigid
    if let footprint, isPure || made != nil {
      switch footprint.demand {
      case .anything: if !isPure { kinds[id] = .blind }
      case .exactly(let state): needs[id] = self.id(of: state)
      case .other: break
      }
    }
    if !isPure, made == nil { setsOnly = false }
  }

  /// The state after `action` in `state`, or `none`. Expected O(1) after the first time.
  @inline(__always)
  mutating func target(_ state: Int32, _ action: Int32) -> Int32 {
    let (need, make) = (needs[Int(action)], makes[Int(action)])
    if need >= 0 { return need != state ? Self.none : make >= 0 ? make : state }
    if kinds[Int(action)] == .blind { return make }
    let key = (UInt64(UInt32(bitPattern: state)) << 32 | UInt64(UInt32(bitPattern: action))) &+ 1
    var slot = Self.slot(of: key, in: keys.count)
    while keys[slot] != 0 {
      if keys[slot] == key { return targets[slot] }
      slot = (slot &+ 1) & (keys.count &- 1)
    }
    return learn(state, action, key: key, slot: slot)
  }

  @inline(never)
  private mutating func learn(_ state: Int32, _ action: Int32, key: UInt64, slot: Int) -> Int32 {
    let next = model.step(states[Int(state)], actions[Int(action)])
    let target = next.map { id(of: $0) } ?? Self.none
    keys[slot] = key
    targets[slot] = target
    stepCount += 1
    if stepCount * 2 > keys.count {
      let (oldKeys, oldTargets) = (keys, targets)
      keys = Array(repeating: 0, count: oldKeys.count * 2)
      targets = Array(repeating: 0, count: oldKeys.count * 2)
      for place in oldKeys.indices where oldKeys[place] != 0 {
        var slot = Self.slot(of: oldKeys[place], in: keys.count)
        while keys[slot] != 0 { slot = (slot &+ 1) & (keys.count &- 1) }
        keys[slot] = oldKeys[place]
        targets[slot] = oldTargets[place]
      }
    }
    return target
  }

  private static func slot(of key: UInt64, in count: Int) -> Int {
    let mixed = (key ^ (key >> 29)) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: (mixed ^ (mixed >> 32)) & UInt64(count - 1))
  }

  // MARK: Forgetting

  /// Whether so many ids were given out that it is worth finding out which are in use.
  var isDueForCollection: Bool {
    stateIDs.count + actionIDs.count > idsBeforeCollection
  }

  /// Forgets actions that nobody retains and states that are neither theirs nor `live`.
  mutating func collect(live: [Int32]) {
    var isLive = [Bool](repeating: false, count: states.count)
    for state in live { isLive[Int(state)] = true }
    for (action, id) in actionIDs {
      if uses[Int(id)] == 0 {
        actionIDs[action] = nil
        freeActions.append(id)
      } else {
        if needs[Int(id)] >= 0 { isLive[Int(needs[Int(id)])] = true }
        if makes[Int(id)] >= 0 { isLive[Int(makes[Int(id)])] = true }
      }
    }
    for (state, id) in stateIDs where !isLive[Int(id)] {
      stateIDs[state] = nil
      freeStates.append(id)
    }
    keys = Array(repeating: 0, count: 256)
    targets = Array(repeating: 0, count: 256)
    stepCount = 0
    idsBeforeCollection = max(8192, 4 * (stateIDs.count + actionIDs.count))
  }
}
