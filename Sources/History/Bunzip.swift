// Unpacking bzip2 as a stream: streams one after another, in constant memory.

import CBZip2

/// libbz2's decompression over packed bytes that come in pieces.
final class Bunzip: Unpacking {
  // The library keeps the stream's address, so it lies still on the heap. Both are owned here.
  private let stream = UnsafeMutablePointer<bz_stream>.allocate(capacity: 1)
  private let packed = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 1 << 16)
  private var isOpen = false
  private var streams = 0

  init() { stream.initialize(to: bz_stream()) }

  deinit {
    if isOpen { BZ2_bzDecompressEnd(stream) }
    stream.deallocate()
    packed.deallocate()
  }

  func read(
    into space: UnsafeMutableBufferPointer<UInt8>,
    from input: (UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int
  ) throws(UnpackingFailure) -> Int {
    guard let base = space.baseAddress else { return 0 }
    return try base.withMemoryRebound(to: CChar.self, capacity: space.count) {
      (base) throws(UnpackingFailure) in
      stream.pointee.next_out = base
      stream.pointee.avail_out = CUnsignedInt(space.count)
      while stream.pointee.avail_out == CUnsignedInt(space.count) {
        if stream.pointee.avail_in == 0 {
          guard try refill(from: input) else {
            guard !isOpen, streams > 0 else { throw .broken("the packed data is cut off") }
            return 0
          }
        }
        if !isOpen { try open() }
        switch BZ2_bzDecompress(stream) {
        case BZ_OK: continue
        case BZ_STREAM_END:
          BZ2_bzDecompressEnd(stream)
          isOpen = false
          streams += 1
        case BZ_DATA_ERROR_MAGIC: throw .broken("after stream \(streams) it is no bzip2")
        case let code: throw .broken("bzip2 says \(code)")
        }
      }
      return space.count - Int(stream.pointee.avail_out)
    }
  }

  /// Begins the next stream where the one before has ended.
  private func open() throws(UnpackingFailure) {
    let (next, left) = (stream.pointee.next_in, stream.pointee.avail_in)
    let (out, room) = (stream.pointee.next_out, stream.pointee.avail_out)
    stream.pointee = bz_stream()
    guard BZ2_bzDecompressInit(stream, 0, 0) == BZ_OK else {
      throw .broken("stream \(streams + 1) cannot start")
    }
    isOpen = true
    (stream.pointee.next_in, stream.pointee.avail_in) = (next, left)
    (stream.pointee.next_out, stream.pointee.avail_out) = (out, room)
  }

  private func refill(
    from input: (UnsafeMutableBufferPointer<UInt8>) throws(HistoryError) -> Int
  ) throws(UnpackingFailure) -> Bool {
    let count: Int
    do throws(HistoryError) {
      let result: Result<Int, HistoryError> = packed.withMemoryRebound(to: UInt8.self) { space in
        Result { () throws(HistoryError) in try input(space) }
      }
      count = try result.get()
    } catch {
      throw .input(error)
    }
    stream.pointee.next_in = packed.baseAddress
    stream.pointee.avail_in = CUnsignedInt(count)
    return count > 0
  }
}
