// How a history is to be read and understood: the flags that several verbs share.

import ArgumentParser
import Bench
import History
import Linearizability

/// How its bytes are to be read.
struct ReadingFlags: ParsableArguments {
  @Option(help: "jsonl, jepsen-edn, jepsen-log or porcupine-kv; found from the content.")
  var format: HistoryFormat?

  @Option(
    name: .customLong("failed-cas"),
    help: "What a failed compare-and-set says: differs or silent; by format.")
  var failedCAS: FailedCAS?

  @Flag(
    inversion: .prefixedNo, help: "Whether values are [key value] pairs, as Jepsen writes them.")
  var independent: Bool?

  var options: ReadingOptions {
    ReadingOptions(format: format, failedCAS: failedCAS, isIndependent: independent)
  }

  /// The whole history at `path`, `-` being standard input; what was skipped goes to standard
  /// error.
  func read(_ path: String) throws -> History {
    let history =
      path == "-"
      ? try History(descriptor: 0, name: Self.name(path), options: options)
      : try History(file: path, options: options)
    for note in history.notes { FileHandleOutput.standardError.write("gauntlet: \(note)\n") }
    return history
  }

  static func name(_ path: String) -> String { path == "-" ? "standard input" : path }
}

/// Which object it is about.
struct ModelFlags: ParsableArguments {
  /// A name, or `auto`.
  @Option(
    help: ArgumentHelp(
      "\(ModelName.allCases.map(\.rawValue).joined(separator: ", ")); auto finds it.",
      valueName: "name"))
  var model = "auto"

  @Option(help: "The state before the first operation: a number, null, or JSON.")
  var initial: String?

  @Option(help: "How many a semaphore lets in.")
  var capacity: Int?

  func validate() throws {
    if model != "auto", ModelName(rawValue: model) == nil {
      let names = ModelName.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--model \(model) is none of auto, \(names).")
    }
    if let initial, Self.value(initial) == nil {
      throw ValidationError("--initial is a number, null, or JSON such as '\"a\"' or '[1,2]'.")
    }
    if let capacity, capacity < 1 {
      throw ValidationError("--capacity is a whole number from 1.")
    }
  }

  var name: ModelName? { ModelName(rawValue: model) }
  var initialValue: Value? { initial.flatMap { Self.value($0) } }

  private static func value(_ text: String) -> Value? {
    let line =
      "{\"gauntlet\":1,\"initial\":\(text)}\n"
      + "{\"index\":0,\"time\":0,\"process\":0,\"type\":\"invoke\",\"f\":\"read\"}\n"
    return (try? History(bytes: Array(line.utf8), name: "--initial"))?.header.initial
  }
}

extension HistoryFormat: ExpressibleByArgument {}
extension FailedCAS: ExpressibleByArgument {}
extension ModelName: ExpressibleByArgument {}
extension Engine: ExpressibleByArgument {}
extension Break: ExpressibleByArgument {}
