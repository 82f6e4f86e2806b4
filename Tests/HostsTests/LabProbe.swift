// Runs lab-probe as root or as an ordinary user, and reads what it prints line by line.

import Foundation
import Subprocess
import SystemPackage
import Testing

extension Tag {
  /// Needs real namespaces.
  @Tag static var integration: Self
}

/// Who starts lab-probe.
enum Starter: String, CaseIterable, CustomTestStringConvertible {
  case root
  case ordinaryUser = "an ordinary user"

  var testDescription: String { rawValue }
}

/// A copy of lab-probe and its agent in a folder that every user can read, and write to.
struct LabProbe {
  let folder: String
  let starter: Starter

  /// Runs `body` with a copy, and takes it away again.
  static func with<R>(
    _ starter: Starter, _ body: (LabProbe) async throws -> R
  ) async throws -> R {
    let files = FileManager.default
    let folder = "/tmp/gauntlet-lab-probe-\(UUID().uuidString)"
    try files.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? files.removeItem(atPath: folder) }
    try files.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
    let built = try files.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    for name in ["lab-probe", "gauntlet-agent", "gauntlet-disk", "libgauntlet-shim.so"] {
      let source = URL(filePath: built).deletingLastPathComponent().appending(path: name)
      try files.copyItem(atPath: source.path(), toPath: "\(folder)/\(name)")
    }
    return try await body(LabProbe(folder: folder, starter: starter))
  }

  /// Runs to the end; the exit code and what it printed.
  func run(
    _ arguments: String..., environment: Environment = .inherit
  ) async throws -> (TerminationStatus, output: String, errors: String) {
    let (executable, all) = commandLine(arguments)
    let result = try await Subprocess.run(
      executable, arguments: Arguments(all), environment: environment,
      output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
    return (result.terminationStatus, result.standardOutput, result.standardError)
  }

  /// Runs while `body` goes through its lines and signals the outer process. The exit status.
  func run(
    _ arguments: String..., body: (Lines, SendSignal) async throws -> Void
  ) async throws -> TerminationStatus {
    let (executable, all) = commandLine(arguments)
    var options = PlatformOptions()
    options.createSession = true  // a group of its own, as a terminal would give it
    return try await Subprocess.run(
      executable, arguments: Arguments(all), platformOptions: options, input: .none,
      output: .sequence, error: .currentStandardError
    ) { execution in
      let lines = Lines(execution.standardOutput.strings().makeAsyncIterator())
      try await body(lines) { signal, target in
        try execution.send(signal: signal, toProcessGroup: target == .group)
      }
    }.terminationStatus
  }

  enum Target { case process, group }
  typealias SendSignal = (Signal, Target) throws -> Void

  /// Standard output, a line at a time.
  final class Lines {
    private var iterator: SubprocessOutputSequence.StringSequence<UTF8>.AsyncIterator

    init(_ iterator: SubprocessOutputSequence.StringSequence<UTF8>.AsyncIterator) {
      self.iterator = iterator
    }

    /// The next line as an object of integers.
    func next() async throws -> [String: Int] {
      let line = try #require(try await iterator.next(), "lab-probe ended early")
      return try JSONDecoder().decode([String: Int].self, from: Data(line.utf8))
    }
  }

  private func commandLine(_ arguments: [String]) -> (Executable, [String]) {
    switch starter {
    case .root:
      (.path(FilePath("\(folder)/lab-probe")), arguments)
    case .ordinaryUser:
      (
        .name("setpriv"),
        ["--reuid=65534", "--regid=65534", "--clear-groups", "\(folder)/lab-probe"] + arguments
      )
    }
  }
}
