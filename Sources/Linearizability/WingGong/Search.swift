// The Wing–Gong search: depth-first over linearization orders, with Lowe's memoisation.
// Here: choosing moves, bounding them, remembering failures. Not here: making and undoing a move
// (Window.swift), the set of failures (VisitedSet.swift), what is needed by whom (Alphabet.swift).
//
// Why what it leaves out is never needed; "legal" is always by the model:
//
// - *Pure operations at once.* A pending pure operation that is legal now is placed without
//   trying otherwise: move it to the front of any completion of this configuration; it changes
//   no state, so all other steps see what they saw. Not so for a write of the value that happens
//   to be there: moved, it no longer sets what a later step saw.
// - *Equal actions by earliest completion.* Of pending operations with one action only the one
//   that completes first is tried: swap the two in any completion.
// - *Dominance.* See VisitedSet. A shortest completion never needs a configuration covered by
//   one that was entered before: the latter has a completion at most as long.
// - *`info` operations on demand* (only if every action has a footprint). Take an order in which
//   the unknown operation x is followed by y. If y was legal before x as well: when y sets the
//   state, drop x; when y is pure, let y go first. An x at the end is dropped. So there is an
//   order, no longer, in which each x stands right before something that x made legal.
// - *Writes of no account* (only if, besides, every observation is by equality). Let w be a
//   pending operation that asks nothing and sets a state that no operation yet to be placed
//   needs. What follows w in an order then asks nothing either, so w can stand right before
//   anything else that asks nothing. So all such w are placed together, before whatever next
//   asks nothing, and none is tried by itself unless it is due. For the same reason all states
//   that nobody needs are one state to the visited set.
// - *Foresight.* Where an open operation asks what is not so, what was invoked before its
//   completion must make it so; see Foresight.swift.
// - *Last producer.* A state that is left while unplaced operations need it, and none that could
//   make it again is left in the whole history, is never left.

/// Searches for an order of one key's operations that the model accepts and real time allows.
///
/// - Complexity: exponential in the width of the history at worst, not in its length; a step
///   costs as much as there are slots.
/// - Source: Wing & Gong 1993; memoisation from Lowe 2017.
struct Search<M: Model> {
  private struct Frame {
    /// Placements before the move that led here.
    var base: Int
    var state: Int32
    /// Moves already considered.
    var cursor: Int32 = 0
    var isRemembered = false
  }

  private var alphabet: Alphabet<M>
  private var window: Window
  private var visited: VisitedSet
  private var frames: [Frame] = []
  private let budget: Budget
  private var reserved = 0
  private var hasBegun = false
  private var transitionBytes = 0
  /// Laid out once the search has turned back some times; where states have cells, at the beginning, since
  /// it sets the order in which moves are tried, which must not change halfway.
  private var foresight: Foresight<M>?
  /// Whether to use what only the rest of the history tells.
  private let looksAhead: Bool
  private let deadEndsWanted: Int
  /// Which steps look at the limits: the wider the history, the longer a step takes.
  private let pollMask: Int
  /// By state: whether an unknown operation needs it.
  private var maybeNeeded: [Bool]
  private var key: [UInt64]
  private var vector: [UInt32]

  /// Configurations entered so far.
  private(set) var steps = 0
  /// The furthest event that any configuration could not pass.
  private(set) var furthest = 0

  /// The place of the operation whose completion that is; nil when there is none.
  var furthestPlace: Int? {
    guard furthest < eventCount,
      case .completion(let operation) = Timeline.event(window.timeline.events[furthest])
    else { return nil }
    return Int(window.timeline.places[operation])
  }
  /// The configurations that came furthest, as many as were asked for.
  private(set) var deadEnds: [DeadEnd] = []
  private var deadEndPosition = -1

  /// A search of `subject`.
  ///
  /// - Parameter deadEndsWanted: how many of the furthest configurations to keep. With more than
  ///   none, dead ends are found where they are and not foreseen, which is slower.
  init(_ subject: Subject<M>, budget: Budget, deadEndsWanted: Int = 0) {
    let (alphabet, ids) = Alphabet.of(subject)
    let timeline = Timeline(subject.judged, ids: ids) { timeline, offered in
      alphabet.lastUses(in: timeline, offered: offered)
    }
    self.alphabet = alphabet
    window = Window(timeline, alphabet: alphabet)
    let words = window.placed.words.count
    visited = VisitedSet(keyWords: words + 1, vectorWidth: timeline.classSlotCount)
    key = Array(repeating: 0, count: words + 1)
    vector = Array(repeating: 0, count: timeline.classSlotCount)
    maybeNeeded = Array(repeating: false, count: alphabet.transitions.states.count)
    for action in timeline.classActions where alphabet.needs[Int(action)] >= 0 {
      maybeNeeded[Int(alphabet.needs[Int(action)])] = true
    }
    self.budget = budget
    self.deadEndsWanted = deadEndsWanted
    let width = timeline.slotCount + timeline.classSlotCount
    pollMask = width <= 64 ? 0xfff : width <= 512 ? 0xff : 0xf
    looksAhead = alphabet.hasFootprints && deadEndsWanted == 0
  }

  /// Events that matter, in all.
  var eventCount: Int { window.timeline.events.count }

  /// Runs to the end or to a limit. Call it once.
  mutating func run() -> SearchOutcome {
    guard let outcome = run(until: Int.max) else {
      preconditionFailure("nobody takes so many steps")
    }
    return outcome
  }

  /// Runs to the end, to a limit, or to the step numbered `last`: then it returns nil, and may be
  /// called again to go on.
  mutating func run(until last: Int) -> SearchOutcome? {
    if !hasBegun {
      hasBegun = true
      if let outcome = begin() { return end(outcome) }
    }
    guard let outcome = search(until: last) else { return nil }
    return end(outcome)
  }

  /// Gives back what was reserved.
  mutating func abandon() {
    _ = budget.reserve(-reserved)
    reserved = 0
  }

  private mutating func end(_ outcome: SearchOutcome) -> SearchOutcome {
    abandon()
    return outcome
  }

  private mutating func begin() -> SearchOutcome? {
    // Timeline, order and frames, which are at most as long as the history.
    if let reason = reserve(eventCount * 64 + visited.bytes) { return .unknown(reason) }
    if looksAhead, let position = firstWithoutProducer {
      furthest = position
      return .invalid
    }
    if alphabet.model is any Celled, deadEndsWanted == 0 { foresee() }
    window.reserveOrder()
    frames.reserveCapacity(window.timeline.actions.count)  // growing would copy it again and again
    if settle(in: alphabet.initial) { return .valid(order: window.orderedPlaces) }
    frames.append(Frame(base: 0, state: alphabet.initial))
    return nil
  }

  private mutating func search(until last: Int) -> SearchOutcome? {
    while var frame = frames.last {
      if steps >= last { return nil }
      if steps & pollMask == 0, let reason = poll() { return .unknown(reason) }
      steps += 1
      let move = nextMove(in: frame.state, cursor: &frame.cursor)
      frames[frames.count - 1].cursor = frame.cursor
      guard let (code, next) = move else {
        if let reason = leave() { return .unknown(reason) }
        continue
      }
      let base = window.order.count
      let action =
        code >= 0
        ? window.timeline.actions[Int(code)] : window.timeline.classActions[Int(-1 - code)]
      // A chain of unknown operations must not come back to where it began.
      if code < 0, let reason = remember() { return .unknown(reason) }
      if alphabet.observesByEquality, alphabet.needs[Int(action)] < 0 { placeIdle(before: code) }
      if code >= 0 {
        window.place(operation: Int(code))
      } else {
        window.use(Int(-1 - code))
      }
      if settle(in: next) { return .valid(order: window.orderedPlaces) }
      fillKey(next)
      if visited.covers(key, vector) || isHopeless(in: next) {
        window.undo(to: base)
      } else {
        frames.append(Frame(base: base, state: next))
      }
    }
    return .invalid
  }

  /// Places every pure operation that is legal in `state`, and walks on as far as it goes.
  ///
  /// - Returns: whether that was to the end.
  private mutating func settle(in state: Int32) -> Bool {
    while true {
      for word in window.open.words.indices {
        var bits =
          window.open.words[word] & window.pure.words[word] & ~window.placed.words[word]
        while bits != 0 {
          let operation = Int(window.holders[word * 64 + bits.trailingZeroBitCount])
          bits &= bits - 1
          if isLegal(window.timeline.actions[operation], in: state) {
            window.place(operation: operation)
          }
        }
      }
      let before = window.position
      window.advance()
      if window.isAtEnd { return true }
      if window.position == before { break }
    }
    furthest = max(furthest, window.position)
    return false
  }

  private mutating func foresee() {
    foresight = Foresight(window.timeline, alphabet: &alphabet)
  }

  /// Whether something open asks what will not be so in time.
  private mutating func isHopeless(in state: Int32) -> Bool {
    // Laid out once turning back has cost as much as that does.
    guard deadEndsWanted == 0, visited.count > 0 else { return false }
    if foresight == nil, visited.count * 64 >= eventCount { foresee() }
    return foresight?.isHopeless(window, in: state, &alphabet.transitions) ?? false
  }

  /// Places what is of no account before the move `code`, which asks nothing of the state.
  private mutating func placeIdle(before code: Int32) {
    for word in window.open.words.indices {
      var bits = window.open.words[word] & ~window.placed.words[word] & ~window.pure.words[word]
      while bits != 0 {
        let operation = window.holders[word * 64 + bits.trailingZeroBitCount]
        bits &= bits - 1
        if operation != code, isIdle(window.timeline.actions[Int(operation)]) {
          window.place(operation: Int(operation))
        }
      }
    }
  }

  /// Stands for any state that nothing yet to be placed needs.
  private static var needless: Int32 { -1 }

  /// Whether something pending is of no account.
  private var hasIdle: Bool {
    window.anyPending { isIdle(window.timeline.actions[$0]) }
  }

  /// Whether `action` asks nothing, and sets what no operation yet to be placed needs.
  @inline(__always)
  private func isIdle(_ action: Int32) -> Bool {
    let make = alphabet.makes[Int(action)]
    return alphabet.observesByEquality && alphabet.needs[Int(action)] < 0 && make >= 0
      && isNeedless(make)
  }

  /// Whether nothing yet to be placed needs `state`.
  @inline(__always)
  private func isNeedless(_ state: Int32) -> Bool {
    window.needed[Int(state)] == 0 && !maybeNeeded[Int(state)]
  }

  @inline(__always)
  private mutating func isLegal(_ action: Int32, in state: Int32) -> Bool {
    let need = alphabet.needs[Int(action)]
    if need >= 0 { return need == state }
    if alphabet.observesByEquality { return true }
    return alphabet.transitions.next(state, action) != Transitions<M>.rejected
  }

  // MARK: Moves

  /// The next move from here that is worth trying: an operation, or `-1 - class`, and where to.
  private mutating func nextMove(
    in state: Int32, cursor: inout Int32
  ) -> (code: Int32, state: Int32)? {
    let due = window.due
    let wanted = wanted(by: due, in: state)
    let slots = window.timeline.slotCount
    let classSlots = window.timeline.classSlotCount
    if cursor == 0 {
      cursor = 1
      if wanted >= 0, wanted != state, alphabet.hasFootprints, !canMake(wanted) {
        cursor = Int32.max  // nor later: nothing here can lead past the operation that is due
        return nil
      }
      if let next = target(of: due, from: state) { return (Int32(due), next) }
    }
    // Twice over the slots, then twice over the classes: first what makes the wanted state.
    while Int(cursor) <= 2 * (slots + classSlots) {
      let place = Int(cursor) - 1
      cursor += 1
      if place < 2 * slots {
        let slot = Int32(place % slots)
        guard window.open[slot], !window.placed[slot], !window.pure[slot] else { continue }
        let operation = Int(window.holders[Int(slot)])
        let makesWanted = makes(window.timeline.actions[operation], wanted)
        guard operation != due, makesWanted == (place < slots) else { continue }
        guard !isIdle(window.timeline.actions[operation]) else { continue }
        if let next = target(of: operation, from: state) { return (Int32(operation), next) }
      } else {
        let place = place - 2 * slots
        let number = Int(window.classHolders[place % classSlots])
        guard number >= 0, window.offers(number) else { continue }
        let makesWanted = makes(window.timeline.classActions[number], wanted)
        guard makesWanted == (place < classSlots) else { continue }
        if let next = target(ofClass: number, from: state) { return (-1 - Int32(number), next) }
      }
    }
    return nil
  }

  /// The state that the operation `due` needs; where states have cells, the first cell and content
  /// that it misses.
  @inline(__always)
  private mutating func wanted(by due: Int, in state: Int32) -> Int32 {
    let action = window.timeline.actions[due]
    guard let foresight, foresight.isCelled else { return alphabet.needs[Int(action)] }
    return foresight.firstMissing(of: action, in: state, &alphabet.transitions)
  }

  @inline(__always)
  private func makes(_ action: Int32, _ wanted: Int32) -> Bool {
    guard wanted >= 0 else { return false }
    if alphabet.makes[Int(action)] == wanted { return true }
    guard let foresight, foresight.isCelled else { return false }
    return foresight.makes(action, wanted)
  }

  /// The state after the pending `operation`, or nil if it need not be tried.
  private mutating func target(of operation: Int, from state: Int32) -> Int32? {
    let action = window.timeline.actions[operation]
    guard !alphabet.isPure[Int(action)] else { return nil }  // legal, it would be placed already
    let next = alphabet.transitions.next(state, action)
    let met = alphabet.needs[Int(action)] == state ? 1 : 0
    guard next != Transitions<M>.rejected,
      !strandsNeed(of: state, leavingFor: next, meeting: Int32(met))
    else { return nil }
    let completion = window.timeline.completions[operation]
    let isLater = window.anyPending { other in
      window.timeline.actions[other] == action && window.timeline.completions[other] < completion
    }
    return isLater ? nil : next
  }

  /// The state after the next of a class, or nil if it need not be tried.
  private mutating func target(ofClass number: Int, from state: Int32) -> Int32? {
    let action = window.timeline.classActions[number]
    let next = alphabet.transitions.next(state, action)
    // What is of no account goes first, and what was legal before it is not any more.
    let asksNothing = alphabet.observesByEquality && alphabet.needs[Int(action)] < 0
    let before = asksNothing && hasIdle ? Self.needless : state
    // What leaves the state as it is only spends an operation.
    guard next != Transitions<M>.rejected, next != before else { return nil }
    guard !strandsNeed(of: state, leavingFor: next, meeting: 0) else { return nil }
    guard alphabet.hasFootprints else { return next }
    return enables(from: before, to: next) ? next : nil
  }

  /// Whether something that can be placed is legal in `next` and was not in `state`.
  private mutating func enables(from state: Int32, to next: Int32) -> Bool {
    for word in window.open.words.indices {
      var bits = window.open.words[word] & ~window.placed.words[word]
      while bits != 0 {
        let other = Int(window.holders[word * 64 + bits.trailingZeroBitCount])
        bits &= bits - 1
        let action = window.timeline.actions[other]
        if isLegal(action, in: next), !isLegal(action, in: state) { return true }
      }
    }
    for number in window.classHolders where number >= 0 && window.offers(Int(number)) {
      let action = window.timeline.classActions[Int(number)]
      if isLegal(action, in: next), !isLegal(action, in: state) { return true }
    }
    return false
  }

  /// Whether anything that can be placed makes `wanted`.
  private func canMake(_ wanted: Int32) -> Bool {
    window.anyPending { makes(window.timeline.actions[$0], wanted) }
      || window.classHolders.contains { number in
        number >= 0 && window.offers(Int(number))
          && makes(window.timeline.classActions[Int(number)], wanted)
      }
  }

  /// Whether leaving `state` leaves needs behind that nothing can meet again, besides the
  /// `met` ones of the operation that leaves it.
  @inline(__always)
  private func strandsNeed(of state: Int32, leavingFor next: Int32, meeting met: Int32) -> Bool {
    looksAhead && next != state && window.made[Int(state)] == 0
      && window.needed[Int(state)] > met
  }

  /// The first completion of an operation that needs a state which nothing ever makes.
  private var firstWithoutProducer: Int? {
    let timeline = window.timeline
    return timeline.actions.indices.lazy.filter { operation in
      let need = alphabet.needs[Int(timeline.actions[operation])]
      return need >= 0 && need != alphabet.initial && window.made[Int(need)] == 0
    }.map { Int(timeline.completions[$0]) }.min()
  }

  // MARK: Failures

  /// Gives up the last frame, whose moves have all failed.
  private mutating func leave() -> LimitReached.Reason? {
    if let reason = remember() { return reason }
    if deadEndsWanted > 0 { recordDeadEnd() }
    let frame = frames.removeLast()
    window.undo(to: frame.base)
    return nil
  }

  /// Enters the last frame's configuration into the visited ones, once.
  ///
  /// Only when it failed (or is about to use an unknown operation), not on entry: a search that
  /// never turns back, the common one, remembers nothing.
  private mutating func remember() -> LimitReached.Reason? {
    let last = frames.count - 1
    guard !frames[last].isRemembered else { return nil }
    let (growth, before) = (visited.bytesToGrow, visited.bytes)
    var taken = growth
    if growth > 0, let reason = reserve(growth) {
      guard visited.makeDense() else { return reason }
      taken = 0
    }
    fillKey(frames[last].state)
    visited.insert(key, vector)
    frames[last].isRemembered = true
    // What it has outgrown is free again.
    return growth > 0 ? reserve(visited.bytes - before - taken) : nil
  }

  private mutating func fillKey(_ state: Int32) {
    let state = alphabet.observesByEquality && isNeedless(state) ? Self.needless : state
    key[0] = UInt64(window.position) << 32 | UInt64(UInt32(bitPattern: state))
    for word in window.placed.words.indices { key[word + 1] = window.placed.words[word] }
    for slot in vector.indices {
      // What is past its last use is used up or not, all the same.
      let number = Int(window.classHolders[slot])
      let counts = number >= 0 && window.timeline.lastUses[number] >= Int32(window.position)
      vector[slot] = counts ? window.used[number] : 0
    }
  }

  /// Whether a limit was reached; for every few thousand steps.
  private mutating func poll() -> LimitReached.Reason? {
    let grown = alphabet.transitions.bytes - transitionBytes
    transitionBytes += grown
    return reserve(grown) ?? budget.exceeded()
  }

  private mutating func reserve(_ bytes: Int) -> LimitReached.Reason? {
    if let reason = budget.reserve(bytes) { return reason }
    reserved += bytes
    return nil
  }

  private mutating func recordDeadEnd() {
    if window.position > deadEndPosition { deadEnds = [] }
    deadEndPosition = max(deadEndPosition, window.position)
    guard window.position == deadEndPosition, deadEnds.count < deadEndsWanted else { return }
    deadEnds.append(
      DeadEnd(order: window.orderedPlaces, due: Int(window.timeline.places[window.due])))
  }
}
