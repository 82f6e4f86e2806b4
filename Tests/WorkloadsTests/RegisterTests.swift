// The register workload: its calls, and what each answer proves.

import History
import RedisProtocol
import Support
import Testing

@testable import Workloads

@Suite struct RegisterTests {
  private let load = RegisterLoad(keys: 3, mix: .init(read: 1, write: 2, cas: 1), values: .unique)

  @Test("the same seed gives the same calls, another gives others")
  func seeded() {
    func calls(_ seed: UInt64) -> [Invocation] {
      var generator = RegisterGenerator(
        load: load, worker: 1, workers: 4, seed: seed, lastSeen: LastSeen())
      return (0..<50).map { _ in generator.next() }
    }
    #expect(calls(7) == calls(7))
    #expect(calls(7) != calls(8))
  }

  @Test("no value is written twice, by whichever worker")
  func unique() {
    var seen: Set<Value> = []
    for worker in 0..<4 {
      var generator = RegisterGenerator(
        load: load, worker: worker, workers: 4, seed: 1, lastSeen: LastSeen())
      for _ in 0..<200 {
        let call = generator.next()
        guard call.function != .read else { continue }
        let value = call.argument.pair?.1 ?? call.argument
        #expect(!seen.contains(value))
        seen.insert(value)
      }
    }
  }

  private func complete(
    _ function: Invocation.Function, _ argument: Value, _ reply: RESPValue
  ) -> Completion {
    RegisterClient.completion(
      of: Invocation(function: function, key: "k", argument: argument), reply: reply, node: "n1")
  }

  /// The table of outcomes: `fail` only on proof.
  @Test("an answer is ok, fail or info by what it proves")
  func outcomes() {
    #expect(complete(.read, .absent, .bulk("7")).value == 7)
    #expect(complete(.read, .absent, .null).value == .absent)
    #expect(complete(.read, .absent, .bulk("junk")).value == .text("junk"))
    #expect(complete(.write, 7, .ok).type == .ok)
    #expect(complete(.write, 7, .null).type == .info)
    #expect(complete(.write, 7, .error("INDOUBT x")).type == .info)
    #expect(complete(.read, .absent, .error("INDOUBT x")).type == .fail)
    #expect(complete(.write, 7, .error("WHATEVER x")).type == .info)
    #expect(complete(.write, 7, .error("ERR syntax error")).type == .fail)
    #expect(complete(.cas, .list([1, 2]), .bulk("1")).type == .ok)
    let failed = complete(.cas, .list([1, 2]), .bulk("3"))
    #expect(failed.type == .fail && failed.observed == 3)
    #expect(complete(.cas, .list([.absent, 2]), .null).type == .ok)
    #expect(complete(.cas, .list([.absent, 2]), .bulk("3")).observed == 3)
    #expect(complete(.cas, .list([1, 2]), .null).observed == .absent)
  }
}
