// The node's own code in simulated worlds: the same seed does the same, and no promise is broken.

import History
import Linearizability
import Support
import Testing

@testable import Raft
@testable import Simulation

@Suite struct SimulationTests {
  private func options(_ seed: Seed, minutes: Int = 1) -> SimulationOptions {
    var options = SimulationOptions(seed: seed.number)
    options.time = .seconds(60 * minutes)
    return options
  }

  @Test("no promise is broken, and what clients saw is linearizable", arguments: Seed.some(120))
  func holds(seed: Seed) async throws {
    let result = Simulation(options(seed)).run()
    #expect(result.violation == nil, "gauntlet simulate --seed \(seed.number) --shrink")
    #expect(result.answered > 500)
    let verdict = try await Check(model: .casRegister).run(result.history).verdict
    #expect(verdict == .valid, "gauntlet simulate --seed \(seed.number) --shrink")
  }

  @Test("the same seed does the same, and another does not", arguments: Seed.some(3))
  func repeats(seed: Seed) {
    let first = Simulation(options(seed)).run()
    let again = Simulation(options(seed)).run()
    #expect(first.trace == again.trace && first.faults == again.faults)
    #expect(Simulation(options(Seed(seed.number + 1))).run().trace != first.trace)
  }

  @Test("a world that ended leaves no task behind", arguments: Seed.some(3))
  func ends(seed: Seed) {
    weak var world: World?
    do {
      let simulation = Simulation(options(seed))
      world = simulation.world
      _ = simulation.run()
    }
    #expect(world == nil, "something waits for ever, and keeps all of it")
  }

  @Test("a fault does the same whichever others are left out", arguments: Seed.some(3))
  func faultsStandAlone(seed: Seed) throws {
    let all = Simulation(options(seed)).run().faults
    var few = options(seed)
    few.onlyFaults = [2, 5]
    let some = Simulation(few).run().faults
    #expect(some == all.filter { [2, 5].contains($0.number) } && some.count == 2)
  }
}

@Suite struct OracleTests {
  private func log(_ ids: (term: UInt64, index: UInt64)...) -> LogIDList {
    var log = LogIDList()
    for id in ids { log.append(LogID(term: id.term, index: id.index)) }
    return log
  }

  private func report(
    _ id: UInt64, term: UInt64, leads: Bool = false, _ log: LogIDList, committed: UInt64 = 0,
    durable: LogID? = nil, lease: Duration? = nil
  ) -> StepReport {
    StepReport(
      id: NodeID(id), vote: Vote(term: term, node: NodeID(id), committed: leads), isLeader: leads,
      log: log, committed: committed, applied: 0,
      membership: Membership(voters: [NodeID(1), NodeID(2), NodeID(3)]),
      durable: durable ?? log.last, lease: lease)
  }

  private func ask(_ term: UInt64, _ candidate: UInt64) -> VoteRequest {
    VoteRequest(
      vote: Vote(term: term, node: NodeID(candidate)), lastLogID: nil, isPreVote: false)
  }

  private func entry(_ index: UInt64, _ command: UInt8) -> Entry {
    Entry(id: LogID(term: 1, index: index), payload: .command([command]))
  }

  @Test("each broken promise is seen")
  func sees() {
    func promise(_ steps: (Oracle) -> Void) -> String? {
      let world = World(seed: 1)
      let oracle = Oracle(world, lease: .milliseconds(150))
      steps(oracle)
      return oracle.violation?.promise
    }
    let empty = LogIDList()
    #expect(
      promise {
        $0.saw(report(1, term: 2, leads: true, empty))
        $0.saw(report(2, term: 2, leads: true, empty))
      } == "one leader a term")
    #expect(
      promise {
        $0.saw(report(1, term: 2, empty))
        $0.saw(report(1, term: 1, empty))
      } == "terms grow")
    #expect(
      promise {
        $0.granted(NodeID(1), ask(3, 2))
        $0.granted(NodeID(1), ask(3, 3))
      } == "one vote a term")
    #expect(
      promise {
        $0.stood(NodeID(1), ask(3, 1))
        $0.granted(NodeID(1), ask(3, 2))
      } == "one vote a term")
    #expect(
      promise {
        $0.granted(NodeID(1), ask(3, 2))
        $0.saw(report(1, term: 2, empty))
      } == "votes are kept")
    #expect(
      promise {
        $0.saw(report(1, term: 2, log((1, 1), (2, 2))))
        $0.saw(report(2, term: 2, log((2, 1), (2, 2))))
      } == "logs match")
    #expect(
      promise {
        $0.saw(report(1, term: 2, log((1, 1)), committed: 1))
        $0.saw(report(2, term: 3, leads: true, empty))
      } == "leaders hold what is committed")
    // Elected late, by votes of before that was committed.
    #expect(
      promise {
        $0.saw(report(1, term: 2, log((1, 1)), committed: 1))
        $0.saw(report(2, term: 1, leads: true, empty))
      } == nil)
    #expect(
      promise {
        $0.saw(report(1, term: 2, log((1, 1)), committed: 1))
        $0.saw(report(2, term: 2, log((2, 1)), committed: 1))
      } == "what is committed stays")
    #expect(
      promise {
        $0.applied(entry(1, 1), by: NodeID(1), from: 0, to: 5)
        $0.applied(entry(1, 2), by: NodeID(2), from: 0, to: 5)
      } == "state machines agree")
    // The second node was restored to what is not the state after the first entry.
    for (sum, promised) in [(UInt64(5), nil), (4, "state machines agree")] {
      #expect(
        promise {
          $0.applied(entry(1, 1), by: NodeID(1), from: 0, to: 5)
          $0.applied(entry(2, 1), by: NodeID(1), from: 5, to: 7)
          $0.applied(entry(2, 1), by: NodeID(2), from: sum, to: 7)
        } == promised)
    }
    #expect(
      promise {
        $0.applied(entry(1, 1), by: NodeID(1), from: 0, to: 5)
        $0.applied(entry(1, 1), by: NodeID(2), from: 0, to: 6)
      } == "state machines agree")
    #expect(
      promise {
        $0.saw(report(1, term: 2, log((1, 1), (2, 2))))
        $0.saw(report(2, term: 2, log((1, 1), (1, 2))))
      } == nil)
  }

  @Test("each broken promise about disks, terms and leases is seen")
  func seesDisksAndLeases() {
    func promise(_ steps: (Oracle) -> Void) -> String? {
      let world = World(seed: 1)
      let oracle = Oracle(world, lease: .milliseconds(150))
      steps(oracle)
      return oracle.violation?.promise
    }
    let (one, two, empty) = (log((2, 1)), log((1, 1), (2, 2)), LogIDList())
    for isOnDisk in [false, true] {
      #expect(
        promise {
          $0.saw(report(2, term: 2, one))
          $0.saw(
            report(1, term: 2, leads: true, one, durable: isOnDisk ? nil : .init(term: 0, index: 0))
          )
          $0.saw(
            report(
              1, term: 2, leads: true, one, committed: 1,
              durable: isOnDisk ? nil : .init(term: 0, index: 0)))
        } == (isOnDisk ? nil : "what is committed is on a quorum's disks"))
    }
    #expect(
      promise {
        $0.saw(report(2, term: 2, two))
        $0.saw(report(1, term: 2, leads: true, two))
        $0.saw(report(1, term: 2, leads: true, two, committed: 1))
      } == "only the own term is committed by counting")
    for lease in [Duration.milliseconds(50), .zero] {
      #expect(
        promise {
          $0.saw(report(3, term: 1, leads: true, log(), lease: lease))
          $0.saw(report(2, term: 2, one))
          $0.saw(report(1, term: 2, leads: true, one))
          $0.saw(report(1, term: 2, leads: true, one, committed: 1))
        } == (lease == .zero ? nil : "a lease keeps others from committing"))
    }
    let broken = "a leader's followers vote for no other"
    // The term in which another leads, if one does.
    for (isHandingOver, other, promised) in [
      (false, nil, broken), (true, nil, nil), (false, 3, nil), (false, 1, broken),
      (false, 4, broken),
    ] as [(Bool, UInt64?, String?)] {
      #expect(
        promise {
          let leader = Vote(term: 2, node: NodeID(3), committed: true)
          $0.followed(NodeID(1), leader, at: .zero)
          if isHandingOver { $0.handedOver(leader) }
          if let other { $0.saw(report(2, term: other, leads: true, empty)) }
          $0.granted(NodeID(1), ask(4, 2))
        } == promised)
    }
  }
}
