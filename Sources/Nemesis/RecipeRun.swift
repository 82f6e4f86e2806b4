// A recipe carried out: its faults begin one after the other, and all are healed.

import History
import Hosts
import NIOCore
import Systems
import Workloads

/// Carries out a recipe.
actor RecipeRun: Fault {
  nonisolated let kind = "recipe"
  private let recipe: Recipe
  private let seed: UInt64
  private let cluster: Cluster
  private let group: any EventLoopGroup
  private let resolve: @Sendable (PlannedFault) async throws -> any Fault
  /// What was begun and is not healed.
  private var going: [any Fault] = []

  /// `resolve` makes each step a fault with targets, when its turn has come.
  init(
    recipe: Recipe, seed: UInt64, cluster: Cluster, group: any EventLoopGroup,
    resolve: @escaping @Sendable (PlannedFault) async throws -> any Fault
  ) {
    self.recipe = recipe
    self.seed = seed
    self.cluster = cluster
    self.group = group
    self.resolve = resolve
  }

  /// Goes through the steps; what each of them did is the evidence.
  func inject() async throws -> [Event.Detail] {
    let watch = await ClusterWatch(cluster, group: group)
    var evidence: [String] = []
    for (place, step) in recipe.steps.enumerated() {
      do {
        evidence.append(try await carryOut(step, place, watch))
      } catch FaultError.skipped(let reason) {
        throw FaultError.skipped("step \(place + 1): \(reason)")
      } catch FaultError.unverified(let reason) {
        throw FaultError.unverified("step \(place + 1): \(reason)")
      }
    }
    return [
      Event.Detail("target", .text(recipe.rawValue)), Event.Detail("evidence", .names(evidence)),
    ]
  }

  private func carryOut(
    _ step: Recipe.Step, _ place: Int, _ watch: ClusterWatch
  ) async throws -> String {
    switch step {
    case .wait(let time):
      try await Task.sleep(for: time)
      return "waited \(time)"
    case .until(let state):
      guard let words = try await watch.wait(for: state, within: .seconds(5)) else {
        throw FaultError.skipped("\(state.unmet) within 5 s")
      }
      return words
    case .heal(let kind):
      try await heal { $0.kind == kind }
      return "\(kind) healed"
    case .begin(let kind, let choice):
      let planned = PlannedFault(
        fault: 0, kind: kind, choice: choice, atMilliseconds: 0, forMilliseconds: 0,
        seed: SplitMix64.mixed(seed, part: UInt64(place)))
      let fault = try await resolve(planned)
      going.append(fault)
      let details = try await fault.inject()
      let words = details.filter { ["nodes", "cut", "links"].contains($0.name) }.map {
        "\($0.value)"
      }
      return "\(kind) \(choice) \(words.joined(separator: " "))"
    }
  }

  /// Heals what goes on, the last first.
  func heal() async throws -> [Event.Detail] {
    try await heal { _ in true }
    return []
  }

  /// All are tried; what fails is tried again by the next call.
  private func heal(_ isMeant: (any Fault) -> Bool) async throws {
    var failure: (any Error)?
    for place in going.indices.reversed() where isMeant(going[place]) {
      do {
        _ = try await going[place].heal()
        going.remove(at: place)
      } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }
}
