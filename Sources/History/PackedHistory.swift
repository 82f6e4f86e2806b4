// Histories packed for keeping: the native format, each event with how much later it is than the one before,
// in bzip2. A million operations take 13 MB. Reading them: ByteSource.swift.

import CBZip2
import Glibc

/// Histories packed for keeping.
public enum PackedHistory {
  /// Packs the history at `path`, in the native format, to a new file at `packed`, event by event, and sees
  /// that the same events are read back.
  ///
  /// - Throws: `HistoryError` when it cannot be read to its end or written, its end is torn, or it is not read
  ///   back the same; no new file is left then.
  /// - Complexity: some 30 µs for each event; constant memory.
  public static func pack(_ path: String, to packed: String) throws(HistoryError) {
    let file = try Packer(path: packed)
    do throws(HistoryError) {
      try write(path, to: file)
      try compare(path, packed)
    } catch {
      unlink(packed)
      throw error
    }
  }

  private static func write(_ path: String, to file: Packer) throws(HistoryError) {
    var stream = try Self.stream(path)
    var event = Self.noEvent
    var buffer: [UInt8] = []
    var before: (index: Int, time: Int64)?
    while try stream.read(into: &event) {
      if before == nil { JSONLines.append(stream.reader.header, to: &buffer) }
      let isNext = event.index == (before?.index ?? -1) + 1
      JSONLines.append(event, after: isNext ? before?.time ?? 0 : nil, to: &buffer)
      before = (event.index, event.time)
      guard buffer.count >= 1 << 18 else { continue }
      try file.write(buffer)
      buffer.removeAll(keepingCapacity: true)
    }
    guard before != nil, stream.reader.notes.isEmpty else {
      let what = stream.reader.notes.first ?? "no event is in it"
      throw HistoryError(file: path, reason: .file("\(what); it is not packed"))
    }
    try file.write(buffer)
    try file.close()
  }

  private static func compare(_ path: String, _ packed: String) throws(HistoryError) {
    var (one, other) = (try stream(path), try stream(packed))
    var (event, again) = (noEvent, noEvent)
    while true {
      let (isMore, isMoreAgain) = (try one.read(into: &event), try other.read(into: &again))
      guard isMore == isMoreAgain, !isMore || event == again else { break }
      guard !isMore else { continue }
      if one.reader.header == other.reader.header { return }
      break
    }
    throw HistoryError(
      file: path, reason: .file("is not read back as it was, packed; it stays as it is"))
  }

  private static func stream(_ path: String) throws(HistoryError) -> EventStream {
    let stream = try EventStream(
      ByteSource(path: path), name: path, options: ReadingOptions())
    guard stream.format == .jsonl else {
      throw HistoryError(file: path, reason: .file("only the native format is packed"))
    }
    return stream
  }

  private static var noEvent: Event {
    Event(index: 0, time: 0, process: .nemesis, type: .info, function: "")
  }
}

/// A file that is written in bzip2, by the library's own functions for files.
private final class Packer {
  private let path: String
  private var file: UnsafeMutablePointer<FILE>?
  private var stream: UnsafeMutableRawPointer?

  init(path: String) throws(HistoryError) {
    self.path = path
    file = fopen(path, "wxe")
    guard let file else { throw failure() }
    var error: CInt = 0
    stream = BZ2_bzWriteOpen(&error, file, 9, 0, 0)
    guard error == BZ_OK else { throw failure() }
  }

  deinit {
    var error: CInt = 0
    if let stream { BZ2_bzWriteClose(&error, stream, 1, nil, nil) }
    if let file { fclose(file) }
  }

  private func failure() -> HistoryError {
    HistoryError(
      file: path, reason: .file("cannot be written: \(String(cString: strerror(errno))); make room")
    )
  }

  func write(_ bytes: [UInt8]) throws(HistoryError) {
    var bytes = bytes
    var error: CInt = 0
    BZ2_bzWrite(&error, stream, &bytes, CInt(bytes.count))
    guard error == BZ_OK else { throw failure() }
  }

  /// Ends it, on disk.
  func close() throws(HistoryError) {
    var error: CInt = 0
    BZ2_bzWriteClose(&error, stream, 0, nil, nil)
    stream = nil
    guard error == BZ_OK, fflush(file) == 0, fsync(fileno(file)) == 0 else { throw failure() }
  }
}
