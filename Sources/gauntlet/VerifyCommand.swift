// gauntlet verify: a witness held against its history and the model, without any engine.

import ArgumentParser
import History
import Linearizability

struct VerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check that a witness proves a history linearizable.",
    discussion: """
      In linear time, with code that shares nothing with the engines but the
      model. Exits with 0 when it proves it and with 1 when it does not.

      EXAMPLE
        gauntlet check --witness order.jsonl history.jsonl
        gauntlet verify history.jsonl order.jsonl
      """)

  @Argument(help: "The history, or - for standard input.")
  var history: String

  @Argument(help: "What check --witness wrote.")
  var witness: String

  @OptionGroup var reading: ReadingFlags
  @OptionGroup var object: ModelFlags

  @Flag(help: "Print one JSON object.")
  var json = false

  private struct Document: Encodable {
    var file: String
    var witness: String
    var proves: Bool
    var flaw: String?
  }

  func run() async throws {
    let flaw: String?
    do {
      let history = try reading.read(history)
      let verification = Verification(
        orders: try WitnessFile.read(witness), model: object.name, initial: object.initialValue,
        capacity: object.capacity)
      flaw = try verification.flaw(in: history)
    } catch {
      throw Failure.report(error)
    }
    let name = ReadingFlags.name(history)
    if json {
      print(
        try JSONOutput.line(
          Document(file: name, witness: witness, proves: flaw == nil, flaw: flaw)))
    } else if let flaw {
      print("\(name): \(witness) proves nothing: \(flaw)")
    } else {
      print("\(name): valid, as \(witness) proves")
    }
    if flaw != nil { throw ExitCode(1) }
  }
}
