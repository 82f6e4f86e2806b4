// Whole histories from bytes that nobody vouches for.

import Glibc

extension History {
  /// Reads a history in the native format from the file at `path`.
  ///
  /// - Complexity: linear; holds the file and its operations in memory.
  /// - Throws: `HistoryError` with file, line and reason. A last line without its end, as a
  ///   killed recorder leaves it, is skipped and noted instead.
  public init(file path: String) throws(HistoryError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let what = errno == ENOENT ? "no such file" : String(cString: strerror(errno))
      throw HistoryError(file: path, reason: .file("\(what); give the path of a history"))
    }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, name: path)
  }

  /// Reads a history in the native format from an open descriptor, which may be a pipe, to its end;
  /// `name` stands in errors.
  ///
  /// - Throws: `HistoryError` with the line and the reason.
  public init(descriptor: CInt, name: String) throws(HistoryError) {
    // Not Foundation's reading: it refuses pipes.
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        let what = errno == EISDIR ? "a folder without a history" : String(cString: strerror(errno))
        throw HistoryError(file: name, reason: .file("\(what); give the path of a history"))
      }
      if count == 0 { break }
      bytes.append(contentsOf: chunk[..<count])
    }
    try self.init(bytes: bytes, name: name)
  }

  /// Reads a history in the native format from `bytes`; `name` stands in errors.
  ///
  /// - Throws: `HistoryError` with the line and the reason.
  public init(bytes: some Sequence<UInt8>, name: String) throws(HistoryError) {
    let result: Result<History, HistoryError>? = bytes.withContiguousStorageIfAvailable { bytes in
      Result { () throws(HistoryError) in try Self.read(bytes, name: name) }
    }
    if let result {
      self = try result.get()
    } else {
      self = try Array(bytes).withUnsafeBufferPointer { bytes in
        Result { () throws(HistoryError) in try Self.read(bytes, name: name) }
      }.get()
    }
  }

  private static func read(
    _ bytes: UnsafeBufferPointer<UInt8>, name: String
  ) throws(HistoryError) -> History {
    // Text has no NUL: one look at the start tells a picture or an archive from a history.
    guard !bytes.prefix(4096).contains(0) else { throw HistoryError(file: name, reason: .binary) }
    var builder = HistoryBuilder(file: name)
    var number = 0
    var start = 0
    while start < bytes.count {
      let rest = UnsafeBufferPointer(rebasing: bytes[start...])
      number += 1
      guard let length = rest.firstIndex(of: UInt8(ascii: "\n")) else {
        try addLast(rest, number: number, to: &builder, name: name)
        break
      }
      try add(
        UnsafeBufferPointer(rebasing: rest[..<length]), number: number, to: &builder, name: name)
      start += length + 1
    }
    guard !builder.isEmpty else { throw HistoryError(file: name, reason: .empty) }
    return builder.history
  }

  private static func add(
    _ line: UnsafeBufferPointer<UInt8>, number: Int, to builder: inout HistoryBuilder, name: String
  ) throws(HistoryError) {
    guard line.contains(where: { $0 > 0x20 }) else { return }
    switch try JSONLines.line(line, file: name, number: number) {
    case .header(let header):
      guard builder.isEmpty else {
        throw HistoryError(
          file: name, line: number, reason: .header("stands after events; it must be first"))
      }
      builder.setHeader(header)
    case .event(let event): try builder.add(event, line: number)
    }
  }

  /// The last line when no newline ends it. Whole, it counts; torn, it is what a recorder leaves
  /// that was killed in the middle of a write, and nothing of it can be trusted.
  private static func addLast(
    _ line: UnsafeBufferPointer<UInt8>, number: Int, to builder: inout HistoryBuilder, name: String
  ) throws(HistoryError) {
    do {
      _ = try JSONLines.line(line, file: name, number: number)
    } catch {
      guard case .json = error.reason, !builder.isEmpty else { throw error }
      builder.note("\(name):\(number): the last line is torn and was skipped")
      return
    }
    try add(line, number: number, to: &builder, name: name)
  }
}
