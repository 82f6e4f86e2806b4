// What several faults want of one network at the same time.

/// The rules of all faults that are on, which share one chain on each host.
public actor NetworkRuleBook {
  /// The machines whose rules these are.
  public nonisolated let hosts: [any Host]
  private var entries: [(key: String, rules: [String: [PacketRule]])] = []
  /// The change before this one: two at once must not undo one another's.
  private var last: Task<Void, Never>?

  /// An empty book for `hosts`.
  public init(_ hosts: [any Host]) { self.hosts = hosts }

  /// Makes every host do to packets of exactly the directions of `grudge` what `fate` says, beside what
  /// others want. What stood under `key` before is gone.
  ///
  /// - Throws: the first `HostError` after every host was tried: remove it then.
  public func set(
    _ key: String, _ grudge: Grudge, _ fate: PacketFate
  ) async throws(HostError) {
    try await set(key, NetworkRules.rules(for: grudge, fate, among: hosts))
  }

  /// Gives every host its rules of `rules`, by name, beside what others want.
  ///
  /// - Throws: as the other.
  public func set(_ key: String, _ rules: [String: [PacketRule]]) async throws(HostError) {
    entries.removeAll { $0.key == key }
    entries.append((key, rules))
    try await apply()
  }

  /// Takes out what stands under `key`; does no harm where nothing does.
  ///
  /// - Throws: as `set`; a second call tries again.
  public func remove(_ key: String) async throws(HostError) {
    entries.removeAll { $0.key == key }
    try await apply()
  }

  private func apply() async throws(HostError) {
    let before = last
    let task = Task { () -> Result<Void, HostError> in
      await before?.value
      do throws(HostError) {
        try await applyAll()
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    last = Task { _ = await task.value }
    try await task.value.get()
  }

  private func applyAll() async throws(HostError) {
    guard !entries.isEmpty else { return try await NetworkRules.heal(hosts) }
    var all: [String: [PacketRule]] = [:]
    for entry in entries { all.merge(entry.rules) { $0 + $1 } }
    try await NetworkRules.apply(all, to: hosts)
  }
}
