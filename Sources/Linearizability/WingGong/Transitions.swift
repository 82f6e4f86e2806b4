// A model as numbers: states and actions interned, steps remembered.

/// Interns states and actions to 32-bit ids, so that a step of the search is a table look-up.
struct Transitions<M: Model> {
  static var rejected: Int32 { -1 }

  private let model: M
  private(set) var states: [M.State] = []
  private(set) var actions: [M.Action] = []
  private var stateIDs: [M.State: Int32] = [:]
  private var actionIDs: [M.Action: Int32] = [:]
  /// Open addressing; a key is (state, action) + 1 and 0 an empty place. At most half are taken.
  private var keys: [UInt64]
  private var targets: [Int32]
  private var count = 0

  init(model: M) {
    self.model = model
    keys = Array(repeating: 0, count: 1024)
    targets = Array(repeating: 0, count: 1024)
  }

  /// Bytes held, but for what states and actions hold elsewhere; and, on top, what the tables take
  /// while they grow, if the next few thousand steps can make them.
  var bytes: Int {
    func size(_ count: Int, _ capacity: Int, _ stride: Int) -> Int {
      count + Self.stepsAhead > capacity ? 3 * capacity * stride : capacity * stride
    }
    let state = MemoryLayout<M.State>.stride
    return size(count * 2, keys.count, 12) + size(states.count, states.capacity, state)
      // A dictionary keeps a quarter of its places free.
      + size(stateIDs.count, stateIDs.capacity, (state + 4) * 4 / 3)
      + actions.count * (2 * MemoryLayout<M.Action>.stride + 24)
  }

  /// Steps between two looks at `bytes`.
  private static var stepsAhead: Int { 4096 }

  mutating func id(of state: M.State) -> Int32 {
    if let id = stateIDs[state] { return id }
    let id = Int32(states.count)
    states.append(state)
    stateIDs[state] = id
    return id
  }

  mutating func id(of action: M.Action) -> Int32 {
    if let id = actionIDs[action] { return id }
    let id = Int32(actions.count)
    actions.append(action)
    actionIDs[action] = id
    return id
  }

  /// The state after `action` in `state`, or `rejected`. Expected O(1) after the first time.
  @inline(__always)
  mutating func next(_ state: Int32, _ action: Int32) -> Int32 {
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
    let target = next.map { id(of: $0) } ?? Self.rejected
    keys[slot] = key
    targets[slot] = target
    count += 1
    if count * 2 > keys.count { grow() }
    return target
  }

  private mutating func grow() {
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

  private static func slot(of key: UInt64, in count: Int) -> Int {
    let mixed = (key ^ (key >> 29)) &* 0x9e37_79b9_7f4a_7c15
    return Int(truncatingIfNeeded: (mixed ^ (mixed >> 32)) & UInt64(count - 1))
  }
}
