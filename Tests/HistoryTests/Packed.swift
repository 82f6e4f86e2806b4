// gzip, for tests: what zlib's other half makes of bytes.

import CZlib

/// `bytes` as one gzip member, as small as `level` of 1 to 9 makes it.
func packed(_ bytes: [UInt8], level: CInt = 1) -> [UInt8] {
  var stream = z_stream()
  _ = deflateInit2_(
    &stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
    CInt(MemoryLayout<z_stream>.size))
  defer { deflateEnd(&stream) }
  var input = bytes
  var output = [UInt8](repeating: 0, count: bytes.count + 1024)
  let written = input.withUnsafeMutableBufferPointer { input in
    output.withUnsafeMutableBufferPointer { output in
      stream.next_in = input.baseAddress
      stream.avail_in = CUnsignedInt(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = CUnsignedInt(output.count)
      precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END, "no space to pack")
      return output.count - Int(stream.avail_out)
    }
  }
  return Array(output[..<written])
}
