// What a person sees while a run goes on.

import History
import Nemesis

/// One rewritten line on a terminal, a line every ten seconds elsewhere.
struct Progress: Sendable {
  private let output = FileHandleOutput.standardError
  private let recorder: Recorder
  private let nemesis: Nemesis
  private let leaders: LeaderWatch

  init(recorder: Recorder, nemesis: Nemesis, leaders: LeaderWatch) {
    self.recorder = recorder
    self.nemesis = nemesis
    self.leaders = leaders
  }

  /// Shows the load until `end`, or until cancelled.
  func show(until end: ContinuousClock.Instant) async {
    let isLive = output.isTerminal
    while !Task.isCancelled {
      do { try await Task.sleep(for: isLive ? .milliseconds(250) : .seconds(10)) } catch { break }
      let line = await line(until: end)
      // A line that wraps could not be rewritten.
      let fitting = line.prefix(max((output.columns ?? 80) - 1, 1))
      output.write(isLive ? "\r\u{1b}[K\(fitting)" : "\(line)\n")
    }
    if isLive { output.write("\r\u{1b}[K") }
  }

  private func line(until end: ContinuousClock.Instant) async -> String {
    let left = max(0, ContinuousClock.now.duration(to: end) / .seconds(1))
    let counts = recorder.counts.byFunction.sorted { $0.key < $1.key }
      .map { "\($0.key) \(Figures.count($0.value.ok))/\($0.value.fail)/\($0.value.info)" }
    let faults = await nemesis.active.sorted { $0.key < $1.key }.map(\.value)
    let healed = await nemesis.outcomes.count { $0.result == .installed }
    return "\(Int(left.rounded(.up))) s left · ok/fail/info \(counts.joined(separator: " ")) · "
      + "faults \(healed) done\(faults.isEmpty ? "" : ", now \(faults.joined(separator: " and "))")"
      + " · leader \(leaders.current ?? "none")"
  }
}
