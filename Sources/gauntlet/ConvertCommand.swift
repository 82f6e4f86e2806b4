// gauntlet convert: any history that we read, as ours.

import ArgumentParser
import History

struct ConvertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a history of any format as JSON lines.",
    discussion: """
      What was skipped or guessed is counted on standard error.

      EXAMPLES
        gauntlet convert history.edn --output history.jsonl
        gauntlet convert --failed-cas silent etcd_007.log | gauntlet check -
      """)

  @Argument(help: "The history, or - for standard input.")
  var history: String

  @Option(help: "Where to write; standard output if left out.")
  var output = "-"

  @OptionGroup var reading: ReadingFlags

  func run() async throws {
    do {
      let history = try reading.read(history)
      var buffer: [UInt8] = []
      var file = try OutputFile(output)
      JSONLines.append(history, to: &buffer)
      try file.write(buffer)
      try file.finish()
    } catch {
      throw Failure.report(error)
    }
  }
}
