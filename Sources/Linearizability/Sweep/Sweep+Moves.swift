// How a sweep gets past a completion: the moves that may lead there.
//
// When x completes, every configuration in which x is not placed goes on by sequences of pending
// operations that end with x; what would come after x can wait. "Legal" is always by the model.
// Why what is left out of these sequences is never needed:
//
// - *Pure operations at once*, *equal actions by earliest completion*, `info` *on demand*: as in
//   the Wing–Gong search; see WingGong/Search.swift. Of a required and an `info` operation of
//   equal action the required one goes first: swap the two.
// - *Lazy blind sets.* A blind operation is legal in every state and sets the same one in all. What
//   stands right before it is seen by nobody but the pure operations in between. So when a blind
//   one is placed, every other pending blind one may, from then on and as long as it is open,
//   be declared to have been placed right before it, and any pure one that was pending then
//   and is legal in what that one sets, right behind it; nothing else changes. One configuration
//   with slots free to choose from stands for all these choices. They are made as late as
//   possible: when such an operation completes. An `info` one can be declared so, too, if it
//   was offered by the time of the blind set (`since`): as `info` ones are used in the order of
//   invocation, and all blind uses stand at or before that set, counting is enough.
// - *Blind ones on demand.* So placing a blind one y visibly, before another blind one, gives
//   nothing that the lazy choice does not give. It is tried only if y is x, or makes x legal, or
//   makes some pending rigid operation legal.
// - *Dominance.* See ConfigurationSet: what covers another has a completion at most as long, so a
//   shortest completion never needs the other.

extension Sweep {
  /// Moves the frontier past the completion of the operation in slot `due`.
  mutating func explain(_ slot: Int) {
    due = slot
    dueNeed = alphabet.needs[Int(slots.actions[slot])]
    chooseCandidates()
    let (word, bit) = (2 + (slot >> 6), UInt64(1) << UInt64(slot & 63))
    // Folding twice would take away the place that was just given.
    var mayFold = true
    while true {
      wantedClass = -1
      var waiting = 0
      for number in 0..<current.count where current.row(number)[word] & bit == 0 { waiting += 1 }
      let growth =
        work.bytesToReserve(waiting) + next.bytesToReserve(current.count - waiting)
      if growth > 1 << 20, isShort(of: growth) { return }
      next.removeAll(reserving: current.count - waiting)
      work.removeAll(reserving: waiting)
      for number in 0..<current.count {
        copy(current.row(number), to: source)
        if source[word] & bit != 0 {
          source[word] &= ~bit
          next.append(source)
        } else {
          work.append(source)
        }
      }
      for number in 0..<work.count
      where work.row(number)[layout.free + (slot >> 6)] & bit != 0 && wantedClass < 0
        && failure == nil
      {
        copy(work.row(number), to: source)
        choose()
        countStep()
      }
      var cursor = 0
      while cursor < work.count, wantedClass < 0, failure == nil {
        if work.row(cursor).state != ConfigurationSet.dead {
          copy(work.row(cursor), to: source)
          expand()
          countStep()
        }
        cursor += 1
      }
      guard wantedClass >= 0, failure == nil else { break }
      if mayFold { classes.fold(current) }
      mayFold = false
      makeRoom(forClass: wantedClass)
    }
    swap(&current, &next)
    current.compact()
  }

  private mutating func makeRoom(forClass number: Int) {
    classes.giveSlot(to: number)
    let countSlots = (classes.slotCount + 1) & ~1
    if countSlots > layout.countSlots {
      widen(to: RowLayout(maskWords: layout.maskWords, countSlots: countSlots))
    }
    slots.standIns = classes.standIns(count: layout.countSlots, in: alphabet)
  }

  @inline(__always)
  private func copy(_ row: Row, to other: Row) {
    for word in 0..<layout.stride { other[word] = row[word] }
  }

  // MARK: Candidates

  /// Finds the classes of `info` operations that can lead to anything that is open.
  ///
  /// Where all of these ask by equality, that is a search backwards from what they need.
  private mutating func chooseCandidates() {
    blindCandidates.removeAll(keepingCapacity: true)
    rigidCandidates.removeAll(keepingCapacity: true)
    usefulStates.removeAll(keepingCapacity: true)
    isLoose = classes.hasLoose
    for word in 0..<layout.maskWords {
      var bits = slots.open[word] & ~slots.blind[word]
      while bits != 0 {
        let action = slots.actions[word * 64 + bits.trailingZeroBitCount]
        bits &= bits - 1
        let need = alphabet.needs[Int(action)]
        if need < 0 {
          isLoose = true
        } else if !usefulStates.contains(need) {
          usefulStates.append(need)
        }
      }
    }
    guard !classes.all.isEmpty else { return }
    if isLoose {
      blindCandidates += classes.blind
      rigidCandidates += classes.rigid
      return
    }
    var cursor = 0
    while cursor < usefulStates.count {
      let state = usefulStates[cursor]
      cursor += 1
      blindCandidates += classes.blindByMake[state] ?? []
      for number in classes.rigidByMake[state] ?? [] {
        rigidCandidates.append(number)
        let need = alphabet.needs[Int(classes.all[number].action)]
        if !usefulStates.contains(need) { usefulStates.append(need) }
      }
    }
  }

  // MARK: Choices about the past

  /// The operation due may have been placed before the last blind set: those branches.
  private mutating func choose() {
    let action = slots.actions[due]
    guard alphabet.kinds[Int(action)] == .pure else {
      hide(slot: due)
      return
    }
    for word in 0..<layout.maskWords {
      var bits = source[layout.free + word] & slots.blind[word]
      while bits != 0 {
        let slot = word * 64 + bits.trailingZeroBitCount
        bits &= bits - 1
        let other = slots.actions[slot]
        guard alphabet.target(alphabet.makes[Int(other)], action) >= 0 else { continue }
        if !hasEarlier(slot, amongFree: true) { hide(slot: slot) }
      }
    }
    for number in blindCandidates {
      let other = classes.all[number].action
      let make = alphabet.makes[Int(other)]
      guard classes.offers(number, to: source, layout, by: source.since),
        alphabet.target(make, action) >= 0, !isPending(other, amongFree: true)
      else { continue }
      guard classes.all[number].slot >= 0 else {
        wantedClass = number
        return
      }
      copy(source, to: target)
      target.increment(count: classes.all[number].slot, layout)
      placeLegal(in: make, amongFree: true)
      enter(OrderStep(.hide, class: number), purely: .hide)
    }
  }

  /// Places the blind operation in `slot` before the last blind set, and what it makes legal.
  private mutating func hide(slot: Int) {
    copy(source, to: target)
    target[2 + (slot >> 6)] |= 1 << UInt64(slot & 63)
    target[layout.free + (slot >> 6)] &= ~(1 << UInt64(slot & 63))
    placeLegal(in: alphabet.makes[Int(slots.actions[slot])], amongFree: true)
    enter(OrderStep(.hide, tag: slots.tags[slot]), purely: .hide)
  }

  // MARK: Moves

  /// Enters all that one move from `source` leads to.
  private mutating func expand() {
    let state = source.state
    if dueNeed >= 0, dueNeed != state, !isLoose, !canMake(dueNeed) { return }
    for word in 0..<layout.maskWords {
      var bits = slots.open[word] & ~slots.pure[word] & ~source[2 + word]
      while bits != 0 {
        let slot = word * 64 + bits.trailingZeroBitCount
        bits &= bits - 1
        let action = slots.actions[slot]
        let to = alphabet.target(state, action)
        guard to >= 0 else { continue }
        let isBlind = alphabet.kinds[Int(action)] == .blind
        if slot != due {
          if isBlind && !leadsOn(to) { continue }
          if hasEarlier(slot, amongFree: false) { continue }
        }
        copy(source, to: target)
        target[2 + word] |= 1 << UInt64(slot & 63)
        target[layout.free + word] &= ~(1 << UInt64(slot & 63))
        land(in: to, blindly: isBlind)
        enter(OrderStep(isBlind ? .set : .place, tag: slots.tags[slot]), purely: .place)
      }
    }
    for number in blindCandidates where wantedClass < 0 { use(number, blindly: true) }
    for number in rigidCandidates where wantedClass < 0 { use(number, blindly: false) }
  }

  /// Uses an `info` operation of class `number`, if that leads on.
  private mutating func use(_ number: Int, blindly isBlind: Bool) {
    let state = source.state
    let action = classes.all[number].action
    let to = alphabet.target(state, action)
    // A rigid one that changes nothing is only spent. A blind one may set what is there already:
    // what was visible before it can then be hidden.
    guard to >= 0, isBlind || to != state, classes.offers(number, to: source, layout, by: .max),
      !isPending(action, amongFree: false)
    else { return }
    if isBlind {
      guard leadsOn(to) else { return }
    } else if alphabet.setsOnly {
      guard enables(from: state, to: to) else { return }
    }
    guard classes.all[number].slot >= 0 else {
      wantedClass = number
      return
    }
    copy(source, to: target)
    target.increment(count: classes.all[number].slot, layout)
    land(in: to, blindly: isBlind)
    enter(OrderStep(isBlind ? .set : .place, class: number), purely: .place)
  }

  /// Brings `target` into `state`.
  @inline(__always)
  private mutating func land(in state: Int32, blindly isBlind: Bool) {
    target.state = state
    if isBlind {
      for word in 0..<layout.maskWords {
        target[layout.free + word] =
          (slots.blind[word] | slots.pure[word]) & ~target[2 + word]
      }
      target.since = classes.offers
    }
    placeLegal(in: state, amongFree: false)
  }

  /// Places in `target` the pending pure operations that are legal in `state`.
  @inline(__always)
  private mutating func placeLegal(in state: Int32, amongFree: Bool) {
    for word in 0..<layout.maskWords {
      var bits = slots.pure[word] & ~target[2 + word]
      if amongFree { bits &= target[layout.free + word] }
      while bits != 0 {
        let bit = bits & (0 &- bits)
        bits ^= bit
        let action = slots.actions[word * 64 + bit.trailingZeroBitCount]
        if alphabet.target(state, action) >= 0 {
          target[2 + word] |= bit
          target[layout.free + word] &= ~bit
        }
      }
    }
  }

  /// Enters `target`, to which `step` led, into the set it belongs to, unless it is covered.
  private mutating func enter(_ step: OrderStep, purely kind: OrderStep.Kind) {
    let (dueWord, dueBit) = (due >> 6, UInt64(1) << UInt64(due & 63))
    let isPast = target[2 + dueWord] & dueBit != 0
    target[2 + dueWord] &= ~dueBit
    if isPast { target[layout.free + dueWord] &= ~dueBit }
    var looksBack = false
    for word in 0..<layout.maskWords
    where target[layout.free + word] & slots.pure[word] != 0 {
      looksBack = true
    }
    if !looksBack { target.since = 0 }
    let growth =
      (isPast ? next.bytesToGrow : work.bytesToGrow)
      + log.bytesToGrow(by: 1 + 64 * layout.maskWords)
    if growth > 1 << 20, isShort(of: growth) { return }
    let number = isPast ? next.insert(target, slots) : work.insert(target, slots)
    guard number >= 0 else { return }
    var node = log.append(step, after: source.node)
    if isPast { target[2 + dueWord] |= dueBit }
    for word in 0..<layout.maskWords {
      var fresh = target[2 + word] & ~source[2 + word] & slots.pure[word]
      while fresh != 0 {
        let slot = word * 64 + fresh.trailingZeroBitCount
        fresh &= fresh - 1
        node = log.append(OrderStep(kind, tag: slots.tags[slot]), after: node)
      }
    }
    if isPast { next.row(number).node = node } else { work.row(number).node = node }
  }

  // MARK: Conditions

  /// Whether the operation due or some rigid one that is pending can follow in `state`.
  private mutating func leadsOn(_ state: Int32) -> Bool {
    let action = slots.actions[due]
    if alphabet.kinds[Int(action)] != .blind, alphabet.target(state, action) >= 0 { return true }
    return rigidFollows(in: state, notIn: -1)
  }

  /// Whether something pending is legal in `next` that was not in `state`.
  private mutating func enables(from state: Int32, to next: Int32) -> Bool {
    for word in 0..<layout.maskWords {
      var bits = slots.pure[word] & ~source[2 + word]
      while bits != 0 {
        let action = slots.actions[word * 64 + bits.trailingZeroBitCount]
        bits &= bits - 1
        if alphabet.target(next, action) >= 0 { return true }  // in `state`, it would be placed
      }
    }
    return rigidFollows(in: next, notIn: state)
  }

  private mutating func rigidFollows(in state: Int32, notIn other: Int32) -> Bool {
    for word in 0..<layout.maskWords {
      var bits = slots.rigid(word) & ~source[2 + word]
      while bits != 0 {
        let action = slots.actions[word * 64 + bits.trailingZeroBitCount]
        bits &= bits - 1
        if alphabet.target(state, action) >= 0,
          other < 0 || alphabet.target(other, action) < 0
        {
          return true
        }
      }
    }
    for number in rigidCandidates {
      let action = classes.all[number].action
      if alphabet.target(state, action) >= 0, other < 0 || alphabet.target(other, action) < 0,
        classes.offers(number, to: source, layout, by: .max)
      {
        return true
      }
    }
    return false
  }

  /// Whether anything pending sets `state`.
  private func canMake(_ state: Int32) -> Bool {
    for word in 0..<layout.maskWords {
      var bits = slots.open[word] & ~slots.pure[word] & ~source[2 + word]
      while bits != 0 {
        let action = slots.actions[word * 64 + bits.trailingZeroBitCount]
        bits &= bits - 1
        if alphabet.makes[Int(action)] == state { return true }
      }
    }
    for number in blindCandidates where alphabet.makes[Int(classes.all[number].action)] == state {
      if classes.offers(number, to: source, layout, by: .max) { return true }
    }
    for number in rigidCandidates where alphabet.makes[Int(classes.all[number].action)] == state {
      if classes.offers(number, to: source, layout, by: .max) { return true }
    }
    return false
  }

  /// Whether an operation equal to that in `slot` is pending and completes earlier.
  private func hasEarlier(_ slot: Int, amongFree: Bool) -> Bool {
    let (action, completion) = (slots.actions[slot], slots.completions[slot])
    return anyPending(amongFree) { $0 == action && $1 < completion }
  }

  private func isPending(_ action: Int32, amongFree: Bool) -> Bool {
    anyPending(amongFree) { other, _ in other == action }
  }

  @inline(__always)
  private func anyPending(_ amongFree: Bool, _ isWanted: (Int32, Int) -> Bool) -> Bool {
    for word in 0..<layout.maskWords {
      var bits = slots.open[word] & ~slots.pure[word] & ~source[2 + word]
      if amongFree { bits &= source[layout.free + word] }
      while bits != 0 {
        let slot = word * 64 + bits.trailingZeroBitCount
        bits &= bits - 1
        if isWanted(slots.actions[slot], slots.completions[slot]) { return true }
      }
    }
    return false
  }
}
