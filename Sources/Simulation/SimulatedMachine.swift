// The state machine of simulated nodes: registers with reads, writes and compare-and-set.

import Raft

/// What clients of a simulation ask for: a register and what to do with it.
struct RegisterCommand: Equatable {
  enum Kind: UInt8 {
    case write, compareAndSet
  }

  var kind: Kind
  var key: UInt8
  /// 0 is nothing.
  var value: UInt32
  var expected: UInt32

  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.write(kind.rawValue)
    writer.write(key)
    writer.write(value)
    writer.write(expected)
    return writer.bytes
  }

  init(kind: Kind, key: UInt8, value: UInt32, expected: UInt32 = 0) {
    self.kind = kind
    self.key = key
    self.value = value
    self.expected = expected
  }

  init?(_ bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    guard let kind = reader.number(as: UInt8.self).flatMap({ Kind(rawValue: $0) }),
      let key = reader.number(as: UInt8.self), let value = reader.number(as: UInt32.self),
      let expected = reader.number(as: UInt32.self)
    else { return nil }
    self.init(kind: kind, key: key, value: value, expected: expected)
  }
}

/// Some registers, and a sum over them by which two states can be told apart.
struct SimulatedMachine: StateMachine {
  let id: NodeID
  let oracle: UncheckedBox<Oracle>
  /// Whether the node is the one that runs now.
  let end: NetworkEnd
  private(set) var registers = [UInt32](repeating: 0, count: 256)
  private var sum: UInt64 = 0

  init(id: NodeID, oracle: Oracle, end: NetworkEnd) {
    self.id = id
    self.end = end
    self.oracle = UncheckedBox(oracle)
  }

  mutating func apply(_ entries: [Entry]) -> [[UInt8]] {
    entries.map { entry in
      let before = sum
      let reply = apply(entry)
      if end.isPlugged { oracle.value.applied(entry, by: id, from: before, to: sum) }
      return reply
    }
  }

  private mutating func apply(_ entry: Entry) -> [UInt8] {
    guard case .command(let bytes) = entry.payload, let command = RegisterCommand(bytes) else {
      return []
    }
    let key = Int(command.key)
    if command.kind == .compareAndSet, registers[key] != command.expected { return [0] }
    sum = sum &- Self.term(key, registers[key]) &+ Self.term(key, command.value)
    registers[key] = command.value
    return [1]
  }

  /// What one register adds to the sum; nothing for 0.
  private static func term(_ key: Int, _ value: UInt32) -> UInt64 {
    UInt64(value) &* (0x9E37_79B9_7F4A_7C15 &+ UInt64(key) &* 0xBF58_476D_1CE4_E5B9)
  }

  func read(_ query: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(registers[Int(query[0])])
    return writer.bytes
  }

  func view() -> View { View(bytes: registers.flatMap { bytes(of: $0) }[...]) }
  func restoration() -> Restoration { Restoration(machine: self) }

  private func bytes(of value: UInt32) -> [UInt8] {
    var writer = ByteWriter()
    writer.write(value)
    return writer.bytes
  }

  struct View: SnapshotView {
    var bytes: ArraySlice<UInt8>

    mutating func next(about count: Int) -> [UInt8]? {
      guard !bytes.isEmpty else { return nil }
      defer { bytes = bytes.dropFirst(count) }
      return Array(bytes.prefix(count))
    }
  }

  struct Restoration: SnapshotRestoration {
    struct NotWhole: Error {}

    var machine: SimulatedMachine
    var bytes: [UInt8] = []

    mutating func take(_ bytes: [UInt8]) { self.bytes += bytes }

    consuming func finish() throws -> SimulatedMachine {
      var reader = ByteReader(bytes)
      var machine = machine
      for place in machine.registers.indices {
        guard let value = reader.number(as: UInt32.self) else { throw NotWhole() }
        machine.registers[place] = value
      }
      machine.sum = machine.registers.enumerated().reduce(0) {
        $0 &+ SimulatedMachine.term($1.offset, $1.element)
      }
      return machine
    }
  }
}
