// Histories whose truth is known: clients at once on objects that do one thing after the other.
// Here: clients, instants, crashes. Not here: the objects (AtomicObject.swift) and the breaks
// (Break.swift).

import History

/// Simulates clients of an atomic object, event by event.
///
/// Every operation takes effect at one instant between its invocation and its completion, drawn
/// by chance: the order of those instants is a witness, and so the history is linearizable. With
/// a `Break` it is certainly not.
///
///     var generator = try HistoryGenerator(GenerationShape(model: .queue))
///     while let event = generator.next() { JSONLines.append(event, to: &buffer) }
///
/// - Complexity: constant time an event (for an `append-list` linear in its list, for a `kv` in its
///   text), and memory that grows with the concurrency and the keys alone.
public struct HistoryGenerator: Sendable {
  /// What is simulated.
  public let shape: GenerationShape
  /// The first line of the history.
  public let header: Header
  /// The operations that a break changed, by the index of their invocations; in order.
  public var broken: [Int] { edits.keys.sorted() }

  private var dice: Dice
  private var objects: ObjectTable
  private var clients: [Client]
  /// All clients; the first `busy` have an operation open, the others rest.
  private var order: [Int]
  private var busy = 0
  /// The client that invokes next, whatever the dice say: all at first, then who just completed.
  private var eager: Int?
  private var late: [LateCall] = []
  private var invoked = 0
  private var index = 0
  private var time: Int64 = 0
  private var edits: [Int: Edit] = [:]
  /// Invocation indexes by key, in the order in which they took effect; nil when not wanted.
  private var witness: [String?: [Int]]?

  /// A linearizable history.
  ///
  /// - Throws: `GenerationError` for a shape that means nothing.
  public init(_ shape: GenerationShape) throws(GenerationError) {
    try shape.validate()
    self.shape = shape
    header = Self.header(shape)
    dice = Dice(shape)
    objects = ObjectTable(shape)
    clients = (0..<shape.concurrency).map(Client.init)
    order = Array(0..<shape.concurrency)
    eager = shape.pauses ? nil : 0
  }

  /// The same history but for one break, near `fraction` of its operations, that makes it
  /// certainly not linearizable; `Break` says why.
  ///
  /// - Complexity: generates the whole history once, in memory, to find a place in it.
  /// - Throws: `GenerationError` when the model has no such break or the history no place for it.
  public init(
    _ shape: GenerationShape, breaking kind: Break, near fraction: Double = 0.9
  ) throws(GenerationError) {
    try self.init(shape)
    guard kind.models.contains(shape.model) else {
      throw GenerationError(reason: .notForModel(kind, shape.model))
    }
    let operations = collected().history.operations
    let planner = BreakPlanner(operations, shape: shape, near: fraction)
    guard let edits = planner.plan(kind) else { throw GenerationError(reason: .noPlace(kind)) }
    self.edits = edits
  }

  private static func header(_ shape: GenerationShape) -> Header {
    Header(
      model: shape.model.rawValue, initial: shape.model == .counter ? .integer(0) : .absent,
      capacity: shape.model == .semaphore ? shape.capacity : nil)
  }

  /// The whole history from here on, with the witness of what came from here on.
  public func collected() -> GeneratedHistory {
    var rest = self
    rest.witness = [:]
    let history = History(header: header, generatedBy: &rest)
    return GeneratedHistory(
      history: history, witness: edits.isEmpty ? rest.witness : Optional.none)
  }

  /// The next event; nil after the last.
  public mutating func next() -> Event? {
    while true {
      if let client = eager {
        eager = nil
        // At the start one after the other invokes, until all are busy.
        if !shape.pauses, invoked + 1 < shape.concurrency { eager = invoked + 1 }
        if invoked < shape.operations { return invoke(client) }
      }
      if !late.isEmpty, dice.below(256) < late.count { performLate() }
      let resting = invoked < shape.operations ? shape.concurrency - busy : 0
      if busy == 0 && resting == 0 { return nil }
      // Whoever rests is this many times less likely to be next: with eight clients or more about
      // three are busy, so that at times none is.
      let patience = max(2, shape.concurrency / 2)
      let draw = dice.below(busy * patience + resting)
      if draw >= busy * patience {
        return invoke(order[busy + draw - busy * patience])
      }
      if let event = advance(order[draw / patience]) { return event }
    }
  }

  /// A client's operation does its next step; an event if that was its completion.
  private mutating func advance(_ number: Int) -> Event? {
    switch clients[number].phase {
    case .invoked:
      switch clients[number].fate {
      case .completes, .crashesAfter:
        perform(number)
        return nil
      case .crashesBefore:
        let client = clients[number]
        late.append(
          LateCall(call: client.call, object: client.object, invocation: client.invocation))
        objects.retain(client.object)
        return complete(number)
      case .crashesInVain: return complete(number)
      }
    case .performed: return complete(number)
    }
  }

  private mutating func invoke(_ number: Int) -> Event {
    move(number, to: busy)
    busy += 1
    invoked += 1
    let client = clients[number]
    // Whoever holds a lock goes on with that one.
    let object =
      client.holds ? client.object : objects.current(dice.below(objects.slots))
    objects.retain(object)
    let caller = Caller(holds: client.holds)
    let call = objects.entries[object].object.propose(to: caller, &dice)
    clients[number].begin(call, object: object, invocation: index)
    drawFate(number)
    let edited = edits.isEmpty ? Optional.none : edits[index]?.argument
    return event(
      number, type: .invoke, call, key: objects.entries[object].key,
      value: edited ?? call.argument)
  }

  private mutating func move(_ number: Int, to place: Int) {
    let other = order[place]
    order.swapAt(clients[number].place, place)
    clients[other].place = clients[number].place
    clients[number].place = place
  }

  private mutating func drawFate(_ number: Int) {
    guard shape.info > 0, dice.chance(shape.info) else { return clients[number].fate = .completes }
    let (call, object) = (clients[number].call, clients[number].object)
    let takesEffect =
      objects.entries[object].object.crashTakesEffect(call) ?? (dice.below(2) == 0)
    if takesEffect {
      clients[number].fate = dice.below(2) == 0 ? .crashesAfter : .crashesBefore
    } else {
      clients[number].fate = .crashesInVain
      objects.entries[object].object.lose(call)
    }
  }

  private mutating func perform(_ number: Int) {
    let client = clients[number]
    let crashes = client.fate != .completes
    let answer = objects.entries[client.object].object.perform(
      client.call, by: Caller(crashes: crashes), &dice)
    clients[number].answer = answer
    clients[number].phase = .performed
    if crashes ? answer.changes : answer.isObservation {
      note(client.invocation, object: client.object)
    }
  }

  /// A crashed call takes effect, after its client has given up.
  private mutating func performLate() {
    let place = dice.below(late.count)
    late.swapAt(place, late.count - 1)
    let call = late.removeLast()
    let answer = objects.entries[call.object].object.perform(
      call.call, by: Caller(crashes: true), &dice)
    if answer.changes { note(call.invocation, object: call.object) }
    objects.release(call.object)
  }

  private mutating func note(_ invocation: Int, object: Int) {
    if witness != nil { witness?[objects.entries[object].key, default: []].append(invocation) }
  }

  private mutating func complete(_ number: Int) -> Event {
    let client = clients[number]
    let edit = edits.isEmpty ? Optional.none : edits[client.invocation]
    let crashes = client.fate != .completes
    let type: EventType =
      switch edit?.outcome {
      case .ok: .ok
      case .fail: .fail
      case .info: .info
      case nil: crashes ? .info : client.answer.isOK ? .ok : .fail
      }
    var event = event(
      number, type: type, client.call, key: objects.entries[client.object].key,
      value: edit?.result ?? (crashes ? client.call.argument : client.answer.result))
    switch type {
    case .fail:
      event.error = "refused"
      event.observed = edit?.outcome == nil ? client.answer.observed : Optional.none
    case .info: event.error = "timeout"
    case .ok, .invoke: break
    }
    // What follows is the simulation's, which knows nothing of an edit.
    if !crashes && client.answer.isOK {
      if client.call.function == "acquire" { clients[number].holds = true }
      if client.call.function == "release" { clients[number].holds = false }
    }
    if crashes {
      clients[number].process += shape.concurrency
      clients[number].holds = false
    }
    objects.release(client.object)
    busy -= 1
    move(number, to: busy)
    if !shape.pauses { eager = number }
    return event
  }

  private mutating func event(
    _ number: Int, type: EventType, _ call: Call, key: String?, value: Value
  ) -> Event {
    time += 1 + Int64(dice.below(20_000))
    defer { index += 1 }
    return Event(
      index: index, time: time, process: .client(clients[number].process), type: type,
      function: call.function, key: key, value: value)
  }
}

/// One client and what it is doing.
private struct Client: Sendable {
  enum Phase { case invoked, performed }
  /// What becomes of an operation, drawn when it is invoked.
  enum Fate { case completes, crashesAfter, crashesBefore, crashesInVain }

  var process: Int
  /// Where it stands in `order`.
  var place: Int
  var holds = false
  var phase = Phase.invoked
  var fate = Fate.completes
  var object = 0
  var invocation = 0
  var call = Call(function: "", argument: .absent)
  var answer = Answer(result: .absent, changes: false)

  init(number: Int) {
    process = number
    place = number
  }

  mutating func begin(_ call: Call, object: Int, invocation: Int) {
    self.call = call
    self.object = object
    self.invocation = invocation
    phase = .invoked
  }
}

/// A call that takes effect after its client gave up.
private struct LateCall: Sendable {
  var call: Call
  var object: Int
  var invocation: Int
}
