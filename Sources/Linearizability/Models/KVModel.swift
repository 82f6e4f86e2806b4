// One key of a key-value store: a text that is put, appended to and got.
// Here: the model. Not here: what it learns from a history (KVChart.swift).

import History

/// What a key holds.
public enum KVState: Hashable, Sendable {
  /// Nothing.
  case absent
  /// This text, in UTF-8.
  case text([UInt8])
  /// The first `length` bytes of the observed text number `text`, the first that begins so.
  case prefix(text: Int, length: Int)
  /// A text that no observed text begins with: nobody can see it, whatever is appended.
  case other
}

/// What an operation does to a key.
public enum KVAction: Hashable, Sendable {
  /// Found the key in this state.
  case get(KVState)
  /// Put it into this state.
  case put(KVState)
  /// Added these bytes; to nothing, that makes a text of them alone.
  case append([UInt8])
}

/// `get` → v, `put` v and `append` v on one key, which holds a text or nothing.
///
/// Texts are compared byte by byte. Fitted to a history, its states are beginnings of the texts
/// that were got (see `KVChart`), so that they are small however long the texts grow.
public struct KVModel: Model {
  /// What the key holds before the first operation, and what a `get` of a missing key returns.
  public let initial: KVState
  static let functions = ["get", "put", "append"]
  private var chart: KVChart?

  /// A key that reads `initial` until something is put: absent, or a text such as "".
  ///
  /// - Throws: `CheckError` when `initial` is neither.
  public init(initial: Value = .absent) throws(CheckError) {
    guard let state = Self.state(initial) else {
      throw CheckError(
        reason: .shape(expected: "null or a text as a key's initial", found: initial))
    }
    self.initial = state
  }

  private init(initial: KVState, chart: KVChart) {
    self.initial = initial
    self.chart = chart
  }

  private static func state(_ value: Value) -> KVState? {
    switch value {
    case .absent: .absent
    case .text(let text): .text(Array(text.utf8))
    case .integer, .boolean, .list: nil
    }
  }

  /// What was found, put or added; nil for a `fail`, for a get of unknown result and, once
  /// fitted, for what may have happened and cannot matter.
  public func action(of operation: Operation) throws(CheckError) -> KVAction? {
    switch operation.function {
    case "get":
      guard operation.argument == .absent else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "null as a get's argument", found: operation.argument))
      }
      guard operation.outcome == .ok else { return nil }
      guard let state = Self.state(operation.result) else {
        throw CheckError(
          operation: operation,
          reason: .shape(expected: "null or a text as a get's result", found: operation.result))
      }
      return .get(chart?.place(of: state) ?? state)
    case "put", "append":
      guard case .text(let text) = operation.argument else {
        throw CheckError(
          operation: operation,
          reason: .shape(
            expected: "a text as the argument of \(operation.function)",
            found: operation.argument))
      }
      if operation.outcome == .fail { return nil }
      return change(operation.function, Array(text.utf8), isCertain: operation.outcome == .ok)
    default:
      throw CheckError(
        operation: operation, reason: .unknownFunction(model: "kv", known: Self.functions))
    }
  }

  /// The action of a `put` or `append`; nil when it may have happened and cannot matter.
  private func change(_ function: String, _ bytes: [UInt8], isCertain: Bool) -> KVAction? {
    guard function == "put" else {
      if let chart, !isCertain, !chart.mayMatter(append: bytes) { return nil }
      return .append(bytes)
    }
    guard let chart else { return .put(.text(bytes)) }
    let place = chart.place(of: .text(bytes))
    // Until the next put nobody would see anything.
    return place == .other && !isCertain ? nil : .put(place)
  }

  /// What the key holds after `action`; nil when it held something else.
  public func step(_ state: KVState, _ action: KVAction) -> KVState? {
    switch action {
    case .get(let seen): return state == seen && seen != .other ? state : nil
    case .put(let made): return made
    case .append(let bytes):
      if let chart { return chart.appending(bytes, to: state) }
      guard case .text(let text) = state else { return .text(bytes) }
      return .text(text + bytes)
    }
  }

  /// Whether `action` is a get. (To append nothing makes a text of a missing key.)
  public func isPure(_ action: KVAction) -> Bool {
    switch action {
    case .get: true
    case .put, .append: false
    }
  }

  /// What a get found and a put made; nil for an append, which depends on what was there.
  public func footprint(of action: KVAction) -> Footprint<KVState>? {
    switch action {
    case .get(.other): Footprint(demand: .other, makes: nil)  // never met
    case .get(let seen): Footprint(demand: .exactly(seen), makes: nil)
    case .put(let made): Footprint(demand: .anything, makes: made)
    case .append: nil
    }
  }

  /// The model whose states are beginnings of the texts that `operations` got.
  public func fitted(to operations: [Operation]) -> KVModel? {
    guard chart == nil else { return nil }
    let chart = KVChart(operations)
    return KVModel(initial: chart.place(of: initial), chart: chart)
  }
}
