// The two listeners: one for clients, one for peers.

import NIOCore
import NIOPosix
import Raft
import RedisProtocol

/// Accepts connections whose bytes a decoder splits into messages.
struct Listener<Message: Sendable>: Sendable {
  typealias Connection = NIOAsyncChannel<Message, ByteBuffer>

  private let channel: NIOAsyncChannel<Connection, Never>

  /// Binds to `address`; each connection gets a decoder of its own.
  init<Decoder: NIOSingleStepByteToMessageDecoder>(
    address: Address, group: any EventLoopGroup, decoder: @escaping @Sendable () -> Decoder
  ) async throws where Decoder.InboundOut == Message {
    channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(AcceptErrors())
        }
      }
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .bind(host: address.host, port: address.port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(decoder()))
          return try Connection(wrappingChannelSynchronously: channel)
        }
      }
  }

  /// Serves all connections at once, until cancelled.
  func serve(
    _ body:
      @escaping @Sendable (
        NIOAsyncChannelInboundStream<Message>, NIOAsyncChannelOutboundWriter<ByteBuffer>
      ) async throws -> Void
  ) async throws {
    try await channel.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { tasks in
        for try await connection in connections {
          tasks.addTask {
            // Who breaks the protocol or goes away ends the own connection, and no more.
            try? await connection.executeThenClose { try await body($0, $1) }
          }
        }
      }
    }
  }
}

/// Keeps a listener going when one connection cannot be accepted, as when descriptors run out: it
/// takes a breath, in which others may close.
private final class AcceptErrors: ChannelInboundHandler {
  typealias InboundIn = any Channel

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let channel = context.channel
    channel.setOption(.autoRead, value: false).whenComplete { _ in
      channel.eventLoop.scheduleTask(in: .milliseconds(100)) {
        channel.setOption(.autoRead, value: true)
      }
    }
  }
}

/// Serves the Redis protocol: each connection's requests one after the other.
enum ClientListener {
  static func serve(_ listener: Listener<RESPValue>, commands: RedisCommands) async throws {
    try await listener.serve { requests, replies in
      for try await request in requests {
        try await replies.write(ByteBuffer(bytes: await commands.reply(to: request)))
      }
    }
  }
}

/// Serves the other nodes.
enum PeerListener {
  /// Answers requests as they become ready: a heartbeat need not wait for a slow disk's append.
  static func serve(_ listener: Listener<PeerFrame>, raft: Raft) async throws {
    try await listener.serve { frames, replies in
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
