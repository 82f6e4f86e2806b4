// Unpacking gzip (RFC 1952) as a stream: members one after another, in constant memory.

import CZlib

/// zlib's inflate over packed bytes that come in pieces.
final class Gunzip: Unpacking {
  // zlib keeps the stream's address, so it lies still on the heap. Both are owned here.
  private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let packed = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 16)
  private var isBetweenMembers = false
  private var members = 0

  init() {
    stream.initialize(to: z_stream())
    // 15: the largest window; 16: a gzip header and trailer are read and checked.
    let status = inflateInit2_(
      stream, 15 + 16, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
    precondition(status == Z_OK, "inflate cannot start: \(status)")
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    packed.deallocate()
  }

  func read(
    into space: UnsafeMutableBufferPointer<UInt8>,
    from input: (UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int
  ) throws(UnpackingFailure) -> Int {
    stream.pointee.next_out = space.baseAddress
    stream.pointee.avail_out = CUnsignedInt(space.count)
    while stream.pointee.avail_out == CUnsignedInt(space.count) {
      if stream.pointee.avail_in == 0 {
        guard try refill(from: input) else {
          guard isBetweenMembers else { throw .broken("the packed data is cut off") }
          return 0
        }
      }
      if isBetweenMembers {
        try startMember()
        continue
      }
      let status = inflate(stream, Z_NO_FLUSH)
      switch status {
      case Z_OK, Z_BUF_ERROR: continue
      case Z_STREAM_END:
        isBetweenMembers = true
        members += 1
      default:
        let message = stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)"
        throw .broken(message)
      }
    }
    return space.count - Int(stream.pointee.avail_out)
  }

  private func refill(
    from input: (UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int
  ) throws(UnpackingFailure) -> Bool {
    let count: Int
    do { count = try input(packed) } catch { throw .input(error) }
    stream.pointee.next_in = packed.baseAddress
    stream.pointee.avail_in = CUnsignedInt(count)
    return count > 0
  }

  /// Begins the next member, after zeros if any: some tools pad what they write.
  private func startMember() throws(UnpackingFailure) {
    while stream.pointee.avail_in > 0, stream.pointee.next_in.pointee == 0 {
      stream.pointee.next_in += 1
      stream.pointee.avail_in -= 1
    }
    guard stream.pointee.avail_in > 0 else { return }
    guard inflateReset(stream) == Z_OK else { throw .broken("member \(members + 1) cannot start") }
    isBetweenMembers = false
  }
}
