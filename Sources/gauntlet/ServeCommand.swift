// gauntlet serve: the dashboard.

import ArgumentParser
import Bench
import Dashboard
import FoundationEssentials

struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Show a store's runs and campaigns in a browser, those at work too.",
    discussion: """
      Only this machine reaches it. To go further, give --host, and a token in
      GAUNTLET_TOKEN: without one anybody who reaches the address could read what
      your systems logged. It talks plain HTTP; put a proxy with TLS before it.

      Nothing can be changed unless --writable is given.

      EXAMPLES
        gauntlet serve
        gauntlet serve --store /var/lib/gauntlet --port 9000
        GAUNTLET_TOKEN=$(openssl rand -hex 16) gauntlet serve --host 0.0.0.0
      """)

  @Option(help: "The address to listen at.")
  var host: String = "127.0.0.1"

  @Option(help: "The port; 0 for any that is free.")
  var port: Int = 8420

  @Flag(help: "Let runs be removed.")
  var writable = false

  @OptionGroup var store: StoreOption

  private static var token: String? {
    ProcessInfo.processInfo.environment["GAUNTLET_TOKEN"].flatMap { $0.isEmpty ? nil : $0 }
  }

  func validate() throws {
    guard (0...65535).contains(port) else {
      throw ValidationError("--port is a number from 0 to 65535.")
    }
  }

  func run() async throws {
    var dashboard = Dashboard(store: store.path)
    (dashboard.host, dashboard.port, dashboard.isWritable) = (host, port, writable)
    dashboard.token = Self.token
    if let token = dashboard.token {
      let isPlain = token.utf8.allSatisfy { byte in
        UInt8(ascii: "!") <= byte && byte <= UInt8(ascii: "~") && !"\";,\\&%+#=".utf8.contains(byte)
      }
      guard token.utf8.count >= 16, isPlain else {
        throw Failure.report(
          BenchError(
            "GAUNTLET_TOKEN: use at least 16 letters and digits, as `openssl rand -hex 16` gives"))
      }
    } else if !dashboard.isLocal {
      FileHandleOutput.standardError.write(
        "gauntlet: --host \(host): others may reach that; set GAUNTLET_TOKEN to a secret first\n")
      throw ExitCode(64)
    }
    do {
      let token = dashboard.token.map { "?token=\($0)" } ?? ""
      try await dashboard.run { address in
        FileHandleOutput.standardError.write("serving \(address)\(token) until Ctrl-C\n")
      }
    } catch  where "\(error)".contains("Address already in use") {
      throw Failure.report(
        BenchError("port \(port) is in use; give another with --port", isOfInput: true))
    } catch {
      throw Failure.report(error)
    }
  }
}
