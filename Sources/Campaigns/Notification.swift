// Telling somebody that a campaign is over, by a command of theirs: a mail, a chat's webhook through curl.

import Bench
import FoundationEssentials
import SystemPackage

/// A command that is told what a campaign came to.
public struct Notification: Sendable {
  /// For `sh`. It is the user's own; nothing of a campaign is put into it.
  public var command: String

  /// One that does so.
  public init(command: String) { self.command = command }

  /// Runs the command, for a minute at most.
  ///
  /// - Throws: `BenchError` when it fails, with the last line of what it said.
  public func send(_ summary: CampaignSummary, json: String, text: String) async throws {
    let folder = summary.folder
    let input: FileDescriptor
    do {
      try RunFolder.write(Data("\(json)\n".utf8), to: "\(folder)/summary.json")
      input = try FileDescriptor.open(
        FilePath("\(folder)/summary.json"), .readOnly, options: .closeOnExec)
    } catch {
      throw BenchError("\(folder)/summary.json: \(error)")
    }
    let process = ChildProcess(
      program: "/bin/sh", arguments: ["-c", command],
      environment: [
        "GAUNTLET_CAMPAIGN": summary.campaign, "GAUNTLET_OUTCOME": summary.outcome,
        "GAUNTLET_FOLDER": summary.folder,
        // Room is limited in an environment.
        "GAUNTLET_SUMMARY": String(text.prefix(16_000)),
      ], log: "\(folder)/notify.log", limit: .seconds(60))
    guard try await process.run(reading: input) == 0 else {
      throw BenchError("`\(command)`: \(process.lastLine ?? "failed without a word")")
    }
  }
}
