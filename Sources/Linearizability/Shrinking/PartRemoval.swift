// Leaving out parts of an object: elements of a set or list, registers of several.
//
// What remains shows operations that touch several parts by what they say of the parts left.
// Take any order that explains the history, and forget those parts in every state of it: what
// each operation says of the others is true still. So it is a relaxation if forgetting turns
// every step into a step, and the first state into itself; each model here says why it does.

import History

/// A model of an object with parts that do not act on each other.
protocol Divisible: Model {
  /// The parts that `operation` touches, of those that can be left out.
  func parts(of operation: Operation) -> [Value]
  /// What `operation` says of other parts than `parts`; nil for nothing.
  func projection(of operation: Operation, without parts: Set<Value>) -> Operation?
}

struct PartRemoval<M: Divisible>: Relaxation {
  private let model: M
  private let operations: [Operation]
  /// In the order in which they come up.
  private let parts: [Value]

  init(_ subject: Subject<M>) {
    model = subject.model
    operations = subject.judged.map { subject.operations[$0.place] }
    var seen: Set<Value> = []
    var parts: [Value] = []
    for operation in operations {
      for part in subject.model.parts(of: operation) where seen.insert(part).inserted {
        parts.append(part)
      }
    }
    self.parts = parts
  }

  var count: Int { parts.count }

  func relaxing(_ range: Range<Int>) -> Relaxed? {
    range.isEmpty ? nil : leavingOut(Set(parts[range]))
  }

  func keeping(_ wanted: Set<Int>) -> Relaxed? {
    var gone = Set(parts)
    for operation in operations where wanted.contains(operation.invocation) {
      gone.subtract(model.parts(of: operation))
    }
    return gone.isEmpty ? nil : leavingOut(gone)
  }

  private func leavingOut(_ gone: Set<Value>) -> Relaxed {
    Relaxed(operations: operations.compactMap { model.projection(of: $0, without: gone) })
  }
}

/// The state is the set of elements that are in; forgetting some leaves the set of the others.
/// Elements of the first state stay in it, so they cannot be left out.
extension SetModel: Divisible, Relaxable {
  /// Whole reads ask about all elements; more such questions than this are not listed.
  private static var mostNeeds: Int { 1_000_000 }

  func parts(of operation: Operation) -> [Value] {
    let members = operation.function == "read" ? operation.result.members : [operation.argument]
    return members.filter { !initial.elements.contains(OrderedValue($0)) }
  }

  func projection(of operation: Operation, without parts: Set<Value>) -> Operation? {
    guard operation.function == "read" else {
      return parts.contains(operation.argument) ? nil : operation
    }
    return operation.withMembers { !parts.contains($0) }
  }

  static func relaxations(of subject: Subject<SetModel>) -> [any Relaxation] {
    let cells = Cells(footprints(of: subject)) { element in
      subject.model.initial.elements.contains(OrderedValue(element))
    }
    let removal = cells.map { Removal(subject, $0) }
    return [PartRemoval(subject), removal ?? PureRemoval(subject)]
  }

  /// A cell for each element that comes up: whether it is in.
  private static func footprints(
    of subject: Subject<SetModel>
  ) -> [CellFootprint<Value, Bool>] {
    var elements = Set(subject.model.initial.elements.elements.map(\.value))
    var reads = 0
    for one in subject.judged {
      switch one.action {
      case .add(let element, _), .remove(let element, _), .contains(let element, _):
        elements.insert(element)
      case .read(let contents):
        reads += 1
        elements.formUnion(contents.elements.lazy.map(\.value))
      }
    }
    let inOrder = elements.map(OrderedValue.init).sorted().map(\.value)
    let areListed = reads * elements.count <= mostNeeds
    return subject.judged.map { one in
      switch one.action {
      case .add(let element, nil): return .init(makes: [(element, true)])
      case .add(let element, true?):
        return .init(needs: [(element, false)], makes: [(element, true)])
      case .remove(let element, nil): return .init(makes: [(element, false)])
      case .remove(let element, true?):
        return .init(needs: [(element, true)], makes: [(element, false)])
      case .add(let element, false?): return .init(needs: [(element, true)])
      case .remove(let element, false?): return .init(needs: [(element, false)])
      case .contains(let element, let isIn): return .init(needs: [(element, isIn)])
      case .read(let contents):
        // A list with a repeat is never explained, whatever goes.
        if contents.hasRepeat { return .init() }
        guard areListed else { return .init(seesMore: true) }
        let members = Set(contents.elements.lazy.map(\.value))
        return .init(needs: inOrder.map { ($0, members.contains($0)) })
      }
    }
  }
}

/// The state is a list; without some values it is the list of the others, in their order.
/// Values that it begins with stay in it, so they cannot be left out.
extension AppendListModel: Divisible, Relaxable {
  func parts(of operation: Operation) -> [Value] {
    let members = operation.function == "read" ? operation.result.members : [operation.argument]
    guard case .list(let first) = initial, !first.isEmpty else { return members }
    return members.filter { !first.contains($0) }
  }

  func projection(of operation: Operation, without parts: Set<Value>) -> Operation? {
    guard operation.function == "read" else {
      return parts.contains(operation.argument) ? nil : operation
    }
    return operation.withMembers { !parts.contains($0) }
  }

  static func relaxations(of subject: Subject<AppendListModel>) -> [any Relaxation] {
    [PureRemoval(subject), PartRemoval(subject)]
  }
}

/// The state is what each register holds; a transaction on some of them only is what it says of
/// those.
extension MultiRegisterModel: Divisible, Relaxable {
  func parts(of operation: Operation) -> [Value] {
    operation.argument.members.compactMap(Self.register)
  }

  func projection(of operation: Operation, without parts: Set<Value>) -> Operation? {
    func stays(_ step: Value) -> Bool { Self.register(step).map { !parts.contains($0) } ?? true }
    var left = operation
    left.argument = .list(operation.argument.members.filter(stays))
    if left.argument == .list([]) { return nil }
    if case .list(let steps) = operation.result { left.result = .list(steps.filter(stays)) }
    return left
  }

  private static func register(_ step: Value) -> Value? {
    guard case .list(let parts) = step, parts.count == 3 else { return nil }
    return Transaction.register(parts[1]).map { .text($0) }
  }

  static func relaxations(of subject: Subject<MultiRegisterModel>) -> [any Relaxation] {
    guard case .values(let start) = subject.model.initial else { return [PureRemoval(subject)] }
    let footprints = subject.judged.lazy.map { one -> CellFootprint<String, Value>? in
      switch one.action {
      case .transaction(let reads, let writes):
        // In order, so that the outcome is the same every time.
        return .init(
          needs: reads.sorted { $0.key < $1.key }.map { ($0.key, $0.value) },
          makes: writes.sorted { $0.key < $1.key }.filter { reads[$0.key] != $0.value }
            .map { ($0.key, $0.value) })
      case .numbered: return nil
      case .impossible: return .init()  // no order explains it, whatever goes
      }
    }
    let removal = Cells(footprints) { start[$0] ?? .absent }.map { Removal(subject, $0) }
    return [PartRemoval(subject), removal ?? PureRemoval(subject)]
  }
}

extension Operation {
  /// The same with a result of those members only.
  fileprivate func withMembers(where stays: (Value) -> Bool) -> Operation {
    guard case .list(let members) = result else { return self }
    let left = members.filter(stays)
    if left.count == members.count { return self }
    var operation = self
    operation.result = .list(left)
    return operation
  }
}
