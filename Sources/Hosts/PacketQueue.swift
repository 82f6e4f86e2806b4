// A network that is slow and loses things, in user space: packets wait in the kernel's queue (NFQUEUE)
// until their time has come. The same on every kernel, with netem or without.
// Not here: which packets go through it (NetworkRules.swift).

import CLinux
import Dispatch
import Glibc
import HeapModule
import Synchronization

/// What became of packets.
public struct PacketCounts: Sendable, Hashable, Codable {
  /// How many came.
  public var seen = 0
  /// How many were held back for a while.
  public var delayed = 0
  /// How many were lost.
  public var lost = 0
  /// How many went on twice.
  public var duplicated = 0
  /// How many went on before their time.
  public var reordered = 0
  /// How many went on with a bit changed.
  public var corrupted = 0
  /// How many were lost since more than a second's worth waited for a link of a limited rate.
  public var overflowed = 0

  /// None.
  public init() {}

  /// In words: those that are not none.
  public var text: String {
    let parts = [
      (delayed, "delayed"), (lost, "lost"), (duplicated, "twice"), (reordered, "before their time"),
      (corrupted, "corrupted"), (overflowed, "too many for the rate"),
    ]
    let words = parts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "\(seen) packets" + (words.isEmpty ? "" : ": \(words.joined(separator: ", "))")
  }
}

/// Something that decides on a host's packets.
public protocol PacketQueueing: Sendable {
  /// What became of packets so far.
  func counts() async throws(HostError) -> PacketCounts
  /// Decides on no more of them. To be called when no rule sends any here.
  func close() async throws(HostError)
}

/// Decides on the packets that a namespace's rules send to a queue, on a thread of its own: a hundred
/// thousand a second.
public final class PacketQueue: PacketQueueing {
  /// The queue's number.
  public static let number: UInt16 = 26_465
  /// What packets carry that went through it once.
  static let mark: UInt32 = 0x6761
  private static let longest: UInt32 = 100_000

  private let stop: CInt
  private let state: Mutex<PacketCounts>
  private let finished = AsyncStream.makeStream(of: Never.self)

  /// Takes the queue of the namespace at `namespace`, nil for this process's own.
  ///
  /// - Throws: `HostError.probe` when it cannot be had.
  public convenience init(
    _ conditions: LinkConditions, seed: UInt64, namespace: String?, host: String
  ) throws(HostError) {
    var step: CInt = 0
    func failure(_ what: String) -> HostError {
      .refused(host: host, reason: "\(what): \(String(cString: strerror(errno)))")
    }
    // Bytes are wanted of what is changed or sent again, of the others the header.
    let kept: UInt32 = conditions.duplicate + conditions.corrupt > 0 ? 65_535 : 64
    let queue = cl_queue_open(namespace, Self.number, kept, Self.longest, &step)
    guard queue >= 0 else { throw failure("packets cannot be queued") }
    let sender = cl_packet_socket(namespace, 4, Self.mark, &step)
    guard sender >= 0 else {
      let error = failure("packets cannot be sent")
      Glibc.close(queue)
      throw error
    }
    // None where the kernel has no IPv6: then none of its packets come.
    let senderOfSix = cl_packet_socket(namespace, 6, Self.mark, &step)
    var ends: [CInt] = [-1, -1]
    guard cl_pipe(&ends) == 0 else {
      let error = failure("no pipe can be had")
      Glibc.close(queue)
      Glibc.close(sender)
      if senderOfSix >= 0 { Glibc.close(senderOfSix) }
      throw error
    }
    self.init(
      PacketScheduler(
        queue: queue, sender: sender, senderOfSix: senderOfSix, stop: ends[0], kept: Int(kept),
        conditions: conditions,
        random: SplitMix64(seed: seed)), stop: ends[1])
  }

  private init(_ scheduler: PacketScheduler, stop: CInt) {
    self.stop = stop
    state = Mutex(PacketCounts())
    DispatchQueue(label: "gauntlet.packets").async { [self] in
      var scheduler = scheduler
      scheduler.run { counts in state.withLock { $0 = counts } }
      scheduler.close()
      finished.continuation.finish()
    }
  }

  deinit { Glibc.close(stop) }

  /// What became of packets so far.
  public func counts() -> PacketCounts { state.withLock { $0 } }

  /// Decides on no more of them; what still waits goes on at once.
  public func close() async {
    var byte: UInt8 = 0
    _ = write(stop, &byte, 1)
    for await _ in finished.stream {}
  }
}

/// When each packet goes on. Blocks its thread.
private struct PacketScheduler: Sendable {
  /// One that waits.
  struct Held: Comparable {
    var due: UInt64
    /// Those of one time go on as they came.
    var order: UInt64
    var id: UInt32
    /// What it is to be, when it is changed.
    var changed: [UInt8]?
    /// What is sent beside it.
    var twin: [UInt8]?

    static func < (left: Held, right: Held) -> Bool {
      (left.due, left.order) < (right.due, right.order)
    }
  }

  private static let batch = 64
  /// A link of a limited rate drops what would wait longer than that.
  private static let longestBacklog: UInt64 = 1_000_000_000

  let queue: CInt
  let sender: CInt
  let senderOfSix: CInt
  let stop: CInt
  /// How many bytes of each packet come along.
  let kept: Int
  let conditions: LinkConditions
  var random: SplitMix64
  private var held = Heap<Held>()
  private var counts = PacketCounts()
  private var order: UInt64 = 0
  /// When each sender's link is free again.
  private var free: [UInt64: UInt64] = [:]
  private var accepted: [UInt32] = []
  private var dropped: [UInt32] = []

  init(
    queue: CInt, sender: CInt, senderOfSix: CInt, stop: CInt, kept: Int, conditions: LinkConditions,
    random: SplitMix64
  ) {
    self.queue = queue
    self.sender = sender
    self.senderOfSix = senderOfSix
    self.stop = stop
    self.kept = kept
    self.conditions = conditions
    self.random = random
  }

  func close() {
    Glibc.close(queue)
    Glibc.close(sender)
    if senderOfSix >= 0 { Glibc.close(senderOfSix) }
    Glibc.close(stop)
  }

  /// Goes on until `stop` is written to.
  mutating func run(_ tell: (PacketCounts) -> Void) {
    // The kernel's messages are read in words.
    let slot = (kept + 512 + 7) & ~7
    let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: slot * Self.batch)
    defer { buffer.deallocate() }
    var packets = [cl_packet](repeating: cl_packet(), count: Self.batch)
    var isStopping = false
    while !isStopping {
      isStopping = wait()
      while true {
        let count = Int(
          cl_queue_receive(queue, &packets, CInt(Self.batch), buffer, slot))
        guard count > 0 else { break }
        let now = Self.now
        for packet in packets[..<count] { take(packet, now) }
        release(until: Self.now)
        tell(counts)
        if count < Self.batch { break }
      }
      release(until: isStopping ? .max : Self.now)
      tell(counts)
    }
  }

  /// Waits for a packet, for the time of the next that is held, or for the end: then true.
  private func wait() -> Bool {
    let now = Self.now
    let due = held.min?.due ?? now + 1_000_000_000
    return cl_queue_wait(queue, stop, due > now ? due - now : 0)
  }

  /// Nanoseconds of a clock that is never set.
  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  private mutating func happens(_ chance: Double) -> Bool {
    chance > 0 && Double.random(in: 0..<1, using: &random) < chance
  }

  private mutating func take(_ packet: cl_packet, _ now: UInt64) {
    counts.seen += 1
    if happens(conditions.loss) {
      counts.lost += 1
      dropped.append(packet.id)
      return
    }
    guard var due = departure(of: packet, now) else {
      counts.overflowed += 1
      dropped.append(packet.id)
      return
    }
    if conditions.delay > .zero {
      if happens(conditions.reorder) {
        counts.reordered += 1
      } else {
        due += latency()
      }
    }
    order += 1
    var held = Held(due: due, order: order, id: packet.id)
    if happens(conditions.duplicate) {
      counts.duplicated += 1
      held.twin = bytes(of: packet)
    }
    if happens(conditions.corrupt), let changed = corrupted(packet) {
      counts.corrupted += 1
      held.changed = changed
    }
    if due > now { counts.delayed += 1 }
    if due <= now, held.twin == nil, held.changed == nil, self.held.isEmpty {
      accepted.append(packet.id)
    } else {
      self.held.insert(held)
    }
  }

  private mutating func latency() -> UInt64 {
    let jitter = conditions.jitter / .nanoseconds(1)
    let delay = conditions.delay / .nanoseconds(1)
    guard jitter > 0 else { return UInt64(delay) }
    return UInt64(max(0, delay + Double.random(in: -jitter...jitter, using: &random)))
  }

  /// When its last bit leaves the sender; nil when too much waits before it.
  private mutating func departure(of packet: cl_packet, _ now: UInt64) -> UInt64? {
    guard let rate = conditions.bitsPerSecond else { return now }
    let sender = Self.source(of: packet)
    let begins = max(now, free[sender] ?? 0)
    guard begins - now <= Self.longestBacklog else { return nil }
    let ends = begins + UInt64(Double(packet.length) * 8 / rate * 1e9)
    free[sender] = ends
    return ends
  }

  /// The sender's address, as it stands in the header, or most of it; 0 for what has none.
  private static func source(of packet: cl_packet) -> UInt64 {
    guard let bytes = packet.bytes, packet.captured >= 20 else { return 0 }
    let header = UnsafeRawPointer(bytes)
    if bytes[0] >> 4 == 6, packet.captured >= 40 {
      return header.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        ^ header.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    }
    return UInt64(header.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
  }

  private func bytes(of packet: cl_packet) -> [UInt8]? {
    guard let bytes = packet.bytes, packet.captured == packet.length else { return nil }
    return Array(UnsafeBufferPointer(start: bytes, count: Int(packet.captured)))
  }

  /// A bit is changed of what comes after the network's header, which routers would have checked.
  private mutating func corrupted(_ packet: cl_packet) -> [UInt8]? {
    guard var bytes = bytes(of: packet), let first = bytes.first else { return nil }
    let header = first >> 4 == 6 ? 40 : Int(first & 0xf) * 4
    guard header < bytes.count else { return nil }
    let place = Int.random(in: header..<bytes.count, using: &random)
    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    return bytes
  }

  /// Lets go what is due, and tells the kernel all that is decided.
  private mutating func release(until now: UInt64) {
    while let next = held.min, next.due <= now {
      held.removeMin()
      if let changed = next.changed {
        // Before it come those that are to come before it.
        decide()
        _ = cl_queue_replace(queue, PacketQueue.number, next.id, changed, changed.count)
      } else {
        accepted.append(next.id)
      }
      if let twin = next.twin {
        decide()
        _ = cl_packet_send(twin[0] >> 4 == 6 ? senderOfSix : sender, twin, twin.count)
      }
    }
    decide()
  }

  /// Whether packets go on in the order in which they came: then those before one that goes on are gone.
  private var isInOrder: Bool {
    conditions.jitter == .zero && conditions.reorder == 0 && conditions.bitsPerSecond == nil
  }

  /// What is dropped goes first: it must not go on with those after it. A packet that the kernel does not
  /// know any more is gone, which is no harm.
  private mutating func decide() {
    if !dropped.isEmpty {
      _ = cl_queue_decide(queue, PacketQueue.number, dropped, CInt(dropped.count), false)
      dropped.removeAll(keepingCapacity: true)
    }
    guard let last = accepted.last else { return }
    if isInOrder, accepted.count > 1 {
      _ = cl_queue_accept_through(queue, PacketQueue.number, last)
    } else {
      _ = cl_queue_decide(queue, PacketQueue.number, accepted, CInt(accepted.count), true)
    }
    accepted.removeAll(keepingCapacity: true)
  }
}
