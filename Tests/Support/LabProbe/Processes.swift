// What lab-probe does to see short commands and long-lived processes start, end and be killed.

import Foundation
import Hosts

extension Main {
  struct ProcessReport: Codable {
    var unread: String
    var echoed: String
    var address: String
    var exitCode: String
    var missing: String
    var deadline: String
    var deadlineSeconds: Double
    var exited: String
    var killed: String
    var dumped: String
    var signalAfterExit: Bool
    var cancelledSeconds: Double
    var leftRunning: [String]
    var log: String
    var ignoredSignals: String
    var sessionIsOwn: Bool
  }

  struct BodyFailed: Error {}

  static func processes(folder: String) async throws {
    let host = try await LabNetwork.create(nodes: 2)[1]
    let unread = await message {
      let input = [UInt8](repeating: 0, count: 1 << 20)
      // It is a race whether the write or the exit is seen first.
      for _ in 0..<30 {
        let result = try await host.run(Command("true"), input: input, deadline: .seconds(10))
        precondition(result.status.isSuccess)
      }
    }
    let log = folder + "/n2.log"
    let shell = { (script: String) in Command("sh", ["-c", script]) }
    let patience = Duration.seconds(10)

    let echoed = try await host.run(Command("cat"), input: Array("ab".utf8), deadline: patience)
    let address = try await host.run(
      Command("ip", ["-4", "-o", "addr", "show", "eth0"]), deadline: patience)
    let code = try await host.run(shell("echo no >&2; exit 3"), deadline: patience)
    let ignored = try await host.run(shell("grep SigIgn /proc/self/status"), deadline: patience)
    let session = try await host.run(
      shell("read -r pid a b c d sid e </proc/self/stat; echo $pid $d"), deadline: patience)
    let missing = await message {
      _ = try await host.run(Command("/no/such/command"), deadline: patience)
    }
    let (deadline, deadlineSeconds) = await seconds {
      await message {
        // The grandchild holds the pipe open: it must be killed as well.
        _ = try await host.run(shell("sleep 777 & sleep 777"), deadline: .milliseconds(100))
      }
    }
    let exited = try await host.withProcess(shell("echo hello; exit 7"), log: log) { process in
      _ = await process.exit
      return try await process.signal(.kill)
    }
    let killed = try await host.withProcess(shell("sleep 777 & sleep 777"), log: log) { process in
      try await process.signal(.stop)
      try await process.signal(.resume)
    }
    let dumped = try await host.withProcess(
      shell("ulimit -c unlimited; cd \(folder); kill -SEGV $$"), log: log
    ) { process in await process.exit }
    _ = await message {
      _ = try await host.withProcess(Command("sleep", ["777"]), log: log) { _ in
        throw BodyFailed()
      }
    }
    let cancelledSeconds = await cancelLongProcess(on: host, log: log)
    try say(
      ProcessReport(
        unread: unread, echoed: echoed.text, address: address.text,
        exitCode: "\(code.status): \(code.errorText)",
        missing: missing, deadline: deadline, deadlineSeconds: deadlineSeconds,
        exited: "\(exited.1)", killed: "\(killed.1)", dumped: "\(dumped.1)",
        signalAfterExit: exited.0, cancelledSeconds: cancelledSeconds,
        leftRunning: try sleepers(), log: try String(contentsOfFile: log, encoding: .utf8),
        ignoredSignals: ignored.text,
        sessionIsOwn: Set(session.text.split(whereSeparator: \.isWhitespace)).count == 1))
  }

  static func message(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  static func cancelLongProcess(on host: LocalHost, log: String) async -> Double {
    let (running, note) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingOldest(1))
    return await seconds {
      await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          _ = try await host.withProcess(Command("sleep", ["777"]), log: log) { process in
            note.yield()
            let status = await process.exit
            precondition(status == .signalled(9, coreDumped: false), "\(status)")
          }
        }
        for await _ in running { break }
        group.cancelAll()
        _ = await group.nextResult()
      }
    }.1
  }

  /// The command lines of processes in this lab that should be gone.
  static func sleepers() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { name in
      guard Int(name) != nil,
        let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
      else { return nil }
      let text = String(decoding: line, as: UTF8.self).replacing("\0", with: " ")
      return text.contains("sleep 777") ? text : nil
    }
  }
}
