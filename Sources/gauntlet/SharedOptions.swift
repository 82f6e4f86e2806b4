// Options that several commands have.

import ArgumentParser
import Bench
import FoundationEssentials
import Workloads

/// Where the store is.
struct StoreOption: ParsableArguments {
  @Option(
    name: .customLong("store"),
    help: "Where run folders lie; GAUNTLET_STORE if left out, else runs.")
  var given: String?

  func validate() throws {
    var isFolder = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder {
      throw ValidationError("\(path) is a file; name the folder of a store with --store.")
    }
  }

  /// What the flag says, else the variable, else `runs`.
  var path: String {
    given ?? ProcessInfo.processInfo.environment["GAUNTLET_STORE"] ?? "runs"
  }

  /// The folder that `text` names, as a path in `store`: a path, a run's name alone, or `latest`.
  ///
  /// - Throws: `BenchError` when no run of the store is there.
  static func run(_ text: String, in store: String) throws(BenchError) -> String {
    let root = URL(filePath: store).resolvingSymlinksInPath().path
    // What `latest` points to is a run itself, and no folder of runs.
    let groups = ((try? FileManager.default.contentsOfDirectory(atPath: store)) ?? [])
      .filter { !$0.hasPrefix("latest") }
    let places = [text, "\(store)/\(text)"] + groups.sorted().map { "\(store)/\($0)/\(text)" }
    for path in places where RunFolder.isRun(path) {
      let real = URL(filePath: path).resolvingSymlinksInPath().path
      if real.hasPrefix("\(root)/") { return String(real.dropFirst(root.count + 1)) }
    }
    throw BenchError(
      "\(text): no run of \(store); `gauntlet runs --store \(store)` lists them", isOfInput: true)
  }

  /// The folder of the run that `text` names: a path, or what names it in the store.
  ///
  /// - Throws: `BenchError` when there is none.
  func run(_ text: String) throws(BenchError) -> RunFolder {
    if RunFolder.isRun(text) { return RunFolder(path: text) }
    return RunFolder(path: "\(path)/\(try Self.run(text, in: path))")
  }
}

/// Values that are put over those of a workload's file.
struct SettingOption: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Put a value over the file's.", valueName: "key=value"))
  var given: [String] = []

  func validate() throws {
    for text in given where Override(text) == nil {
      throw ValidationError("--set \(text): write key=value, such as workload.keys=16.")
    }
  }

  /// What is put over the file.
  var overrides: [Override] { given.compactMap { Override($0) } }
}
