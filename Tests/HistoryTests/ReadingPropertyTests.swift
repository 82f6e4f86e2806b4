// Properties of reading and writing: round trips, agreement of the ways in, and hostile bytes.

import FoundationEssentials
import Glibc
import Support
import Testing

@testable import History

@Suite struct ReadingPropertyTests {
  @Test("a history that is written and read again is the same", arguments: Seed.some(300))
  func roundTrip(seed: Seed) throws {
    var random = SplitMix64(seed)
    let record = RandomRecord(60, keyed: true, using: &random)
    var history = try History(bytes: record.text(.jsonl).utf8, name: "h")
    history.header = Header(model: "semaphore", initial: .list([1, .text("é")]), capacity: 3)
    history.decorate(using: &random)
    var bytes: [UInt8] = []
    JSONLines.append(history, to: &bytes)
    let again = try History(bytes: bytes, name: "h")
    #expect(again == history, "\(seed)")
    let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).jsonl").path
    defer { unlink(path) }
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    defer { close(descriptor) }
    try history.write(to: descriptor, name: path)
    #expect(try History(file: path) == history)
  }

  @Test(
    "packed for keeping it is the same history, and broken it is none", arguments: Seed.some(40))
  func packedForKeeping(seed: Seed) throws {
    var random = SplitMix64(seed)
    let record = RandomRecord(300, keyed: true, using: &random)
    var plain: [UInt8] = []
    // Once through, so that its indexes are dense, as a recorder's are.
    JSONLines.append(try History(bytes: record.text(.jsonl).utf8, name: "h"), to: &plain)
    let history = try History(bytes: plain, name: "h")
    let name = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
    let path = "\(name).bz2"
    defer {
      unlink(name)
      unlink(path)
    }
    try Data(plain).write(to: URL(filePath: name))
    try PackedHistory.pack(name, to: path)
    #expect(try History(file: path) == history, "\(seed)")
    // What is there is nobody's to overwrite, and a torn end is not packed away.
    #expect(throws: HistoryError.self) { try PackedHistory.pack(name, to: path) }
    #expect(try History(file: path) == history, "\(seed)")
    try Data(plain.dropLast(9)).write(to: URL(filePath: name))
    #expect(throws: HistoryError.self) { try PackedHistory.pack(name, to: "\(path).torn") }
    #expect(access("\(path).torn", F_OK) != 0)
    let packed = Array(try Data(contentsOf: URL(filePath: path)))
    #expect(packed.count < plain.count / 4)
    #expect(throws: HistoryError.self) { try History(bytes: packed.dropLast(6), name: "h") }
    #expect(throws: HistoryError.self) { try History(bytes: packed + Array("BZx".utf8), name: "h") }
    var broken = packed
    broken[Int.random(in: 10..<packed.count - 4, using: &random)] ^= 0x10
    #expect(throws: HistoryError.self) { try History(bytes: broken, name: "h") }
  }

  @Test("a line that says how much later it is goes on from the one before")
  func later() throws {
    let start = #"{"index":0,"time":7,"process":0,"type":"invoke","f":"write","key":"x","value":1}"#
    func read(_ line: String) throws -> History {
      try History(bytes: Array("\(start)\n\(line)\n".utf8), name: "h")
    }
    let rest = #""process":0,"type":"ok","f":"write","key":"x","value":1}"#
    #expect(try read(#"{"+ns":5,"# + rest).operations.first?.completedAt == 12)
    for broken in [
      #"{"+ns":5,"time":12,"#, #"{"+ns":9223372036854775807,"#, #"{"+ns":"x","#, "{",
    ] {
      #expect(throws: HistoryError.self, "\(broken)") { try read(broken + rest) }
    }
  }

  @Test("packed, in several members, it is the same history", arguments: Seed.some(50))
  func packedIsSame(seed: Seed) throws {
    var random = SplitMix64(seed)
    let bytes = Array(RandomRecord(3000, keyed: false, using: &random).text(.jepsenEDN).utf8)
    let cut = Int.random(in: 0...bytes.count, using: &random)
    let whole = packed(Array(bytes[..<cut])) + packed(Array(bytes[cut...])) + [0, 0, 0]
    #expect(try History(bytes: whole, name: "h") == History(bytes: bytes, name: "h"))
    #expect(throws: HistoryError.self) { try History(bytes: whole.dropLast(8), name: "h") }
    #expect(throws: HistoryError.self) { try History(bytes: whole + [7, 7], name: "h") }
  }

  @Test("the short way through a line agrees with the long one", arguments: Seed.some(3000))
  func shortWay(seed: Seed) throws {
    var random = SplitMix64(seed)
    var names = Names()
    for _ in 0..<10 {
      var bytes = Array(RandomRecord.line(using: &random).utf8)
      let isWhole = Bool.random(using: &random)
      if !isWhole { mutate(&bytes, using: &random) }
      let count = bytes.count
      bytes += [UInt8](repeating: 0x7d, count: InputWindow.padding)
      bytes.withUnsafeBufferPointer { buffer in
        let line = UnsafeBufferPointer(rebasing: buffer[..<count])
        var event = Event(index: 9, time: 9, process: .nemesis, type: .info, function: "x")
        let isShort = RecordedLine.read(line, into: &event, names: &names)
        if isShort {
          #expect((try? JSONLines.line(line, file: "h", number: 1)) == .event(event), "\(seed)")
        }
        if isWhole { #expect(isShort, "\(seed): \(String(decoding: line, as: UTF8.self))") }
      }
    }
  }

  @Test("event by event it is the same history", arguments: Seed.some(200))
  func sameEventByEvent(seed: Seed) throws {
    var random = SplitMix64(seed)
    let keyed = Bool.random(using: &random)
    let record = RandomRecord(200, keyed: keyed, using: &random)
    for format in HistoryFormat.allCases {
      let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
      defer { unlink(path) }
      try Data(record.text(format).utf8).write(to: URL(filePath: path))
      let history = try History(file: path)
      var source = try EventSource(file: path)
      var places: [Int: Int] = [:]
      var operations: [Operation] = []
      while let event = try source.next() {
        guard case .client(let process) = event.process else { continue }
        if event.type == .invoke {
          places[process] = operations.count
          operations.append(Operation(invocation: event, process: process))
        } else if let place = places.removeValue(forKey: process) {
          operations[place].complete(with: event)
        }
      }
      #expect(operations == history.operations, "\(format) of \(seed)")
      #expect(source.format == format && source.header == history.header)
      #expect(source.failedCAS == history.failedCAS)
    }
  }

  /// 60,000 files as a rule; `FUZZ=1000000` asks for as many.
  static let files = ProcessInfo.processInfo.environment["FUZZ"].flatMap { Int($0) } ?? 60_000

  @Test("no bytes of any format trap or hang a reader", arguments: 0..<20)
  func hostile(part: Int) {
    var random = SplitMix64(Seed(UInt64(part) + 1))
    var refused = 0
    for number in 0..<(Self.files / 20) {
      let format = HistoryFormat.allCases[number % 4]
      var bytes = Array(
        RandomRecord(24, keyed: Bool.random(using: &random), using: &random).text(format).utf8)
      let isPacked = number % 5 == 4
      if isPacked { bytes = packed(bytes) }
      mutate(&bytes, using: &random)
      let options = ReadingOptions(
        format: Bool.random(using: &random) ? format : Optional.none,
        failedCAS: Bool.random(using: &random) ? .differs : Optional.none,
        isIndependent: number % 3 == 0 ? Bool.random(using: &random) : Optional.none)
      do {
        let history = try History(bytes: bytes, name: "h", options: options)
        // What was accepted can be written and read again.
        var again: [UInt8] = []
        JSONLines.append(history, to: &again)
        let operations = try History(bytes: again, name: "h").operations
        #expect(operations.count == history.operations.count, "part \(part), file \(number)")
      } catch {
        refused += 1
        #expect(!error.description.contains("\n"))
      }
    }
    #expect(refused > 0)
  }

  private func mutate(_ bytes: inout [UInt8], using random: inout SplitMix64) {
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let length = min(Int.random(in: 1...40, using: &random), bytes.count - place)
      switch Int.random(in: 0...5, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.removeSubrange(place..<(place + length))
      case 2: bytes.insert(contentsOf: Array(bytes[place..<(place + length)]), at: place)
      case 3: bytes.removeSubrange(place...)
      case 4:
        let pieces = [
          "[{\"\\u", "#_", "#{", "\\", "\"", ":", "}", "]", "9999999999999999999", "\n", ";", "^",
          "-", "null", ":nemesis", " :invoke ", "#", "##", "\u{feff}", "1N", "[[[[", "e5",
        ]
        bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
      default: bytes.swapAt(place, Int.random(in: 0..<bytes.count, using: &random))
      }
    }
  }
}

extension History {
  /// Sets what the plain text of a random history does not hold.
  fileprivate mutating func decorate(using random: inout SplitMix64) {
    for place in operations.indices {
      operations[place].node = ["n1", "n2", nil].randomElement(using: &random) ?? nil
      guard operations[place].outcome == .fail, operations[place].completion != nil else {
        continue
      }
      operations[place].error = "no \"luck\"\n"
      if operations[place].function == "cas", Bool.random(using: &random) {
        operations[place].observed = .list([.absent, .boolean(true)])
      }
    }
    failedCAS =
      operations.contains {
        $0.function == "cas" && $0.outcome == .fail && $0.observed == nil
      } ? FailedCASReading(meaning: .silent, isDefault: true) : Optional.none
    faults = [
      FaultRecord(
        number: 3, kind: "kill", startIndex: endIndex, endIndex: endIndex + 1, start: 5, end: 9,
        details: [Event.Detail("who", .text("n1"))], endDetails: [])
    ]
    endIndex += 2
    endTime = 9
  }
}

extension RandomRecord {
  /// A line as the recorder writes it, short enough in its parts for the short way.
  fileprivate static func line(using random: inout SplitMix64) -> String {
    func text() -> String {
      let pieces = ["a", "é", "key-", "0", "abcdefgh", "𝄞", " "]
      return (0..<Int.random(in: 0...5, using: &random))
        .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
    }
    func value(_ depth: Int) -> Value {
      switch Int.random(in: 0...(depth > 2 ? 3 : 4), using: &random) {
      case 0: .absent
      case 1: .integer(Int64.random(in: -(1 << 50)...(1 << 50), using: &random))
      case 2: .boolean(Bool.random(using: &random))
      case 3: .text(text())
      default:
        .list((0..<Int.random(in: 0...3, using: &random)).map { _ in value(depth + 1) })
      }
    }
    var event = Event(
      index: Int.random(in: 0...(1 << 50), using: &random),
      time: Int64.random(in: 0...(1 << 50), using: &random),
      process: .client(Int.random(in: 0...99, using: &random)),
      type: EventType.allCases.randomElement(using: &random) ?? .ok, function: text(),
      key: Bool.random(using: &random) ? text() : Optional.none, value: value(0),
      node: Bool.random(using: &random) ? text() : Optional.none,
      error: Bool.random(using: &random) ? text() : Optional.none)
    event.observed = Bool.random(using: &random) ? value(0) : Optional.none
    event.differs = Bool.random(using: &random)
    var bytes: [UInt8] = []
    JSONLines.append(event, to: &bytes)
    return String(decoding: bytes.dropLast(), as: UTF8.self)
  }
}
