// Whatever happens to messages, disks and nodes: one leader a term, and nothing committed is lost.

import Support
import Testing

@testable import Raft

@Suite struct ClusterPropertyTests {
  /// `EngineWorld` checks, at every step, that a term has one leader, that all nodes commit the
  /// same entries, and that reads see all that was committed when they began.
  @Test(
    "safety holds through loss, reordering, lagging disks and crashes", arguments: Seed.some(300))
  func isSafe(seed: Seed) {
    var random = SplitMix64(seed)
    let size = [3, 4, 5].randomElement(using: &random)!
    let ids = (1...UInt64(size)).map { NodeID($0) }
    var world = EngineWorld(
      Dictionary(uniqueKeysWithValues: ids.map { ($0, [LogID]()) }), seed: seed)
    var proposed: UInt8 = 0
    for _ in 0..<3000 {
      let id = ids.randomElement(using: &random)!
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<10:
        world.now += .milliseconds(Int.random(in: 1...60, using: &random))
        for id in ids { world.handle(id, .tick) }
      case 10..<20: world.sync(id, 1)
      case 20..<40: world.sync(id)
      case 40..<42: world.crash(id)
      case 42..<50 where !world.letters.isEmpty:
        world.letters.remove(at: Int.random(in: 0..<world.letters.count, using: &random))
      case 50..<58 where world.nodes[id]!.engine.isLeader:
        proposed &+= 1
        world.handle(id, .proposed([.command([proposed])]))
      case 58..<62: world.read(id)
      default:
        guard !world.letters.isEmpty else { continue }
        world.deliver(Int.random(in: 0..<min(world.letters.count, 8), using: &random))
      }
    }
    heal(&world, ids)
  }

  /// Once nothing is lost any more, one leader is left and everybody has the same log.
  private func heal(_ world: inout EngineWorld, _ ids: [NodeID]) {
    world.settle()
    for _ in 0..<400 {
      world.now += .milliseconds(10)
      for id in ids { world.handle(id, .tick) }
      world.settle()
    }
    let leaders = ids.filter { world.nodes[$0]!.engine.isLeader }
    #expect(leaders.count == 1)
    guard let leader = leaders.first else { return }
    world.handle(leader, .proposed([.command([255])]))
    world.settle()
    world.now += .milliseconds(60)
    world.handle(leader, .tick)
    world.settle()
    let log = world.nodes[leader]!.log.entries
    for id in ids {
      #expect(world.nodes[id]!.log.entries == log)
      #expect(world.nodes[id]!.engine.state.committed == UInt64(log.count))
    }
  }
}
