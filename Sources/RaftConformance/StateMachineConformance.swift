// The suite for state machines: what every state machine must do, one case at a time.

import Raft

/// A state machine in the hands of the suite.
public protocol StateMachineUnderTest: Sendable {
  /// The state machine.
  associatedtype Machine: StateMachine
  /// One that nothing was applied to.
  func fresh() -> Machine
  /// Commands that change the state, each of them in the state that those before it left; ten at
  /// least.
  var commands: [[UInt8]] { get }
  /// Queries that tell the states apart that the commands lead through.
  var queries: [[UInt8]] { get }
}

/// Something that every `StateMachine` must do.
///
///     @Test("my machine keeps its contract", arguments: StateMachineConformance<MyMachine>.all)
///     func conforms(conformance: StateMachineConformance<MyMachine>) throws {
///       try conformance.check(MyMachine())
///     }
public struct StateMachineConformance<Subject: StateMachineUnderTest>: Sendable,
  CustomStringConvertible
{
  /// The claim.
  public let description: String
  /// Checks it.
  ///
  /// - Throws: `ConformanceFailure`, or what a restoration threw.
  public let check: @Sendable (Subject) throws -> Void

  /// Every case.
  public static var all: [StateMachineConformance] {
    [
      .init(description: "each entry gets one reply, and those that are no commands an empty one") {
        let (entries, _) = Self.entries(of: $0)
        var machine = $0.fresh()
        let replies = machine.apply(entries)
        try expect("the number of replies", replies.count, entries.count)
        for (entry, reply) in zip(entries, replies) {
          if case .command = entry.payload { continue }
          try expect("the reply to \(entry.id)", reply, [])
        }
        try expect("the replies to no entries", machine.apply([]), [])
      },
      .init(description: "equal entries make equal states and replies, in whatever portions") {
        let (entries, _) = Self.entries(of: $0)
        var whole = $0.fresh()
        let replies = whole.apply(entries)
        for portion in [1, 2, 3, 7] {
          var machine = $0.fresh()
          var answers: [[UInt8]] = []
          for start in stride(from: 0, to: entries.count, by: portion) {
            answers += machine.apply(Array(entries[start..<min(start + portion, entries.count)]))
          }
          try expect("the replies in portions of \(portion)", answers, replies)
          try expect("the state after", Self.state(of: machine, $0), Self.state(of: whole, $0))
        }
      },
      .init(description: "every command changes what queries see; blanks and memberships do not") {
        var machine = $0.fresh()
        for entry in Self.entries(of: $0).all {
          let before = Self.state(of: machine, $0)
          _ = machine.apply([entry])
          let isCommand = if case .command = entry.payload { true } else { false }
          try expect(
            "whether \(entry.id) changes the state", Self.state(of: machine, $0) != before,
            isCommand)
        }
      },
      .init(description: "a query changes nothing") {
        var machine = $0.fresh()
        _ = machine.apply(Self.entries(of: $0).all)
        let before = Self.state(of: machine, $0)
        try expect("the second answers", Self.state(of: machine, $0), before)
      },
      .init(description: "a view is of the moment when it was made, whatever is applied after") {
        let (entries, half) = Self.entries(of: $0)
        var machine = $0.fresh()
        _ = machine.apply(Array(entries[..<half]))
        let then = Self.state(of: machine, $0)
        var view = machine.view()
        // Some of it is read before, some after.
        var bytes = view.next(about: 8) ?? []
        _ = machine.apply(Array(entries[half...]))
        while let next = view.next(about: 8) { bytes += next }
        let restored = try Self.restored(bytes, in: [bytes.count], by: $0.fresh())
        try expect("the state of the view", Self.state(of: restored, $0), then)
      },
      .init(
        description: "a snapshot restores the state, in whatever portions it is given and taken"
      ) {
        let (entries, half) = Self.entries(of: $0)
        var machine = $0.fresh()
        _ = machine.apply(Array(entries[..<half]))
        for (size, portions) in [(1, [1]), (64, [3, 1, 7]), (1 << 20, [1 << 20]), (5, [1 << 20])] {
          let bytes = Self.bytes(of: machine, about: size)
          var restored = try Self.restored(bytes, in: portions, by: $0.fresh())
          try expect(
            "the restored state", Self.state(of: restored, $0), Self.state(of: machine, $0))
          var original = machine
          let rest = Array(entries[half...])
          try expect("the replies after", restored.apply(rest), original.apply(rest))
          try expect("the state after", Self.state(of: restored, $0), Self.state(of: original, $0))
        }
      },
      .init(description: "nothing is left of the state that a snapshot takes the place of") {
        let (entries, half) = Self.entries(of: $0)
        var (early, late) = ($0.fresh(), $0.fresh())
        _ = early.apply(Array(entries[..<half]))
        _ = late.apply(entries)
        let restored = try Self.restored(Self.bytes(of: early, about: 100), in: [100], by: late)
        try expect("the restored state", Self.state(of: restored, $0), Self.state(of: early, $0))
        let none = try Self.restored(Self.bytes(of: $0.fresh(), about: 100), in: [100], by: late)
        try expect(
          "the restored first state", Self.state(of: none, $0), Self.state(of: $0.fresh(), $0))
      },
      .init(description: "a snapshot that is cut off is refused") {
        var machine = $0.fresh()
        _ = machine.apply(Self.entries(of: $0).all)
        let bytes = Self.bytes(of: machine, about: 100)
        for count in Set([0, 1, bytes.count / 2, bytes.count - 1]) where count < bytes.count {
          let isRefused: Bool
          do {
            _ = try Self.restored(Array(bytes[..<count]), in: [100], by: $0.fresh())
            isRefused = false
          } catch {
            isRefused = true
          }
          try expect("whether \(count) of \(bytes.count) bytes are refused", isRefused, true)
        }
      },
    ]
  }

  /// The commands as a log has them, with other entries between, and a place in the middle.
  private static func entries(of subject: Subject) -> (all: [Entry], half: Int) {
    var payloads: [Entry.Payload] = [.membership(Membership(voters: [NodeID(1)])), .blank]
    for (place, command) in subject.commands.enumerated() {
      payloads.append(.command(command))
      if place % 4 == 3 { payloads.append(.blank) }
    }
    let entries = payloads.enumerated().map { place, payload in
      Entry(id: LogID(term: 1, index: UInt64(place + 1)), payload: payload)
    }
    return (entries, entries.count / 2)
  }

  private static func state(of machine: Subject.Machine, _ subject: Subject) -> [[UInt8]] {
    subject.queries.map { machine.read($0) }
  }

  private static func bytes(of machine: Subject.Machine, about size: Int) -> [UInt8] {
    var view = machine.view()
    var bytes: [UInt8] = []
    while let next = view.next(about: size) { bytes += next }
    return bytes
  }

  private static func restored(
    _ bytes: [UInt8], in portions: [Int], by machine: Subject.Machine
  ) throws -> Subject.Machine {
    var restoration = machine.restoration()
    var rest = bytes[...]
    var turn = 0
    while !rest.isEmpty {
      let portion = rest.prefix(max(portions[turn % portions.count], 1))
      try restoration.take(Array(portion))
      rest = rest.dropFirst(portion.count)
      turn += 1
    }
    return try restoration.finish()
  }
}
