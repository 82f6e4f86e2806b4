// The two listeners: one for clients, one for peers.

import NIOCore
import NIOPosix
import Raft
import RedisProtocol

/// Serves the Redis protocol.
enum ClientListener {
  typealias Connection = NIOAsyncChannel<RESPValue, ByteBuffer>

  static func bind(
    to address: Address, group: any EventLoopGroup
  ) async throws -> NIOAsyncChannel<Connection, Never> {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .bind(host: address.host, port: address.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ByteToMessageHandler(RESPDecoder()))
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
  }

  /// Answers each connection's requests one after the other, all connections at once.
  static func serve(
    _ listener: NIOAsyncChannel<Connection, Never>, commands: RedisCommands
  ) async throws {
    try await listener.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { tasks in
        for try await connection in connections {
          tasks.addTask {
            // A client that breaks the protocol or goes away ends its own connection, no more.
            try? await connection.executeThenClose { requests, replies in
              for try await request in requests {
                try await replies.write(ByteBuffer(bytes: await commands.reply(to: request)))
              }
            }
          }
        }
      }
    }
  }
}

/// Serves the other nodes.
enum PeerListener {
  typealias Connection = NIOAsyncChannel<PeerFrame, ByteBuffer>

  static func bind(
    to address: Address, group: any EventLoopGroup
  ) async throws -> NIOAsyncChannel<Connection, Never> {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
      .bind(host: address.host, port: address.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(PeerFrameDecoder()))
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
  }

  /// Answers requests as they become ready: a heartbeat need not wait for a slow disk's append.
  static func serve(
    _ listener: NIOAsyncChannel<Connection, Never>, raft: Raft
  ) async throws {
    try await listener.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { tasks in
        for try await connection in connections {
          tasks.addTask {
            // A peer that breaks the protocol or goes away ends its own connection, no more.
            try? await serve(connection, raft: raft)
          }
        }
      }
    }
  }

  private static func serve(_ connection: Connection, raft: Raft) async throws {
    try await connection.executeThenClose { frames, replies in
      try await withThrowingDiscardingTaskGroup { tasks in
        for try await frame in frames {
          tasks.addTask {
            let answer = PeerFrame(
              number: frame.number, recipient: NodeID(0),
              message: await answer(to: frame, raft: raft))
            var buffer = ByteBuffer()
            answer.write(to: &buffer)
            try await replies.write(buffer)
          }
        }
      }
    }
  }

  private static func answer(to frame: PeerFrame, raft: Raft) async -> PeerMessage {
    // A node that took over another's address must not vote or acknowledge in its name.
    guard frame.recipient == raft.status.id else { return .refusal }
    do {
      switch frame.message {
      case .voteRequest(let request): return .voteResponse(try await raft.handle(request))
      case .appendRequest(let request): return .appendResponse(try await raft.handle(request))
      case .voteResponse, .appendResponse, .refusal: return .refusal
      }
    } catch {
      return .refusal
    }
  }
}
