// Questions to an agent over a connection, and its answers.

import Hosts
import SSH
import Synchronization

/// The way to one agent. When it is gone, all who wait are told so, and all who come.
final class AgentConnection: Sendable {
  private typealias Answered = Result<AgentAnswer.Body, HostError>

  private struct State {
    var next = 1
    var waiting: [Int: CheckedContinuation<Answered, Never>] = [:]
    /// Processes that have ended, and those who wait for others.
    var ended: [Int32: ExitStatus] = [:]
    var watching: [Int32: [CheckedContinuation<ExitStatus, Never>]] = [:]
    var failure: HostError?
  }

  private let host: String
  private let state = Mutex(State())
  private let outgoing = AsyncStream.makeStream(of: [UInt8].self)
  private let ready = AsyncStream.makeStream(of: Result<Void, HostError>.self)

  init(host: String) { self.host = host }

  /// Carries questions to `process` and answers back, until it ends or the task is cancelled.
  func serve(_ process: RemoteProcess) async {
    let failure = await withTaskGroup(of: HostError.self) { tasks in
      tasks.addTask { [self] in
        do {
          for await line in outgoing.stream { try await process.write(line) }
          return .lost(host: host, reason: "closed")
        } catch {
          return .lost(host: host, reason: "\(error)")
        }
      }
      tasks.addTask { [self] in await read(process) }
      defer { tasks.cancelAll() }
      return await tasks.next()!
    }
    fail(failure)
  }

  private func read(_ process: RemoteProcess) async -> HostError {
    var splitter = LineSplitter()
    var errors: [UInt8] = []
    do {
      while true {
        switch try await process.read(within: .seconds(1_000_000)) {
        case .output(let bytes):
          guard let lines = splitter.take(bytes) else {
            return .badAnswer(host: host, command: "serve")
          }
          for line in lines {
            guard let answer = AgentLine.decode(AgentAnswer.self, line) else {
              return .badAnswer(host: host, command: "serve")
            }
            take(answer)
          }
        case .errors(let bytes): if errors.count < 4096 { errors += bytes }
        case .end:
          let text = String(decoding: errors, as: UTF8.self).split(whereSeparator: \.isNewline)
          return .lost(
            host: host,
            reason: text.isEmpty
              ? "its agent ended" : "its agent ended: \(text.joined(separator: " / "))")
        }
      }
    } catch {
      return .lost(host: host, reason: "\(error)")
    }
  }

  private func take(_ answer: AgentAnswer) {
    switch answer.body {
    case .ready(version: AgentServer.version): ready.continuation.yield(.success(()))
    case .ready: fail(.badAnswer(host: host, command: "serve"))
    case .ended(let process, let status):
      let watching = state.withLock { state in
        state.ended[process] = status
        return state.watching.removeValue(forKey: process) ?? []
      }
      for continuation in watching { continuation.resume(returning: status) }
    default: finish(answer.id, .success(answer.body))
    }
  }

  private func finish(_ id: Int, _ answer: Answered) {
    state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: answer)
  }

  private func fail(_ error: HostError) {
    let (waiting, watching) = state.withLock { state in
      state.failure = state.failure ?? error
      defer {
        state.waiting = [:]
        state.watching = [:]
      }
      return (state.waiting, state.watching)
    }
    for continuation in waiting.values { continuation.resume(returning: .failure(error)) }
    for continuation in watching.values.joined() { continuation.resume(returning: .lost) }
    ready.continuation.yield(.failure(error))
    outgoing.continuation.finish()
  }

  /// Why nothing goes through it any more; nil while it does.
  var failure: HostError? { state.withLock { $0.failure } }

  /// Nothing goes through it any more.
  func close(_ reason: String) { fail(.lost(host: host, reason: reason)) }

  /// Waits until the agent says that it is there.
  func waitUntilReady(within time: Duration) async throws(HostError) {
    let late = Task { [self] in
      try await Task.sleep(for: time)
      ready.continuation.yield(
        .failure(.deadline(host: host, command: "gauntlet-agent serve", after: time)))
    }
    defer { late.cancel() }
    for await result in ready.stream { return try result.get() }
    throw .cancelled(host: host, command: "gauntlet-agent serve")
  }

  /// Asks, and waits for the answer.
  ///
  /// - Throws: `HostError.refused` with what the agent says that it cannot do.
  func ask(
    _ body: AgentRequest.Body, _ name: String, within time: Duration
  ) async throws(HostError) -> AgentAnswer.Body {
    let id = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    let late = Task { [self] in
      try await Task.sleep(for: time)
      finish(id, .failure(.deadline(host: host, command: name, after: time)))
    }
    defer { late.cancel() }
    let answer = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Answered, Never>) in
        let failure = state.withLock { state in
          if state.failure == nil { state.waiting[id] = continuation }
          return state.failure
        }
        if let failure { return continuation.resume(returning: .failure(failure)) }
        outgoing.continuation.yield(AgentLine.encode(AgentRequest(id: id, body)))
        // It may have been cancelled before it waited.
        if Task.isCancelled { finish(id, .failure(.cancelled(host: host, command: name))) }
      }
    } onCancel: {
      finish(id, .failure(.cancelled(host: host, command: name)))
    }
    switch answer {
    case .success(.failed(let reason)): throw .refused(host: host, reason: reason)
    case .success(let body): return body
    case .failure(let error): throw error
    }
  }

  /// How a process that was started over this connection ended, once it has.
  func end(of process: Int32) async -> ExitStatus {
    await withCheckedContinuation { continuation in
      let known: ExitStatus? = state.withLock { state in
        if let status = state.ended[process] { return status }
        if state.failure != nil { return .lost }
        state.watching[process, default: []].append(continuation)
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
  }
}
