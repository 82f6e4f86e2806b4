// A whole history in the native format.
// Here: its events in order. Not here: one event's line (JSONLines.swift).

import Glibc

extension JSONLines {
  /// Appends `history`: its header, then its events in order, numbered densely from 0.
  ///
  /// - Complexity: O(n log n) for the order of completions.
  public static func append(_ history: History, to buffer: inout [UInt8]) {
    append(history.header, to: &buffer)
    history.forEachEvent { event in append(event, to: &buffer) }
  }
}

extension History {
  /// Writes the history in the native format to an open descriptor; `name` stands in errors.
  ///
  /// Its events are numbered densely from 0. Read back, it is this history, except for indexes that
  /// were not dense and for what no event carries: `notes` and `format`.
  /// - Throws: `HistoryError` when the descriptor cannot take it.
  public func write(to descriptor: CInt, name: String) throws(HistoryError) {
    var buffer: [UInt8] = []
    JSONLines.append(header, to: &buffer)
    try forEachEvent { event throws(HistoryError) in
      JSONLines.append(event, to: &buffer)
      guard buffer.count >= 1 << 18 else { return }
      try Self.write(buffer, to: descriptor, name: name)
      buffer.removeAll(keepingCapacity: true)
    }
    try Self.write(buffer, to: descriptor, name: name)
  }

  private static func write(
    _ bytes: [UInt8], to descriptor: CInt, name: String
  ) throws(HistoryError) {
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw HistoryError(
          file: name,
          reason: .file("cannot be written: \(String(cString: strerror(errno))); make room"))
      }
      written += count
    }
  }

  private enum Place {
    case invocation(Int)
    case completion(Int)
    case start(Int)
    case end(Int)
  }

  /// Every event, in the order of the old indexes, with a dense one.
  func forEachEvent<Failure: Error>(
    _ body: (Event) throws(Failure) -> Void
  ) throws(Failure) {
    var places: [(index: Int, place: Place)] = []
    places.reserveCapacity(2 * operations.count + 2 * faults.count)
    for (number, operation) in operations.enumerated() {
      places.append((operation.invocation, .invocation(number)))
      if let completion = operation.completion { places.append((completion, .completion(number))) }
    }
    for (number, fault) in faults.enumerated() {
      places.append((fault.startIndex, .start(number)))
      if let endIndex = fault.endIndex { places.append((endIndex, .end(number))) }
    }
    places.sort { $0.index < $1.index }
    for (index, entry) in places.enumerated() {
      switch entry.place {
      case .invocation(let number): try body(operations[number].opening(at: index))
      case .completion(let number): try body(operations[number].closing(at: index))
      case .start(let number): try body(faults[number].event(.start, at: index))
      case .end(let number): try body(faults[number].event(.end, at: index))
      }
    }
  }
}

extension Operation {
  fileprivate func opening(at index: Int) -> Event {
    Event(
      index: index, time: invokedAt, process: .client(process), type: .invoke, function: function,
      key: key, value: argument, node: node)
  }

  fileprivate func closing(at index: Int) -> Event {
    let type: EventType =
      switch outcome {
      case .ok: .ok
      case .fail: .fail
      case .info: .info
      }
    var event = Event(
      index: index, time: completedAt ?? invokedAt, process: .client(process), type: type,
      function: function, key: key, value: result, node: node, error: error)
    event.observed = observed
    event.differs = differs
    return event
  }
}

extension FaultRecord {
  fileprivate func event(_ phase: FaultPhase, at index: Int) -> Event {
    var event = Event(
      index: index, time: phase == .start ? start : end ?? start, process: .nemesis, type: .info,
      function: kind)
    event.fault = number
    event.phase = phase
    event.details = phase == .start ? details : endDetails
    return event
  }
}
