// gauntlet check: recorded histories and stored runs, judged again.

import ArgumentParser
import Bench
import FoundationEssentials
import History
import Linearizability
import Reports
import UnixSignals
import Workloads

struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Decide whether recorded histories are linearizable.",
    discussion: """
      A history is one JSON object a line, an invocation or a completion, or
      what Jepsen, Knossos and Porcupine write; any of them may be packed with
      gzip. Keys are checked apart. A folder of `gauntlet run` is judged again as
      a whole. With --engine sweep standard input is judged as it comes, in
      memory that does not grow with its length.

      EXAMPLES
        gauntlet check history.jsonl
        gauntlet check --model cas-register --initial 0 --json a.jsonl b.jsonl
        gauntlet check --html page.html --witness order.jsonl history.edn
        gauntlet check runs/latest
      """)

  @Argument(help: "History files, run folders, or - for standard input.")
  var histories: [String]

  @OptionGroup var object: ModelFlags
  @OptionGroup var reading: ReadingFlags

  @Option(help: "monitor, wing-gong or sweep; whichever fits, if left out.")
  var engine: Engine?

  @Option(help: ArgumentHelp("Say unknown after this time.", valueName: "60s"))
  var timeLimit: String?

  @Option(help: "Say unknown above this many megabytes; three quarters of what is free.")
  var memoryLimit: Int?

  @Option(help: ArgumentHelp("Write the order that proves it valid.", valueName: "file"))
  var witness: String?

  @Option(help: ArgumentHelp("Write a page to look at.", valueName: "file"))
  var html: String?

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
    if histories.count > 1, witness != nil || html != nil {
      throw ValidationError("--witness and --html are for one history at a time.")
    }
  }

  /// Within what is asked for, counting what the process holds already.
  private var limits: Limits {
    Limits(
      time: timeLimit.flatMap { Duration(workload: $0) },
      memoryBytes: memoryLimit.map { max(1 << 20, $0 << 20 - MemoryUse.current) })
  }

  private var check: Check {
    Check(
      model: object.name, initial: object.initialValue, capacity: object.capacity,
      limits: limits, engine: engine)
  }

  func run() async throws {
    let work = Task { await checkAll() }
    // The engines have threads of their own: the pool is free to hear of a Ctrl-C.
    let watch = Task {
      for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { work.cancel() }
    }
    let worst = Failure.worst(of: await work.value)
    watch.cancel()
    if worst != 0 { throw ExitCode(worst) }
  }

  private func checkAll() async -> Set<Int32> {
    var codes: Set<Int32> = []
    for path in histories {
      do {
        if RunFolder.isRun(path) {
          codes.insert(try await checkRun(path))
        } else if path == "-", engine == .sweep, witness == nil, html == nil {
          codes.insert(try await checkStream())
        } else {
          codes.insert(try await checkHistory(path))
        }
      } catch {
        codes.insert(Failure.report(error).rawValue)
      }
    }
    return codes
  }

  private func checkHistory(_ path: String) async throws -> Int32 {
    let name = ReadingFlags.name(path)
    let history = try reading.read(path)
    let result = try await check.run(history)
    let summary = CheckSummary(
      file: name, result: result, history: history, check: check, isModelFound: object.name == nil)
    print(json ? try summary.json() : summary.text)
    if let witness, result.verdict == .valid { try WitnessFile.write(result.keys, to: witness) }
    if let html { try write(summary.page, to: html) }
    for failure in result.checkerFailures { FileHandleOutput.standardError.write("\(failure)\n") }
    if result.verdict != .invalid, !result.checkerFailures.isEmpty { return 10 }
    return result.verdict.exitCode
  }

  private func write(_ page: HistoryPage, to path: String) throws {
    var file = try OutputFile(path)
    try page.write { try file.write($0) }
    try file.finish()
  }

  /// Standard input by the sweep: as it comes, without keeping it.
  private func checkStream() async throws -> Int32 {
    let name = ReadingFlags.name("-")
    let source = try EventSource(descriptor: 0, name: name, options: reading.options)
    let result = try await check.run(stream: source)
    for note in result.notes { FileHandleOutput.standardError.write("gauntlet: \(note)\n") }
    let summary = StreamSummary(file: name, result: result)
    print(json ? try summary.json() : summary.text)
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
    // What is printed is what lies there; but a run that goes on will say itself what came of it.
    if !folder.isHeld {
      try results.write(to: folder.results)
      let report = RunReport(results, history: history, workload: workload, folder: folder)
      try RunFolder.write(Data(try report.html().utf8), to: folder.report)
    }
    print(json ? try summary.json() : summary.text)
    return results.outcome.exitCode
  }
}

extension Verdict {
  var exitCode: Int32 {
    switch self {
    case .valid: 0
    case .invalid: 1
    case .unknown: 2
    }
  }
}
