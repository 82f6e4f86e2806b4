// Runs the built executables as a user would: in a folder of its own, as root or as another user.

import Foundation
import Testing

extension Tag {
  /// Needs real processes, namespaces and servers.
  @Tag static var integration: Self
}

/// How a command ended, and what it printed.
struct Finished {
  var code: Int32
  var output: String
  var errors: String

  /// Its standard output as one JSON object.
  func json() throws -> [String: Any] {
    let object = try JSONSerialization.jsonObject(with: Data(output.utf8))
    return try #require(object as? [String: Any])
  }
}

/// A copy of the executables in a folder that every user may read and write.
struct CommandLineFolder {
  let path: String

  /// Runs `body` with a copy, and takes it away again.
  static func with<R>(_ body: (CommandLineFolder) async throws -> R) async throws -> R {
    let files = FileManager.default
    let path = "/tmp/gauntlet-test-\(UUID().uuidString)"
    try files.createDirectory(atPath: path, withIntermediateDirectories: false)
    defer { try? files.removeItem(atPath: path) }
    try files.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
    let built = URL(filePath: try files.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      .deletingLastPathComponent()
    for name in [
      "gauntlet", "gauntlet-agent", "gauntlet-disk", "raft-node", "libgauntlet-shim.so",
    ] {
      try files.copyItem(atPath: built.appending(path: name).path, toPath: "\(path)/\(name)")
    }
    return try await body(CommandLineFolder(path: path))
  }

  /// Puts `text` into a file; returns its path.
  func file(_ name: String, _ text: String) throws -> String {
    try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o644], ofItemAtPath: "\(path)/\(name)")
    return "\(path)/\(name)"
  }

  /// A workload file of `raft-node` under a light load, with what `rest` says of faults and judgement; returns
  /// its path.
  func workload(nodes: Int, time: String, _ rest: String) throws -> String {
    try file(
      "w.yaml",
      """
      system: raft-node
      nodes: \(nodes)
      clients: 6
      rate: 400
      time: \(time)
      workload: {name: register, keys: 4, mix: {read: 4, write: 4, cas: 2}, values: unique}
      \(rest)
      """)
  }

  /// A program that can be run; returns its path.
  func program(_ name: String, _ text: String) throws -> String {
    let path = try file(name, text)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    return path
  }

  /// A node that serves whatever it likes: every node a cluster of its own.
  func brokenNode(_ name: String = "alone") throws -> String {
    try program(
      name,
      """
      #!/bin/bash
      while [ $# -gt 0 ]; do
        case $1 in --id) id=$2;; --data) data=$2;; esac
        case $2 in "$id="*) own=$2;; esac
        shift
      done
      exec \(path)/raft-node --id $id --data $data --node $own
      """)
  }

  /// Starts `gauntlet` with `arguments`, or `program`; `input` comes through a pipe.
  func start(
    _ arguments: [String], asOrdinaryUser: Bool = false, input: String = "",
    program: [String]? = nil
  ) throws -> Running {
    let process = Process()
    let command = (program ?? ["\(path)/gauntlet"]) + arguments
    let user = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"]
    let whole = asOrdinaryUser ? user + command : command
    process.executableURL = URL(filePath: whole[0])
    process.arguments = Array(whole.dropFirst())
    process.currentDirectoryURL = URL(filePath: path)
    let pipe = Pipe()
    process.standardInput = pipe
    let running = Running(
      process: process, output: "\(path)/out.\(UUID())", errors: "\(path)/err.\(UUID())")
    for file in [running.output, running.errors] {
      try Data().write(to: URL(filePath: file))
    }
    process.standardOutput = FileHandle(forWritingAtPath: running.output)
    process.standardError = FileHandle(forWritingAtPath: running.errors)
    try process.run()
    // Short enough for the pipe to hold, so that nobody waits.
    pipe.fileHandleForWriting.write(Data(input.utf8))
    try pipe.fileHandleForWriting.close()
    return running
  }

  /// Runs `gauntlet` to its end.
  func gauntlet(_ arguments: String..., asOrdinaryUser: Bool = false) async throws -> Finished {
    try await start(arguments, asOrdinaryUser: asOrdinaryUser).finish()
  }

  /// The same, done anew twice at most where the machine stood still for so long that a run shows nothing of its
  /// system. What ends otherwise, or with more to it, is never done anew.
  func undisturbed(_ arguments: String..., asOrdinaryUser: Bool = false) async throws -> Finished {
    var run = try await start(arguments, asOrdinaryUser: asOrdinaryUser).finish()
    for _ in 0..<2
    where run.code == 2 && run.output.contains("the bench itself stood still")
      && !["succeeded within", "could not be read", "out of reach"].contains(
        where: run.output.contains)
    {
      print("done anew: \(arguments): \(run.output)")
      run = try await start(arguments, asOrdinaryUser: asOrdinaryUser).finish()
    }
    return run
  }

  /// The same, with arguments that were put together.
  func gauntlet(words: [String]) async throws -> Finished { try await start(words).finish() }

  /// In what `json`, or what lies in the file of that path, is not as `gauntlet report --schema` says.
  func differences(of json: String, from schema: String) async throws -> String {
    let printed = try await gauntlet("report", "--schema", schema)
    let arguments = [
      try file("schema.json", printed.output),
      json.hasPrefix("/") ? json : try file("object.json", json),
    ]
    let checker = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Support/check-json").standardized.path
    let checked = try await start(arguments, program: [checker]).finish()
    return checked.code == 0 ? "" : "\(schema): \(checked.output)\(checked.errors)"
  }

  /// The folder of the newest run.
  var latest: String { "\(path)/runs/latest" }
}

/// A command that runs.
struct Running {
  let process: Process
  let output: String
  let errors: String

  /// Waits for its end.
  func finish() async throws -> Finished {
    while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
    return Finished(
      code: process.terminationReason == .exit
        ? process.terminationStatus : 128 + process.terminationStatus,
      output: try String(contentsOfFile: output, encoding: .utf8),
      errors: try String(contentsOfFile: errors, encoding: .utf8))
  }

  /// Whether `signal` does not end it any longer, but is handled or ignored.
  func handles(_ signal: Int32) throws -> Bool {
    let status = try String(
      contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
    return status.split(separator: "\n").contains { line in
      (line.hasPrefix("SigIgn:") || line.hasPrefix("SigCgt:"))
        && UInt64(line.split(separator: "\t")[1], radix: 16)! & 1 << (UInt64(signal) - 1) != 0
    }
  }
}

/// Whether `condition` comes to hold within `seconds`.
func eventually(
  within seconds: Double = 15, _ condition: () throws -> Bool
) async throws -> Bool {
  let end = ContinuousClock.now + .seconds(seconds)
  while ContinuousClock.now < end {
    if try condition() { return true }
    try await Task.sleep(for: .milliseconds(20))
  }
  return false
}
