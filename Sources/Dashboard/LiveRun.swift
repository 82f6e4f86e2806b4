// A run at work, seen from its growing history alone: its lab's network cannot be reached.

import Bench
import FoundationEssentials
import Glibc

/// Reads what is new in a run's history each time it is asked.
///
/// Lines are not decoded: a load of ten thousand operations a second is looked at beside the nodes that serve it,
/// and what is looked for stands in every line of our recorder in the same form.
struct LiveRun {
  /// How a run stands; one event of the stream.
  struct Pulse: Sendable, Encodable, Equatable {
    /// Since the run began, by its last event.
    var seconds = 0.0
    /// Operations that succeeded.
    var ok = 0
    /// Operations that failed.
    var fail = 0
    /// Operations of unknown outcome.
    var info = 0
    /// Faults that go on, by number and kind.
    var faults: [String] = []
    /// Whether the run has ended.
    var hasEnded = false
  }

  /// How it stands.
  private(set) var pulse = Pulse()
  private let run: RunFolder
  private var offset: off_t = 0
  private var rest: [UInt8] = []
  private var faults: [Int: String] = [:]

  private static let chunk = 1 << 20
  /// The most that is read at a time; the rest is there the next time.
  private static let chunksAtOnce = 256
  private static let longestLine = 1 << 20

  /// The run in `run`, from its beginning.
  init(_ run: RunFolder) { self.run = run }

  /// Takes in what was added.
  mutating func refresh() {
    let descriptor = open(run.history, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      pulse.hasEnded = true
      return
    }
    defer { close(descriptor) }
    for _ in 0..<Self.chunksAtOnce {
      let offset = offset
      let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
        filled = max(0, pread(descriptor, buffer.baseAddress, buffer.count, offset))
      }
      guard !bytes.isEmpty else { break }
      self.offset += off_t(bytes.count)
      take(bytes)
    }
    pulse.faults = faults.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
    pulse.hasEnded = FileManager.default.fileExists(atPath: run.results) || !run.isHeld
  }

  private mutating func take(_ bytes: [UInt8]) {
    rest += bytes
    var start = rest.startIndex
    while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
      line(rest[start..<end])
      start = end + 1
    }
    rest.removeSubrange(..<start)
    if rest.count > Self.longestLine { rest.removeAll() }
  }

  /// What a fault's line has.
  private struct FaultLine: Decodable {
    let f: String
    let fault: Int?
    let phase: String?
  }

  private mutating func line(_ line: ArraySlice<UInt8>) {
    // As the recorder writes it: {"index":0,"time":443457394,"process":3,"type":"invoke",…
    guard let time = number(after: "\"time\":", in: line.prefix(80)) else { return }
    pulse.seconds = max(pulse.seconds, Double(time) / 1e9)
    let head = line.prefix(160)
    guard let type = head.firstRange(of: Self.type)?.upperBound, type < head.endIndex else {
      return
    }
    if head.firstRange(of: Self.nemesis) != nil {
      fault(line)
      return
    }
    switch head[type] {
    case UInt8(ascii: "o"): pulse.ok += 1
    case UInt8(ascii: "f"): pulse.fail += 1
    case UInt8(ascii: "i") where head[type...].starts(with: Self.unknown): pulse.info += 1
    default: break
    }
  }

  private mutating func fault(_ line: ArraySlice<UInt8>) {
    guard let said = try? JSONDecoder().decode(FaultLine.self, from: Data(line)),
      let number = said.fault, faults.count < 1000
    else { return }
    faults[number] = said.phase == "end" ? nil : String(said.f.prefix(100))
  }

  private static let type = Array("\"type\":\"".utf8)
  private static let nemesis = Array("\"process\":\"nemesis\"".utf8)
  private static let unknown = Array("info".utf8)

  private func number(after name: String, in bytes: ArraySlice<UInt8>) -> Int64? {
    guard let start = bytes.firstRange(of: Array(name.utf8))?.upperBound else { return nil }
    let digits = bytes[start...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return Int64(String(decoding: digits, as: UTF8.self))
  }
}
