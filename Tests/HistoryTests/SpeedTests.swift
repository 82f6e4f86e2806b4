// How fast histories are read. Run by hand: SPEED=1 swift test -c release --filter SpeedTests

import FoundationEssentials
import Glibc
import Support
import Testing

@testable import History

@Suite(
  .enabled(if: ProcessInfo.processInfo.environment["SPEED"] != nil), .serialized,
  .timeLimit(.minutes(5)))
struct SpeedTests {
  private static func write(_ path: String, _ line: (Int, Int, String, String, Int) -> String)
    throws
  {
    var text = ""
    let functions = ["read", "write"]
    for number in 0..<1_000_000 {
      let function = functions[number % 2]
      text += line(2 * number, number % 10, "invoke", function, number % 100)
      text += line(2 * number + 1, number % 10, "ok", function, number % 100)
    }
    try Data(text.utf8).write(to: URL(filePath: path))
  }

  private func measure(
    _ name: String, _ path: String, atLeast floor: Double, _ body: () throws -> Int
  ) throws {
    var seconds = Double.infinity
    for _ in 0..<3 {
      let start = processorSeconds()
      #expect(try body() > 0)
      seconds = min(seconds, processorSeconds() - start)
    }
    var status = stat()
    stat(path, &status)
    let rate = Double(status.st_size) / seconds / 1e6
    print("\(name): \(Int(rate)) MB/s, \(seconds) s, peak \(peak() / 1024) MiB")
    #expect(rate >= floor)
  }

  /// The processor's time, which other programs on the machine do not stretch.
  private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func peak() -> Int {
    var usage = rusage()
    getrusage(RUSAGE_SELF.rawValue, &usage)
    return usage.ru_maxrss
  }

  @Test("reading is as fast as is promised")
  func speed() throws {
    let folder = FileManager.default.temporaryDirectory
    let json = folder.appending(path: "\(UUID()).jsonl").path
    let edn = folder.appending(path: "\(UUID()).edn").path
    defer {
      unlink(json)
      unlink(edn)
    }
    if let given = ProcessInfo.processInfo.environment["SPEED_FILE"] {
      // A process that made no file itself, to see the peak of reading alone.
      try measure("given", given, atLeast: 0) { try History(file: given).operations.count }
      return
    }
    try Self.write(json) { index, process, type, function, value in
      "{\"index\":\(index),\"time\":\(index * 1000 + 1_000_000_000),\"process\":\(process),"
        + "\"type\":\"\(type)\",\"f\":\"\(function)\",\"key\":\"\(value % 8)\","
        + "\"value\":\(value),\"node\":\"n\(process % 5)\"}\n"
    }
    try Self.write(edn) { index, process, type, function, value in
      "{:type :\(type), :f :\(function), :value \(value), :time \(index * 1000), "
        + ":process \(process), :index \(index)}\n"
    }
    try measure("jsonl", json, atLeast: 300) { try History(file: json).operations.count }
    try measure("edn", edn, atLeast: 80) { try History(file: edn).operations.count }
    try measure("events", json, atLeast: 0) {
      var source = try EventSource(file: json)
      var count = 0
      while try source.next() != nil { count += 1 }
      return count
    }
    if let kept = ProcessInfo.processInfo.environment["SPEED_KEEP"] { rename(json, kept) }
  }
}
