// gauntlet check: recorded histories and stored runs, judged again.

import ArgumentParser
import Bench
import FoundationEssentials
import History
import Linearizability
import Reports
import Workloads

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Decide whether recorded histories are linearizable.",
    discussion: """
      A history is one JSON object a line: an invocation or a completion. Keys
      are checked apart. A folder of `gauntlet run` is judged again as a whole.

      EXAMPLES
        gauntlet check history.jsonl
        gauntlet check --model cas-register --initial 0 --json a.jsonl b.jsonl
        gauntlet check runs/latest
      """)

  @Argument(help: "History files, run folders, or - for standard input.")
  var histories: [String]

  @Option(help: "register or cas-register; found from the history if left out.")
  var model: ModelName?

  @Option(help: "The state before the first operation: a number, null, or JSON text.")
  var initial: String?

  @Option(help: ArgumentHelp("Say unknown after this time.", valueName: "60s"))
  var timeLimit: String?

  @Option(help: "Say unknown when the search holds more than this many megabytes.")
  var memoryLimit: Int?

  @Flag(help: "Print one JSON object for each history.")
  var json = false

  func validate() throws {
    guard !histories.isEmpty else {
      throw ValidationError("name a history, a run folder, or - for standard input.")
    }
    if let timeLimit, Duration(workload: timeLimit) == nil {
      throw ValidationError("--time-limit is a time above zero, such as 500ms, 60s or 2m.")
    }
    if let memoryLimit, memoryLimit < 1 || memoryLimit > 1 << 40 {
      throw ValidationError("--memory-limit is a whole number of megabytes from 1.")
    }
    if let initial, Self.value(initial) == nil {
      throw ValidationError("--initial is a number, null, or JSON text such as '\"a\"'.")
    }
  }

  private static func value(_ text: String) -> Value? {
    let line =
      "{\"gauntlet\":1,\"initial\":\(text)}\n"
      + "{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n"
    return (try? History(bytes: line.utf8, name: "--initial"))?.header.initial
  }

  private var limits: Limits {
    Limits(
      time: timeLimit.flatMap { Duration(workload: $0) },
      memoryBytes: memoryLimit.map { $0 << 20 })
  }

  func run() async throws {
    var codes: Set<Int32> = []
    for path in histories {
      do {
        codes.insert(
          RunFolder.isRun(path) ? try await checkRun(path) : try await checkHistory(path))
      } catch {
        codes.insert(Failure.report(error).rawValue)
      }
    }
    let worst = Failure.worst(of: codes)
    if worst != 0 { throw ExitCode(worst) }
  }

  private func checkHistory(_ path: String) async throws -> Int32 {
    let name = path == "-" ? "standard input" : path
    let history =
      path == "-" ? try History(descriptor: 0, name: name) : try History(file: path)
    for note in history.notes { FileHandleOutput.standardError.write("gauntlet: \(note)\n") }
    let check = Check(model: model, initial: initial.flatMap { Self.value($0) }, limits: limits)
    let result = try await check.run(history)
    let verdict = CheckSummary(
      file: name, result: result, initial: check.initial ?? history.header.initial)
    print(json ? try verdict.json() : verdict.text)
    for failure in result.checkerFailures { FileHandleOutput.standardError.write("\(failure)\n") }
    if result.verdict != .invalid, !result.checkerFailures.isEmpty { return 10 }
    return result.verdict.exitCode
  }

  private func checkRun(_ path: String) async throws -> Int32 {
    let folder = RunFolder(path: path)
    let workload = try WorkloadFile.read(path: folder.workload)
    let history = try History(file: folder.history)
    for note in history.notes { FileHandleOutput.standardError.write("gauntlet: \(note)\n") }
    let before = try RunResults.read(folder.results)
    let circumstances = before.map { Circumstances($0) } ?? Circumstances(unfinished: history)
    let results = try await Judgement.judge(history, of: workload, circumstances, limits: limits)
    let summary = RunSummary(
      results: results, workload: workload, folder: folder, repeats: workload.seed ?? 0)
    // What is printed is what lies there.
    try results.write(to: folder.results)
    let report = RunReport(results, history: history, workload: workload, folder: folder)
    try RunFolder.write(Data(try report.html().utf8), to: folder.report)
    print(json ? try summary.json() : summary.text)
    return results.outcome.exitCode
  }
}

extension ModelName: ExpressibleByArgument {}

extension Verdict {
  var exitCode: Int32 {
    switch self {
    case .valid: 0
    case .invalid: 1
    case .unknown: 2
    }
  }
}
