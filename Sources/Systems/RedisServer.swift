// One Redis server of the machine's: what the bench's own speed is measured against.

import FoundationEssentials
import Hosts
import NIOCore
import RedisProtocol

/// A single `redis-server`, in memory.
public struct RedisServer: System {
  /// The executable.
  public let program: String
  /// Where clients connect.
  public let endpoints: [Endpoint]
  private let address: String
  /// The executable on its host.
  private let place: String

  private static let usualPlaces = ["/usr/bin/redis-server", "/usr/local/bin/redis-server"]

  /// The machine's own.
  public static var usualProgram: String? {
    usualPlaces.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// One server on `host`.
  ///
  /// - Throws: `SystemError` when there is no such program.
  public init(program: String?, host: any Host) throws(SystemError) {
    let candidates = program.map { [$0] } ?? Self.usualPlaces
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) })
    else {
      throw SystemError(
        "no redis-server at \(candidates.joined(separator: " or ")); "
          + "install Debian's redis-server, or name one with --build")
    }
    self.program = found
    place = host.place(of: found)
    address = host.address
    endpoints = [Endpoint(node: host.name, host: host.address, port: 6379)]
  }

  /// The command that runs the server without saving anything.
  public func command(node index: Int, data: String, as start: NodeStart) -> Command {
    Command(
      place,
      [
        "--bind", address, "--port", "6379", "--protected-mode", "no", "--save", "",
        "--appendonly", "no", "--dir", data,
      ])
  }

  /// The only node leads as soon as it answers.
  public func leaders(group: any EventLoopGroup) async -> [Leader] {
    let patience = Duration.milliseconds(150)
    guard
      let connection = try? await RedisConnection.connect(
        host: address, port: 6379, deadline: patience, group: group)
    else { return [] }  // it is down, and leads nobody
    defer { connection.close() }
    let answer = try? await connection.send(.command("PING"), deadline: patience)
    return answer == .simple("PONG") ? [Leader(index: 0, term: 0)] : []
  }
}
