// Chromium without a screen: what becomes of a page once its script has run.

import Foundation
import Testing

enum Browser {
  /// What the document has become once the page has run and then `script`, inside its module.
  /// Pages stay in the folder that `REPORT_PAGES` names, if set.
  static func opened(_ page: [UInt8], as name: String, then script: String = "") throws -> String {
    let folder =
      ProcessInfo.processInfo.environment["REPORT_PAGES"].map { URL(filePath: $0) }
      ?? FileManager.default.temporaryDirectory.appending(path: "report-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer {
      if ProcessInfo.processInfo.environment["REPORT_PAGES"] == nil {
        #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) }
      }
    }
    let file = folder.appending(path: "\(name).html")
    let marker = Data("\nstart();\n".utf8)  // the last line of the module
    var bytes = Data(page)
    let last = try #require(bytes.range(of: marker, options: .backwards), "\(name): no script")
    bytes.insert(contentsOf: Array((script + "\n").utf8), at: last.upperBound)
    try bytes.write(to: file)

    let profile = folder.appending(path: "\(name)-profile")
    let browser = Foundation.Process()
    browser.executableURL = URL(filePath: "/usr/bin/timeout")
    browser.arguments = [
      "100", "/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--user-data-dir=\(profile.path)", "--dump-dom", file.absoluteString,
    ]
    let output = Pipe()
    browser.standardOutput = output
    browser.standardError = FileHandle.nullDevice
    try browser.run()
    let document = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    browser.waitUntilExit()
    // Chromium's crash handler may still write there; a leftover is no failure of the page.
    try? FileManager.default.removeItem(at: profile)

    try #require(browser.terminationStatus == 0, "chromium failed on \(file.path)")
    let root = try #require(document.range(of: "<html"), "no document of \(file.path)")
    let tag = document[root.lowerBound...].prefix { $0 != ">" }
    #expect(tag.contains("data-ready=\"true\""), "\(name): \(tag)")
    #expect(!tag.contains("data-error"), "\(name): \(tag)")
    return document
  }
}
