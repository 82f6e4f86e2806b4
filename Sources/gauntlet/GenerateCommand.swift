// gauntlet generate: histories whose truth is known without any checker.

import ArgumentParser
import History
import Linearizability

struct GenerateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Make a history whose verdict is known.",
    discussion: """
      Clients of an object that does one thing after the other: linearizable by
      construction. With --break it is certainly not. The same flags give the
      same bytes.

      EXAMPLES
        gauntlet generate --model queue --operations 3000 --info 2 --output q.jsonl
        gauntlet generate --break stale-read --seed 7 | gauntlet check -

      BREAKS
        \(Break.allCases.map(\.rawValue).joined(separator: ", "))
      """)

  @Option(help: "Any model that check knows.")
  var model = ModelName.register

  @Option(help: "Operations in all.")
  var operations = 1000

  @Option(help: "Clients.")
  var concurrency = 5

  @Option(help: "Distinct values; 0 writes none twice.")
  var values = 5

  @Option(help: "Of a hundred operations, those of unknown outcome.")
  var info = 0

  @Option(help: "Of a hundred operations, those that only look.")
  var reads = 50

  @Option(help: "Objects.")
  var keys = 1

  @Option(help: "How many a semaphore lets in.")
  var capacity = 2

  @Flag(help: "Let clients rest between operations.")
  var pause = false

  @Option(name: .customLong("break"), help: "Plant a fault that makes it invalid.")
  var fault: Break?

  @Option(help: "Where to plant it, from 0 (start) to 1 (end).")
  var near = 0.9

  @Option(help: "What all randomness comes from.")
  var seed: UInt64 = 0

  @Option(help: "Where to write; standard output if left out.")
  var output = "-"

  func validate() throws {
    guard (0...1).contains(near) else { throw ValidationError("--near is from 0 to 1.") }
  }

  func run() async throws {
    do {
      var shape = GenerationShape(model: model)
      (shape.operations, shape.concurrency, shape.values) = (operations, concurrency, values)
      (shape.info, shape.reads, shape.keys) = (info, reads, keys)
      (shape.capacity, shape.pauses, shape.seed) = (capacity, pause, seed)
      var generator: HistoryGenerator
      if let fault {
        generator = try HistoryGenerator(shape, breaking: fault, near: near)
      } else {
        generator = try HistoryGenerator(shape)
      }
      var file = try OutputFile(output)
      var buffer: [UInt8] = []
      JSONLines.append(generator.header, to: &buffer)
      while let event = generator.next() {
        JSONLines.append(event, to: &buffer)
        guard buffer.count >= 1 << 18 else { continue }
        try file.write(buffer)
        buffer.removeAll(keepingCapacity: true)
      }
      try file.write(buffer)
      try file.finish()
    } catch {
      throw Failure.report(error)
    }
  }
}
