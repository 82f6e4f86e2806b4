// The peer transport: asking other nodes over TCP, with a deadline on everything.

import NIOCore
import NIOPosix
import Raft

/// Where a node is reached.
public struct Address: Hashable, Sendable, CustomStringConvertible {
  /// Name or number of the host.
  public var host: String
  /// The port.
  public var port: Int

  /// `host`:`port`.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// The address that `host:port` spells.
  public init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65535).contains(port), colon > text.startIndex
    else { return nil }
    self.init(host: String(text[..<colon]), port: port)
  }

  /// `host:port`.
  public var description: String { "\(host):\(port)" }
}

/// Why a peer gave no answer.
enum PeerError: Error, Equatable {
  case unknownNode(NodeID)
  case timedOut
  case disconnected
  case refused
  case unexpectedAnswer
}

/// Links to all peers.
struct PeerTransport: Network {
  private let links: [NodeID: PeerLink]

  init(peers: [NodeID: Address], group: any EventLoopGroup) {
    links = Dictionary(
      uniqueKeysWithValues: peers.map { ($0, PeerLink(node: $0, address: $1, group: group)) })
  }

  func requestVote(_ request: VoteRequest, of node: NodeID) async throws -> VoteResponse {
    guard case .voteResponse(let response) = try await ask(node, .voteRequest(request)) else {
      throw PeerError.unexpectedAnswer
    }
    return response
  }

  func append(_ request: AppendRequest, to node: NodeID) async throws -> AppendResponse {
    guard case .appendResponse(let response) = try await ask(node, .appendRequest(request)) else {
      throw PeerError.unexpectedAnswer
    }
    return response
  }

  private func ask(_ node: NodeID, _ message: PeerMessage) async throws -> PeerMessage {
    guard let link = links[node] else { throw PeerError.unknownNode(node) }
    return try await link.ask(message)
  }
}

/// The connection to one peer: made when it is needed, dropped when it disappoints.
actor PeerLink {
  /// An answer later than this is worth nothing: the connection is given up, because after a cut
  /// TCP's own back-off would keep it dead for about as long as the cut lasted.
  static let deadline = TimeAmount.milliseconds(400)
  private static let connectDeadline = TimeAmount.milliseconds(200)

  private let node: NodeID
  private let address: Address
  private let group: any EventLoopGroup
  private var connection: Task<any Channel, any Error>?
  private var number: UInt64 = 0

  init(node: NodeID, address: Address, group: any EventLoopGroup) {
    self.node = node
    self.address = address
    self.group = group
  }

  func ask(_ message: PeerMessage) async throws -> PeerMessage {
    let channel = try await connected()
    number += 1
    let frame = PeerFrame(number: number, recipient: node, message: message)
    let promise = channel.eventLoop.makePromise(of: PeerMessage.self)
    // A channel that closes meanwhile drops what is written, handlers and all: only the write's own
    // promise tells of it.
    let written = channel.eventLoop.makePromise(of: Void.self)
    written.futureResult.whenFailure { _ in promise.fail(PeerError.disconnected) }
    channel.writeAndFlush(PeerQuestion(frame: frame, answer: promise), promise: written)
    switch try await promise.futureResult.get() {
    case .refusal: throw PeerError.refused
    case let answer: return answer
    }
  }

  private func connected() async throws -> any Channel {
    if let connection, let channel = try? await connection.value, channel.isActive {
      return channel
    }
    // Nobody cancels a connection attempt; its own deadline ends it, and all who wait share it.
    let attempt = Task { [address, group] in
      try await ClientBootstrap(group: group)
        .connectTimeout(Self.connectDeadline)
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandlers(
              ByteToMessageHandler(PeerFrameDecoder()), PeerQuestions())
          }
        }
        .connect(host: address.host, port: address.port).get()
    }
    connection = attempt
    return try await attempt.value
  }
}

/// A frame on its way out, and who waits for the answer.
private struct PeerQuestion: Sendable {
  var frame: PeerFrame
  var answer: EventLoopPromise<PeerMessage>
}

/// Pairs answers with questions. All promises are kept: by an answer, the deadline, or the end.
private final class PeerQuestions: ChannelDuplexHandler {
  typealias InboundIn = PeerFrame
  typealias OutboundIn = PeerQuestion
  typealias OutboundOut = ByteBuffer

  private var open: [UInt64: (answer: EventLoopPromise<PeerMessage>, deadline: Scheduled<Void>)] =
    [:]
  private var isClosed = false

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let question = unwrapOutboundIn(data)
    guard !isClosed else {
      promise?.fail(PeerError.disconnected)
      return
    }
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let deadline = context.eventLoop.scheduleTask(in: PeerLink.deadline) {
      let (handler, context) = loopBound.value
      guard let late = handler.open.removeValue(forKey: question.frame.number) else { return }
      late.answer.fail(PeerError.timedOut)
      context.close(promise: nil)
    }
    open[question.frame.number] = (question.answer, deadline)
    var buffer = context.channel.allocator.buffer(capacity: 256)
    question.frame.write(to: &buffer)
    context.write(wrapOutboundOut(buffer), promise: promise)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    guard let question = open.removeValue(forKey: frame.number) else { return }
    question.deadline.cancel()
    question.answer.succeed(frame.message)
  }

  func channelInactive(context: ChannelHandlerContext) {
    failAll()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    failAll()
    context.close(promise: nil)
  }

  private func failAll() {
    isClosed = true
    for question in open.values {
      question.deadline.cancel()
      question.answer.fail(PeerError.disconnected)
    }
    open = [:]
  }
}
