// Serves the other nodes: answers requests as they become ready, for a heartbeat need not wait for
// a slow disk's append.

import NIOCore
import Raft

/// Answers the frames of one connection, behind a `PeerDoor`.
final class PeerListener: ChannelInboundHandler {
  typealias InboundIn = PeerFrame
  typealias OutboundOut = ByteBuffer

  private let own: NodeID
  private let raft: Raft

  init(own: NodeID, raft: Raft) {
    self.own = own
    self.raft = raft
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    let channel = context.channel
    let answer: @Sendable (PeerMessage) -> Void = { message in
      let reply = PeerFrame(number: frame.number, recipient: NodeID(0), message: message)
      var buffer = channel.allocator.buffer(capacity: 64)
      reply.write(to: &buffer)
      channel.writeAndFlush(buffer, promise: nil)
    }
    guard frame.recipient == own else { return answer(.refusal) }
    switch frame.message {
    case .voteRequest(let request):
      raft.handle(request) { answer((try? $0.get()).map { .voteResponse($0) } ?? .refusal) }
    case .appendRequest(let request):
      raft.handle(request) { answer((try? $0.get()).map { .appendResponse($0) } ?? .refusal) }
    case .snapshotRequest(let request):
      raft.handle(request) { answer((try? $0.get()).map { .snapshotResponse($0) } ?? .refusal) }
    case .transferRequest(let request): raft.handle(request)
    case .voteResponse, .appendResponse, .snapshotResponse, .refusal, .greeting:
      answer(.refusal)
    }
  }

  /// Who breaks the protocol or goes away ends the own connection, and no more.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}
