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

/// Some registers, and a sum over all commands that made them what they are.
struct SimulatedMachine: StateMachine {
  let id: NodeID
  let oracle: UncheckedBox<Oracle>
  /// Whether the node is the one that runs now.
  let end: NetworkEnd
  private(set) var registers = [UInt32](repeating: 0, count: 256)

  init(id: NodeID, oracle: Oracle, end: NetworkEnd) {
    self.id = id
    self.end = end
    self.oracle = UncheckedBox(oracle)
  }

  mutating func apply(_ entries: [Entry]) -> [[UInt8]] {
    entries.map { entry in
      if end.isPlugged { oracle.value.applied(entry, by: id) }
      guard case .command(let bytes) = entry.payload, let command = RegisterCommand(bytes) else {
        return []
      }
      switch command.kind {
      case .write: registers[Int(command.key)] = command.value
      case .compareAndSet:
        guard registers[Int(command.key)] == command.expected else { return [0] }
        registers[Int(command.key)] = command.value
      }
      return [1]
    }
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
      return machine
    }
  }
}
