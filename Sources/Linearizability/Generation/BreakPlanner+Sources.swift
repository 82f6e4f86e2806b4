// Breaks in which somebody sees what nobody can have put there: nowhere, dirty, future.
// The arguments stand in Break.swift.

import History

extension BreakPlanner {
  /// A value that no generated operation carries.
  private var unwritten: Value { shape.model == .kv ? .text("p0.") : .integer(-1) }

  /// The edit after which `reader` has seen `value`, which is an element for collections.
  private func seeing(_ value: Value, by reader: Operation) -> Edit? {
    guard reader.outcome == .ok else { return nil }
    switch reader.function {
    case "contains": return Edit(argument: value, result: .list([value, .boolean(true)]))
    case "read":
      guard case .list(let elements) = reader.result else { return Edit(result: value) }
      if shape.model == .set {
        return Edit(result: .list(elements.filter { $0 != value } + [value]))
      }
      return Edit(result: .list(elements + [value]))
    case "get", "dequeue", "pop", "delete-min": return Edit(result: value)
    case "txn": return reader.sees.first.map { seeing(value, at: $0.step, of: reader) }
    default: return nil
    }
  }

  /// The register that a transaction's edit is about; absent for all others.
  private func register(seenBy reader: Operation) -> Value {
    reader.function == "txn" ? reader.sees.first?.thing.register ?? .absent : .absent
  }

  func readFromNowhere(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    return seeing(unwritten, by: reader).map { [reader.invocation: $0] }
  }

  func dirtyRead(_ place: Int) -> [Int: Edit]? {
    let reader = operations[place]
    guard seeing(unwritten, by: reader) != nil else { return nil }
    let register = register(seenBy: reader)
    let writers: Set<String> = ["write", "put", "enqueue", "push", "insert", "add", "txn"]
    let found = last(byKey[reader.key] ?? [], before: place) { writer in
      guard writer.outcome == .ok else { return false }
      if writer.function == "append" { return shape.model == .appendList }
      return writers.contains(writer.function)
        && (register == .absent || writer.makes.contains { $0.register == register })
    }
    guard let found else { return nil }
    let writer = operations[found]
    guard let thing = writer.makes.last(where: { register == .absent || $0.register == register })
    else { return nil }
    // Where others carry the same value the failed one gets one of its own.
    if isMadeOnce(thing) {
      let value = shape.model == .set ? thing.register : thing.value
      guard let edit = seeing(value, by: reader) else { return nil }
      return [
        writer.invocation: Edit(result: writer.argument, outcome: .fail), reader.invocation: edit,
      ]
    }
    var argument = unwritten
    if writer.function == "txn" {
      let steps = writer.argument.members.map { step in
        step.members.first == .text("w") && step.members[1] == register
          ? Value.list([.text("w"), register, unwritten]) : step
      }
      argument = .list(steps)
    }
    guard let edit = seeing(unwritten, by: reader) else { return nil }
    return [
      writer.invocation: Edit(argument: argument, result: argument, outcome: .fail),
      reader.invocation: edit,
    ]
  }

  /// Values in the order in which the first that makes each was invoked: whoever completed before
  /// that cannot have seen it.
  func futureRead() -> [Int: Edit]? {
    var firsts: [Thing: (invocations: [Int], values: [Value])] = [:]
    var known: Set<Thing> = []
    for operation in operations {
      for thing in operation.makes {
        let isSet = shape.model == .set
        if isSet && thing.value == .boolean(false) { continue }
        if shape.model == .kv && operation.function == "append" { continue }
        guard known.insert(thing).inserted else { continue }
        let scope = isSet ? Thing(key: thing.key, value: .absent) : thing.place
        firsts[scope, default: ([], [])].invocations.append(operation.invocation)
        firsts[scope, default: ([], [])].values.append(isSet ? thing.register : thing.value)
      }
    }
    return nearest { place in
      let reader = operations[place]
      guard let end = reader.completion, seeing(unwritten, by: reader) != nil else { return nil }
      let scope = Thing(key: reader.key, register: register(seenBy: reader), value: .absent)
      guard let coming = firsts[scope] else { return nil }
      let next = coming.invocations.countBelow(end)
      guard next < coming.values.count, let edit = seeing(coming.values[next], by: reader) else {
        return nil
      }
      return [reader.invocation: edit]
    }
  }
}
