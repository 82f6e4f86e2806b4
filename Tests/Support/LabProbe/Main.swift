// The controller of a lab, for tests: enters it, does what its first argument names, and prints
// what it saw as JSON lines. Not here: any expectation (HostsTests).

import CLinux
import Dispatch
import Foundation
import Hosts

@main
enum Main {
  static func main() {
    do {
      try Lab.enter()
    } catch {
      FileHandle.standardError.write(Data("\(error)\n".utf8))
      exit(10)
    }
    let arguments = CommandLine.arguments
    precondition(arguments.count > 1, "what to do?")
    Task {
      do {
        try await perform(arguments[1], Array(arguments.dropFirst(2)))
        exit(0)
      } catch {
        FileHandle.standardError.write(Data("\(error)\n".utf8))
        exit(10)
      }
    }
    dispatchMain()
  }

  static func perform(_ verb: String, _ arguments: [String]) async throws {
    switch verb {
    case "exit": exit(Int32(arguments[0])!)
    case "raise": kill(getpid(), Int32(arguments[0])!)
    case "signals": try await reportSignals()
    case "partition": try await partition(.init(rawValue: arguments.first ?? "ipv4")!)
    case "conditions": try await conditions(arguments)
    case "throughput": try await throughput()
    case "cuts": try await cuts()
    case "starve": try await starve()
    case "disk": try await disk(folder: arguments[0])
    case "park": try await park(marker: arguments[0])
    case "processes": try await processes(folder: arguments[0])
    default: preconditionFailure("\(verb) is nothing to do")
    }
  }

  static func say(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    FileHandle.standardOutput.write(try encoder.encode(value) + Data("\n".utf8))
  }
}
