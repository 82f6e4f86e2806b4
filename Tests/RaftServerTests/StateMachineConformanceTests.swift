// The key-value state keeps the contract of state machines, and a machine that does not is found out.

import Raft
import RaftConformance
import Testing

@testable import RaftServer

@Suite struct StateMachineConformanceTests {
  struct KeyValues: StateMachineUnderTest {
    func fresh() -> KeyValueMachine { KeyValueMachine() }

    var commands: [[UInt8]] {
      [
        "SET a 1", "MSET b 2 c 3", "INCR a", "INCRBY b -7", "APPEND c more", "DEL b",
        "SADD s x y z",
        "SREM s y", "RPUSH l 1 2 3", "LPOP l", "SET a 9 XX GET", "SET d new NX",
        "SET d newer IFEQ new",
        "SADD t one", "RPUSH l 4",
      ].map(Self.payload)
        + [(0..<400).map { "k\($0) \($0)" }.joined(separator: " ")].map {
          Self.payload("MSET \($0)")
        }
    }

    var queries: [[UInt8]] {
      ["MGET a b c d", "SMEMBERS s", "SMEMBERS t", "LRANGE l 0 -1", "MGET k0 k7 k399"]
        .map(Self.payload)
    }

    private static func payload(_ line: String) -> [UInt8] {
      CommandPayload.encode(line.split(separator: " ").map { Array($0.utf8) })
    }
  }

  @Test("the key-value state", arguments: StateMachineConformance<KeyValues>.all)
  func keyValues(conformance: StateMachineConformance<KeyValues>) throws {
    try conformance.check(KeyValues())
  }

  /// A list of bytes, with something wrong.
  struct Flawed: StateMachine {
    enum Flaw: CaseIterable {
      case none, leavesRepliesOut, countsPortions, notesBlanks, forgets, viewsLive, addsToState
      case takesHalves
    }

    /// What a live view looks at.
    final class Shared: @unchecked Sendable { var bytes: [UInt8] = [] }

    let flaw: Flaw
    var bytes: [UInt8] = []
    let shared = Shared()

    mutating func apply(_ entries: [Entry]) -> [[UInt8]] {
      var replies: [[UInt8]] = []
      if flaw == .countsPortions, !entries.isEmpty { bytes.append(0) }
      for entry in entries {
        guard case .command(let command) = entry.payload else {
          if flaw == .notesBlanks { bytes.append(1) }
          if flaw != .leavesRepliesOut { replies.append([]) }
          continue
        }
        bytes += command
        replies.append([UInt8(truncatingIfNeeded: bytes.count)])
      }
      shared.bytes = bytes
      return replies
    }

    func read(_ query: [UInt8]) -> [UInt8] { bytes }

    func view() -> View {
      View(
        bytes: flaw == .forgets ? bytes.dropLast() : bytes[...],
        live: flaw == .viewsLive ? shared : nil)
    }

    func restoration() -> Restoration { Restoration(machine: self) }

    struct View: SnapshotView {
      var bytes: ArraySlice<UInt8>
      var live: Shared?
      var done = 0
      var isBegun = false

      init(bytes: ArraySlice<UInt8>, live: Shared?) {
        self.bytes = bytes
        self.live = live
      }

      mutating func next(about count: Int) -> [UInt8]? {
        if let live { bytes = live.bytes.dropFirst(done) }
        if !isBegun {
          isBegun = true
          return [UInt8(truncatingIfNeeded: bytes.count), UInt8(bytes.count >> 8)]
        }
        guard !bytes.isEmpty else { return nil }
        defer {
          bytes = bytes.dropFirst(count)
          done += count
        }
        return Array(bytes.prefix(count))
      }
    }

    struct Restoration: SnapshotRestoration {
      struct CutOff: Error {}
      var machine: Flawed
      var bytes: [UInt8] = []

      init(machine: Flawed) { self.machine = machine }

      mutating func take(_ bytes: [UInt8]) { self.bytes += bytes }

      consuming func finish() throws -> Flawed {
        let isWhole =
          bytes.count >= 2 && bytes.count == 2 + Int(bytes[0]) + Int(bytes[1]) << 8
        if !isWhole, machine.flaw != .takesHalves { throw CutOff() }
        var restored = Flawed(flaw: machine.flaw)
        restored.bytes = (machine.flaw == .addsToState ? machine.bytes : []) + bytes.dropFirst(2)
        return restored
      }
    }
  }

  struct FlawedUnderTest: StateMachineUnderTest {
    var flaw: Flawed.Flaw
    func fresh() -> Flawed { Flawed(flaw: flaw) }
    var commands: [[UInt8]] { (0..<12).map { [UInt8($0), 77] } }
    var queries: [[UInt8]] { [[]] }
  }

  @Test("a flawed machine is found out, and a sound one is not", arguments: Flawed.Flaw.allCases)
  func finds(flaw: Flawed.Flaw) {
    let failed = StateMachineConformance<FlawedUnderTest>.all.filter { conformance in
      do {
        try conformance.check(FlawedUnderTest(flaw: flaw))
        return false
      } catch {
        return true
      }
    }
    #expect(failed.isEmpty == (flaw == .none), "\(flaw): \(failed.map(\.description))")
  }
}
