// The peer transport: asking other nodes over TCP, with a deadline on everything.

import NIOCore
import NIOPosix
import Raft
import Synchronization

/// Links to all peers, on one event loop.
final class PeerTransport: Network {
  private let identities: PeerIdentities
  private let loop: any EventLoop
  private let tls: TLS?
  private let links = Mutex<[NodeID: PeerLink]>([:])

  init(identities: PeerIdentities, loop: any EventLoop, tls: TLS?) {
    self.identities = identities
    self.loop = loop
    self.tls = tls
  }

  func membersChanged(to members: [Member]) {
    links.withLock { links in
      var next: [NodeID: PeerLink] = [:]
      for member in members where member.id != identities.node {
        guard let address = NodeAddress(member.address)?.peer else { continue }
        if let link = links[member.id], link.address == address {
          next[member.id] = link
        } else {
          let link = PeerLink(
            node: member.id, address: address, identities: identities, loop: loop, tls: tls)
          link.greet()
          next[member.id] = link
        }
      }
      for (id, link) in links where next[id] !== link { link.close() }
      links = next
    }
  }

  func requestVote(
    _ request: VoteRequest, of node: NodeID, reply: @escaping @Sendable (VoteResponse?) -> Void
  ) {
    ask(node, .voteRequest(request)) { answer in
      if case .voteResponse(let response) = answer { reply(response) } else { reply(nil) }
    }
  }

  func append(
    _ request: AppendRequest, to node: NodeID, reply: @escaping @Sendable (AppendResponse?) -> Void
  ) {
    ask(node, .appendRequest(request)) { answer in
      if case .appendResponse(let response) = answer { reply(response) } else { reply(nil) }
    }
  }

  func sendSnapshot(
    _ request: SnapshotRequest, to node: NodeID,
    reply: @escaping @Sendable (SnapshotResponse?) -> Void
  ) {
    ask(node, .snapshotRequest(request)) { answer in
      if case .snapshotResponse(let response) = answer { reply(response) } else { reply(nil) }
    }
  }

  func requestTransfer(_ request: TransferRequest, to node: NodeID) {
    ask(node, .transferRequest(request)) { _ in }
  }

  private func ask(
    _ node: NodeID, _ message: PeerMessage, reply: @escaping @Sendable (PeerMessage?) -> Void
  ) {
    guard let link = links.withLock({ $0[node] }) else { return reply(nil) }
    link.ask(message, reply: reply)
  }
}

/// The connection to one peer: made when it is needed, dropped when it disappoints. Everything in
/// it happens on its event loop.
final class PeerLink: Sendable {
  /// A connection that cannot be made within this time is given up.
  private static let connectDeadline = TimeAmount.milliseconds(200)
  /// After an attempt in vain nothing is tried for this long; twice as long each time.
  private static let backoff = (
    least: TimeAmount.milliseconds(20), most: TimeAmount.milliseconds(200)
  )
  /// A node that was never met is greeted again after this time.
  private static let patience = TimeAmount.seconds(1)
  /// So much may wait for a connection.
  private static let mostWaiting = 64

  private enum State {
    case idle
    case connecting([PeerQuestion])
    case connected(any Channel)
    case failed(until: NIODeadline, next: TimeAmount)
    case closed
  }

  let node: NodeID
  let address: Address
  private let identities: PeerIdentities
  private let loop: any EventLoop
  private let tls: TLS?
  private let state: NIOLoopBoundBox<State>
  private let number: NIOLoopBoundBox<UInt64>
  private let hasMet: NIOLoopBoundBox<Bool>
  private let willGreet: NIOLoopBoundBox<Bool>

  init(
    node: NodeID, address: Address, identities: PeerIdentities, loop: any EventLoop, tls: TLS?
  ) {
    self.identities = identities
    self.tls = tls
    self.node = node
    self.address = address
    self.loop = loop
    state = .makeBoxSendingValue(.idle, eventLoop: loop)
    number = .makeBoxSendingValue(0, eventLoop: loop)
    hasMet = .makeBoxSendingValue(false, eventLoop: loop)
    willGreet = .makeBoxSendingValue(false, eventLoop: loop)
  }

  /// Connects before there is anything to ask: nodes that met at the start know one another for
  /// good, and a wiped one is a stranger to all. Until they have met it is tried again and again.
  func greet() {
    onLoop { [self] in
      switch state.value {
      case .idle, .failed:
        state.value = .connecting([])
        connect(backoff: Self.backoff.least)
      case .connecting, .connected, .closed: break
      }
    }
  }

  /// One timer, however many attempts fail meanwhile.
  private func greetLater() {
    guard !hasMet.value, !willGreet.value else { return }
    willGreet.value = true
    loop.scheduleTask(in: Self.patience) { [self] in
      willGreet.value = false
      greet()
    }
  }

  func ask(_ message: PeerMessage, reply: @escaping @Sendable (PeerMessage?) -> Void) {
    onLoop { [self] in
      number.value += 1
      send(
        PeerQuestion(
          frame: PeerFrame(number: number.value, recipient: node, message: message), reply: reply),
        backoff: Self.backoff.least)
    }
  }

  func close() {
    onLoop { [self] in
      if case .connected(let channel) = state.value { channel.close(promise: nil) }
      if case .connecting(let waiting) = state.value {
        for question in waiting { question.reply(nil) }
      }
      state.value = .closed
    }
  }

  private func onLoop(_ body: @escaping @Sendable () -> Void) {
    if loop.inEventLoop { body() } else { loop.execute(body) }
  }

  private func send(_ question: PeerQuestion, backoff: TimeAmount) {
    switch state.value {
    case .connected(let channel) where channel.isActive:
      channel.writeAndFlush(question, promise: nil)
    case .connecting(var waiting) where waiting.count < Self.mostWaiting:
      waiting.append(question)
      state.value = .connecting(waiting)
    case .failed(let until, let next) where NIODeadline.now() >= until:
      state.value = .idle
      send(question, backoff: next)
    case .idle, .connected:
      state.value = .connecting([question])
      connect(backoff: backoff)
    case .connecting, .failed, .closed:
      question.reply(nil)
    }
  }

  private func connect(backoff: TimeAmount) {
    ClientBootstrap(group: loop)
      .connectTimeout(Self.connectDeadline)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { [tls, address, node, identities] channel in
        channel.eventLoop.makeCompletedFuture {
          if let tls {
            try channel.pipeline.syncOperations.addHandler(tls.connecting(to: address.host))
          }
          try channel.pipeline.syncOperations.addHandlers(
            ByteToMessageHandler(PeerFrameDecoder()),
            PeerGreeter(node: node, identities: identities, on: channel.eventLoop),
            PeerQuestions())
        }
      }
      .connect(host: address.host, port: address.port)
      .flatMap { channel in
        // A name may stand for several addresses, and each has a channel of its own.
        do {
          let greeter = try channel.pipeline.syncOperations.handler(type: PeerGreeter.self)
          return greeter.isGreeted.futureResult.map { channel }
        } catch {
          channel.close(promise: nil)
          return channel.eventLoop.makeFailedFuture(error)
        }
      }
      .whenComplete { [self] result in
        guard case .connecting(let waiting) = state.value else {
          if case .success(let channel) = result { channel.close(promise: nil) }
          return
        }
        switch result {
        case .success(let channel):
          hasMet.value = true
          state.value = .connected(channel)
          for question in waiting { channel.write(question, promise: nil) }
          channel.flush()
        case .failure:
          greetLater()
          state.value = .failed(
            until: .now() + backoff, next: min(backoff * 2, Self.backoff.most))
          for question in waiting { question.reply(nil) }
        }
      }
  }
}

/// A frame on its way out, and who waits for the answer.
private struct PeerQuestion: Sendable {
  var frame: PeerFrame
  var reply: @Sendable (PeerMessage?) -> Void
}

/// Pairs answers with questions. Every reply is called: by an answer, the deadline, or the end.
private final class PeerQuestions: ChannelDuplexHandler {
  typealias InboundIn = PeerFrame
  typealias OutboundIn = PeerQuestion
  typealias OutboundOut = ByteBuffer

  /// An answer later than this is worth nothing: the connection is given up, because after a cut
  /// TCP's own back-off would keep it dead for about as long as the cut lasted.
  private static let deadline = TimeAmount.milliseconds(400)
  /// A part of a snapshot may take a slow disk longer.
  private static let snapshotDeadline = TimeAmount.seconds(5)
  /// What is sent and synced at least: a large entry must not be late each time it is sent.
  private static let bytesPerMillisecond = 4000

  private var open: [UInt64: (reply: @Sendable (PeerMessage?) -> Void, deadline: NIODeadline)] = [:]
  private var isClosed = false
  private var check: Scheduled<Void>?

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let question = unwrapOutboundIn(data)
    guard !isClosed, context.channel.isActive else {
      question.reply(nil)
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch question.frame.message {
    case .transferRequest: question.reply(nil)
    case .snapshotRequest:
      open[question.frame.number] = (question.reply, .now() + Self.snapshotDeadline)
    case .appendRequest(let request):
      let bytes = request.entries.reduce(0) { $0 + $1.size }
      let time = Self.deadline + .milliseconds(Int64(bytes / Self.bytesPerMillisecond))
      open[question.frame.number] = (question.reply, .now() + time)
    default: open[question.frame.number] = (question.reply, .now() + Self.deadline)
    }
    if check == nil { scheduleCheck(context) }
    var buffer = context.channel.allocator.buffer(capacity: 256)
    question.frame.write(to: &buffer)
    context.write(wrapOutboundOut(buffer), promise: promise)
  }

  /// One timer for all questions: a timer each would cost more than the questions.
  private func scheduleCheck(_ context: ChannelHandlerContext) {
    let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    check = context.eventLoop.scheduleTask(in: .milliseconds(50)) {
      let (handler, context) = loopBound.value
      handler.check = nil
      guard !handler.isClosed else { return }
      let now = NIODeadline.now()
      if handler.open.values.contains(where: { $0.deadline <= now }) {
        handler.failAll()
        context.close(promise: nil)
      } else if !handler.open.isEmpty {
        handler.scheduleCheck(context)
      }
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let frame = unwrapInboundIn(data)
    guard let question = open.removeValue(forKey: frame.number) else { return }
    question.reply(frame.message)
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
    check?.cancel()
    let waiting = open.values
    open = [:]
    for question in waiting { question.reply(nil) }
  }
}
