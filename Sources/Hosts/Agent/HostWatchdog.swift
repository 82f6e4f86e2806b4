// The watchdog of a run on a host: the parent of its nodes and the keeper of its ledger. It undoes
// everything when the controller is silent for too long, whatever became of the agent.

import CLinux
import FoundationEssentials
import Glibc

/// A process of one thread in a session of its own, that waits for requests on a socket.
public struct HostWatchdog {
  /// One that speaks to it.
  private struct Client {
    let descriptor: CInt
    var splitter = LineSplitter()
    /// What it has not taken yet.
    var unsent: [UInt8] = []
  }

  /// A process that it started.
  private struct Running {
    let child: Child
    /// Who is told of its end.
    let client: CInt
    var log: BoundedLog?
    /// Whether we killed it, so that nothing else did.
    var isKilled = false
    /// How often the kernel had killed for want of memory when it began.
    let outOfMemoryBefore: UInt64
  }

  private let folder: LedgerFolder
  private let leaseSeconds: Double
  private let listener: CInt
  private var ledger: Ledger
  private var clients: [Client] = []
  private var running: [Running] = []
  private var lastHeard = Moment.now
  private var isEnding = false

  /// Starts one for `run` in the background, unless there is one. Returns when it listens.
  ///
  /// - Throws: `LedgerError` when it cannot be.
  public static func ensure(for run: String, leaseSeconds: Double, agent: String)
    throws(LedgerError)
  {
    let folder = try LedgerFolder(run: run)
    if let descriptor = connect(to: folder) {
      close(descriptor)
      return
    }
    let words = ["watch", "--run", run, "--lease", "\(leaseSeconds)"]
    // With nothing of ours open: a connection that it kept could not end.
    let child = try Child.start(Command(agent, words), diesWithUs: false)
    let end = Moment.now + 10
    while Moment.now < end {
      if let descriptor = connect(to: folder) {
        close(descriptor)
        return
      }
      if let exit = child.exit {
        throw LedgerError("the watchdog \(exit) at its start; read \(folder.log)")
      }
      usleep(5000)
    }
    throw LedgerError("the watchdog does not listen; read \(folder.log)")
  }

  /// A connection to the watchdog of `folder`; nil when there is none.
  static func connect(to folder: LedgerFolder) -> CInt? {
    LocalSocket.make(at: folder.socket, Glibc.connect)
  }

  /// Becomes the watchdog of `run`. What a watchdog before left in the ledger it takes over, and undoes
  /// at its end.
  ///
  /// - Throws: `LedgerError` when it cannot listen, or keep its ledger.
  public init(run: String, leaseSeconds: Double) throws(LedgerError) {
    folder = try LedgerFolder(run: run)
    self.leaseSeconds = leaseSeconds
    try folder.make()
    let log = open(folder.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    if log >= 0 { dup2(log, STDERR_FILENO) }
    ledger = Ledger(reading: folder)
    try ledger.open()
    _ = cl_become_subreaper()
    unlink(folder.socket)
    guard let listener = LocalSocket.make(at: folder.socket, bind), listen(listener, 16) == 0 else {
      throw .system("listening at \(folder.socket)")
    }
    self.listener = listener
    signal(SIGPIPE, SIG_IGN)
    for number in [SIGHUP, SIGINT, SIGTERM] { signal(number, SIG_IGN) }
  }

  /// Serves until it is told to end, or the lease runs out. Everything is undone then.
  public mutating func run() {
    while !isEnding, Moment.now - lastHeard < leaseSeconds { step() }
    end()
  }

  private mutating func step() {
    // Descriptors: the listener, the clients, the processes, their pipes.
    var watched = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
    for client in clients {
      let events = POLLIN | (client.unsent.isEmpty ? 0 : POLLOUT)
      watched.append(pollfd(fd: client.descriptor, events: Int16(events), revents: 0))
    }
    for running in running {
      watched.append(pollfd(fd: running.child.descriptor, events: Int16(POLLIN), revents: 0))
      if let log = running.log {
        watched.append(pollfd(fd: log.pipe, events: Int16(POLLIN), revents: 0))
      }
    }
    let left = max(0.01, min(1, leaseSeconds - (Moment.now - lastHeard)))
    guard poll(&watched, nfds_t(watched.count), CInt(left * 1000)) > 0 else {
      return reapStrangers()
    }
    let ready = Set(watched.filter { $0.revents != 0 }.map(\.fd))
    for place in running.indices {
      guard let log = running[place].log, ready.contains(log.pipe) else { continue }
      if !running[place].log!.pump() {
        log.close()
        running[place].log = nil
      }
    }
    for ended in running.map(\.child.descriptor) where ready.contains(ended) { noteEnd(of: ended) }
    for client in clients.map(\.descriptor) where ready.contains(client) { serve(client) }
    if ready.contains(listener) { accept() }
    reapStrangers()
  }

  private func reapStrangers() {
    let own = running.map(\.child.process)
    cl_reap_others(own, own.count)
  }

  private mutating func accept() {
    let descriptor = Glibc.accept(listener, nil, nil)
    guard descriptor >= 0 else { return }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    clients.append(Client(descriptor: descriptor))
  }

  private mutating func serve(_ descriptor: CInt) {
    guard let place = clients.firstIndex(where: { $0.descriptor == descriptor }) else { return }
    flush(place)
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    let count = read(descriptor, &buffer, buffer.count)
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0, let lines = clients[place].splitter.take(buffer[..<count]) else {
      close(descriptor)
      clients.remove(at: place)
      return
    }
    for line in lines {
      guard let request = AgentLine.decode(AgentRequest.self, line),
        case .watchdog(let task) = request.body
      else { continue }
      send(AgentAnswer(id: request.id, answer(task, for: descriptor)), to: descriptor)
    }
  }

  private mutating func send(_ answer: AgentAnswer, to descriptor: CInt) {
    guard let place = clients.firstIndex(where: { $0.descriptor == descriptor }) else { return }
    clients[place].unsent += AgentLine.encode(answer)
    flush(place)
  }

  private mutating func flush(_ place: Int) {
    while !clients[place].unsent.isEmpty {
      let count = clients[place].unsent.withUnsafeBytes {
        write(clients[place].descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else { return }
      clients[place].unsent.removeFirst(count)
    }
  }
}

// What it is asked.
extension HostWatchdog {
  private mutating func answer(_ request: WatchdogRequest, for client: CInt) -> AgentAnswer.Body {
    do throws(LedgerError) {
      switch request {
      case .start(let command, let log, let mostBytes):
        return .started(process: try start(command, log, mostBytes, for: client))
      case .signal(let process, let signal):
        guard let place = running.firstIndex(where: { $0.child.process == process }) else {
          return .signalled(false)
        }
        let isHit = try running[place].child.signal(signal)
        if isHit, signal == .kill { running[place].isKilled = true }
        return .signalled(isHit)
      case .note(let key, let undo):
        if !ledger.undos.contains(where: { $0.key == key }) {
          try ledger.add(.note(key: key, undo))
        }
      case .undo(let key):
        if let entry = ledger.undos.first(where: { $0.key == key }) { try ledger.undo(entry) }
      case .renew: lastHeard = Moment.now
      case .status:
        return .status(
          WatchdogStatus(
            process: getpid(), running: running.map(\.child.process),
            noted: ledger.undos.map(\.key),
            silentSeconds: Moment.now - lastHeard, leaseSeconds: leaseSeconds))
      case .end: isEnding = true
      }
      return .done
    } catch {
      return .failed(error.description)
    }
  }

  private mutating func start(
    _ command: Command, _ path: String, _ mostBytes: Int, for client: CInt
  ) throws(LedgerError) -> Int32 {
    let before = Self.outOfMemoryKills
    let log = try BoundedLog(path: path, mostBytes: mostBytes)
    let child: Child
    do {
      child = try Child.start(
        command, output: log.writing, errors: log.writing, diesWithUs: true)
    } catch {
      log.close()
      throw error
    }
    log.closeWriting()
    if let began = ProcessTable.look(child.process)?.beganAt {
      do throws(LedgerError) {
        try ledger.add(.process(child.process, beganAt: began))
      } catch {
        child.reapNow()
        log.close()
        throw error
      }
    }
    running.append(
      Running(child: child, client: client, log: log, outOfMemoryBefore: before))
    return child.process
  }

  private mutating func noteEnd(of descriptor: CInt) {
    guard let place = running.firstIndex(where: { $0.child.descriptor == descriptor }),
      let exit = running[place].child.exit
    else { return }
    var ended = running.remove(at: place)
    ended.child.reap()
    _ = ended.log?.pump()
    ended.log?.close()
    let isKill = exit == .signalled(Signal.kill.rawValue, coreDumped: false)
    let isOutOfMemory =
      isKill && !ended.isKilled && Self.outOfMemoryKills > ended.outOfMemoryBefore
    let answer = AgentAnswer.Body.ended(
      process: ended.child.process, isOutOfMemory ? .outOfMemory : exit)
    send(AgentAnswer(id: 0, answer), to: ended.client)
  }

  /// How often the kernel has killed for want of memory since it started.
  private static var outOfMemoryKills: UInt64 {
    let text = FileManager.default.contents(atPath: "/proc/vmstat").map {
      String(decoding: $0, as: UTF8.self)
    }
    let line = text?.split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
    return line?.split(separator: " ").last.flatMap { UInt64($0) } ?? 0
  }

  /// Kills, undoes, and ends. What cannot be undone is tried again for a while, and stays in the ledger
  /// for `gauntlet heal` then.
  private mutating func end() {
    for entry in running { entry.child.reapNow() }
    running = []
    for _ in 0..<20 {
      for failure in ledger.undoAll().failures {
        writeAll("gauntlet-agent: \(failure)\n".utf8, to: STDERR_FILENO)
      }
      if ledger.undos.isEmpty { break }
      usleep(500_000)
    }
    if ledger.undos.isEmpty { folder.remove() } else { unlink(folder.socket) }
    for client in clients { close(client.descriptor) }
    close(listener)
  }
}

extension Child {
  /// Kills it, and waits until it is gone.
  fileprivate func reapNow() {
    kill(-process, SIGKILL)
    _ = cl_pidfd_signal(descriptor, SIGKILL)
    let end = Moment.now + 5
    while exit == nil, Moment.now < end { usleep(1000) }
    reap()
  }
}

/// A log that is fed through a pipe, so that it ends where it has grown too long.
private struct BoundedLog {
  let pipe: CInt
  let writing: CInt
  private let file: CInt
  private var left: Int
  private var isCut = false

  init(path: String, mostBytes: Int) throws(LedgerError) {
    file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .system("opening \(path)") }
    do throws(LedgerError) {
      (pipe, writing) = try Child.pipe()
    } catch {
      Glibc.close(file)
      throw error
    }
    _ = fcntl(pipe, F_SETFL, O_NONBLOCK)
    var status = stat()
    left = max(0, mostBytes - (fstat(file, &status) == 0 ? Int(status.st_size) : 0))
  }

  /// Moves what lies in the pipe; false when nobody can write to it any more.
  mutating func pump() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    for _ in 0..<16 {
      let count = read(pipe, &buffer, buffer.count)
      guard count > 0 else { return count < 0 }
      let kept = min(count, left)
      left -= kept
      append(buffer[..<kept])
      if kept < count, !isCut {
        isCut = true
        append(Array("\n(the log ends here: it had grown as long as it may)\n".utf8)[...])
      }
    }
    return true
  }

  /// A disk that is full must not end the watchdog: what it does not take is lost.
  private func append(_ bytes: ArraySlice<UInt8>) {
    _ = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
  }

  func closeWriting() { Glibc.close(writing) }

  func close() {
    Glibc.close(pipe)
    Glibc.close(file)
  }
}
