// Campaigns looked at again and again: of a journal only what is new is read.

import Bench
import FoundationEssentials

/// Where a campaign stands, and how much of its files says so.
public struct CampaignReading: Sendable {
  /// Where it stands.
  public fileprivate(set) var state: CampaignState
  fileprivate let plan: Data
  fileprivate var bytes = 0
  fileprivate var lines = 0
  // Of the journal's first `bytes`.
  fileprivate var hash = CampaignReading.hash(Data())

  fileprivate static func hash(_ data: Data) -> Int {
    var hasher = Hasher()
    data.withUnsafeBytes { hasher.combine(bytes: $0) }
    return hasher.finalize()
  }

  fileprivate init(_ state: CampaignState, plan: Data) {
    self.state = state
    self.plan = plan
  }
}

extension CampaignFolder {
  /// Reads where the campaign stands; nothing is changed. Where its files still begin with what was read
  /// `before`, only what is new is taken in.
  ///
  /// - Throws: `BenchError` when it cannot be read.
  /// - Complexity: some 20 microseconds for each new event, and some for each megabyte of the journal.
  public func reading(
    after before: CampaignReading? = nil
  ) throws(BenchError) -> CampaignReading {
    let plan = try planData()
    let isBegun = FileManager.default.fileExists(atPath: journal)
    guard let data = isBegun ? FileManager.default.contents(atPath: journal) : Data() else {
      throw BenchError("\(journal): cannot be read; name a campaign's folder", isOfInput: true)
    }
    var reading: CampaignReading
    if let before, before.plan == plan, before.bytes <= data.count,
      CampaignReading.hash(data.prefix(before.bytes)) == before.hash
    {
      reading = before
    } else {
      let read = try readPlan(in: plan)
      reading = CampaignReading(CampaignState(read.campaign, shard: read.shard), plan: plan)
    }
    let fresh = data.dropFirst(reading.bytes)
    guard Journal.whole(fresh) > 0 else { return reading }
    let events = try Journal.events(in: fresh, of: journal, after: reading.lines)
    for event in events { reading.state.apply(event) }
    reading.bytes += Journal.whole(fresh)
    reading.lines += events.count
    reading.hash = CampaignReading.hash(data.prefix(reading.bytes))
    return reading
  }
}
