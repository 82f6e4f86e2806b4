// The objects of one generated history: one for each key that is in use, new ones for full ones.

/// Objects by place. One that was full is dropped when nothing is open on it any more.
struct ObjectTable: Sendable {
  struct Entry: Sendable {
    var key: String?
    var object: any AtomicObject
    /// Operations that may still do something to it, and one for being current.
    var uses: Int
  }

  private let shape: GenerationShape
  private let hasKeys: Bool
  private var nextKey = 0
  private var places: [Int]  // of the current object, by slot
  private var free: [Int] = []
  var entries: [Entry] = []

  /// How many objects are used at once.
  var slots: Int { places.count }

  init(_ shape: GenerationShape) {
    self.shape = shape
    let isOne = shape.model == .multiRegister || shape.keys <= 1
    let isLimited = shape.model == .appendList && ListObject.limit(shape) < Int.max
    hasKeys = !isOne || isLimited || shape.model == .kv
    places = []
    for slot in 0..<(isOne ? 1 : shape.keys) {
      places.append(slot)
      addEntry()
    }
  }

  private mutating func addEntry() {
    let key = hasKeys ? .some(String(nextKey)) : Optional.none
    nextKey += 1
    let entry = Entry(key: key, object: Self.object(shape), uses: 1)
    if let place = free.popLast() { entries[place] = entry } else { entries.append(entry) }
  }

  /// Where the object that a new operation goes to stands.
  mutating func current(_ slot: Int) -> Int {
    let place = places[slot]
    guard entries[place].object.isFull else { return place }
    release(place)
    places[slot] = free.last ?? entries.count
    addEntry()
    return places[slot]
  }

  mutating func retain(_ place: Int) { entries[place].uses += 1 }

  mutating func release(_ place: Int) {
    entries[place].uses -= 1
    if entries[place].uses == 0 { free.append(place) }
  }

  private static func object(_ shape: GenerationShape) -> any AtomicObject {
    switch shape.model {
    case .register, .casRegister, .unknownReadRegister: RegisterObject(shape)
    case .multiRegister: TransactionObject(shape)
    case .counter: CounterObject(shape)
    case .mutex, .ownedMutex, .fencedLock, .semaphore: LockObject(shape)
    case .set: SetObject(shape)
    case .queue, .stack, .priorityQueue: SequenceObject(shape)
    case .appendList: ListObject(shape)
    case .kv: TextObject(shape)
    }
  }
}
