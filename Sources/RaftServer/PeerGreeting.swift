// The first words on a connection between two nodes: both say who they are, and neither goes on
// with a node it knows as another.

import FoundationEssentials
import NIOCore
import Raft

/// Who speaks, as the first frame of each side says.
struct PeerGreeting: Equatable, Sendable {
  var node: NodeID
  var identity: UUID
}

/// Why nothing is asked over a new connection.
struct PeerRefusal: Error {}

/// The connecting side: greets, and lets go ahead when the answer is from the node it is to reach.
/// Takes itself out of the pipeline then.
final class PeerGreeter: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = PeerFrame
  typealias OutboundOut = ByteBuffer

  /// As long as for any answer: a greeting whose node is new waits for two disks.
  private static let deadline = TimeAmount.milliseconds(400)

  private let node: NodeID
  private let identities: PeerIdentities
  /// Done when both know one another.
  let isGreeted: EventLoopPromise<Void>
  private var isAnswered = false
  private var timer: Scheduled<Void>?

  init(node: NodeID, identities: PeerIdentities, on loop: any EventLoop) {
    self.node = node
    self.identities = identities
    isGreeted = loop.makePromise()
  }

  func channelActive(context: ChannelHandlerContext) {
    let greeting = PeerGreeting(node: identities.node, identity: identities.own)
    var buffer = context.channel.allocator.buffer(capacity: 64)
    PeerFrame(number: 0, recipient: node, message: .greeting(greeting)).write(to: &buffer)
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    let channel = context.channel
    timer = context.eventLoop.scheduleTask(in: Self.deadline) { channel.close(promise: nil) }
    context.fireChannelActive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isAnswered else { return context.close(promise: nil) }
    isAnswered = true
    switch unwrapInboundIn(data).message {
    case .greeting(let answer) where answer.node == node: admit(answer, context)
    case .refusal:
      context.eventLoop.makeFutureWithTask { [node, identities] in
        try await identities.wasRefused(by: node)
      }.whenComplete { _ in }
      context.close(promise: nil)
    default: context.close(promise: nil)
    }
  }

  private func admit(_ answer: PeerGreeting, _ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.makeFutureWithTask { [node, identities] in
      try await identities.wasAdmitted(by: node)
      return try await identities.admit(node, answer.identity)
    }.whenComplete { result in
      let (greeter, context) = bound.value
      guard case .success(true) = result else { return context.close(promise: nil) }
      greeter.isGreeted.succeed()
      context.pipeline.syncOperations.removeHandler(greeter, promise: nil)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    // Of no effect where the greeting came to its end.
    isGreeted.fail(PeerRefusal())
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    identities.complaints.note(error, with: "\(node)")
    context.close(promise: nil)
  }
}

/// The accepting side: takes no frame before a greeting from a node it does not know as another.
final class PeerDoor: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = PeerFrame
  typealias InboundOut = PeerFrame
  typealias OutboundOut = ByteBuffer

  /// Who has not said who it is by then is no node.
  private static let deadline = TimeAmount.seconds(5)

  private let identities: PeerIdentities
  /// Those that have not said who they are, and those that have: the first must not shut out the others.
  private let strangers: Limit
  private let nodes: Limit
  private var isCounted = false
  private var isGreeted = false
  private var timer: Scheduled<Void>?

  init(identities: PeerIdentities, strangers: Limit, nodes: Limit) {
    self.identities = identities
    self.strangers = strangers
    self.nodes = nodes
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let channel = context.channel
    isCounted = strangers.enter()
    guard isCounted else { return channel.close(promise: nil) }
    timer = context.eventLoop.scheduleTask(in: Self.deadline) { channel.close(promise: nil) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    if isCounted { strangers.leave() }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    // A node that took over another's address must not vote or acknowledge in its name.
    guard !isGreeted, case .greeting(let greeting) = frame.message,
      frame.recipient == identities.node, greeting.node != identities.node
    else { return context.close(promise: nil) }
    isGreeted = true
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.makeFutureWithTask { [identities] in
      try await identities.admit(greeting.node, greeting.identity)
    }.whenComplete { result in
      let (door, context) = bound.value
      guard case .success(let isKnown) = result else { return context.close(promise: nil) }
      let own = PeerGreeting(node: door.identities.node, identity: door.identities.own)
      let answer = PeerFrame(
        number: frame.number, recipient: greeting.node,
        message: isKnown ? .greeting(own) : .refusal)
      var buffer = context.channel.allocator.buffer(capacity: 64)
      answer.write(to: &buffer)
      context.writeAndFlush(door.wrapOutboundOut(buffer), promise: nil)
      if isKnown, door.nodes.enter() {
        context.channel.closeFuture.whenComplete { [nodes = door.nodes] _ in nodes.leave() }
        context.pipeline.syncOperations.removeHandler(door, promise: nil)
      } else {
        context.close(promise: nil)
      }
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    identities.complaints.note(error, with: "a node at \(from(context))")
    context.close(promise: nil)
  }
}

/// The address at the other end, without the port, which is another each time.
func from(_ context: ChannelHandlerContext) -> String {
  context.remoteAddress?.ipAddress ?? "an unknown address"
}
