// How commands end: one line on standard error, and the exit code that goes with it.

import ArgumentParser
import Bench
import History
import Linearizability
import Workloads

#if canImport(Glibc)
  import Glibc
#endif

/// Ends the process at once.
func exitProcess(_ code: Int32) -> Never { exit(code) }

/// Exit codes of errors, as `gauntlet --help` lists them.
enum Failure {
  /// Says `error` on one line; returns the code to exit with.
  static func report(_ error: any Error) -> ExitCode {
    FileHandleOutput.standardError.write("gauntlet: \(error)\n")
    return ExitCode(code(of: error))
  }

  /// The code that hides all others: the first of 1, 130, 10, 65, 3, 4, 2, 0.
  static func worst(of codes: Set<Int32>) -> Int32 {
    [1, 130, 10, 65, 3, 4, 2].first { codes.contains($0) } ?? 0
  }

  static func code(of error: any Error) -> Int32 {
    switch error {
    case is HistoryError, is WorkloadError, is CheckError: 65
    case is GenerationError: 64
    case let error as BenchError where error.isOfInput: 65
    default: 10
    }
  }
}
