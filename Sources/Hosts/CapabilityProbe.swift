// Finding out what a machine can do, by doing it where it does no harm.

import CLinux
import FoundationEssentials
import Glibc

/// A network namespace that nobody else is in, to try rules and queues in. Whoever has one is inside.
public struct ScratchNetwork: Sendable {
  /// Moves this process to a new one, which ends with it. To be called before there are threads.
  ///
  /// - Returns: nil when that is not allowed.
  public static func enter() -> ScratchNetwork? {
    cl_new_network() == 0 ? ScratchNetwork() : nil
  }

  /// The lab's, which ends with the lab.
  public static func ofLab() -> ScratchNetwork {
    precondition(Lab.isInside, "rules would be tried on this machine's own network")
    return ScratchNetwork()
  }

  private init() {}
}

/// Tries what faults need.
public enum CapabilityProbe {
  /// Tries everything, in a second or so, or only what has these names. Rules and queues are tried in
  /// `network` alone; without one they are taken for impossible.
  public static func run(
    in network: ScratchNetwork?, only names: Set<Ability.Name>? = nil
  ) async -> Capabilities {
    var kernel = utsname()
    uname(&kernel)
    var abilities: [Ability] = []
    for name in Ability.Name.allCases where names?.contains(name) ?? true {
      abilities.append(await find(name, network))
    }
    return Capabilities(
      kernel: text(&kernel.release), architecture: text(&kernel.machine),
      cores: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      memoryBytes: Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE))),
      abilities: abilities)
  }

  private static func find(_ name: Ability.Name, _ network: ScratchNetwork?) async -> Ability {
    switch name {
    case .privileges: return privileges(network)
    case .pidfd: return pidfd()
    case .iptables: return await rules(name, "iptables", network)
    case .ip6tables: return await rules(name, "ip6tables", network)
    case .reject:
      let reset = ["-w", "-A", "INPUT", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"]
      return await tried(name, Command("iptables", reset), network)
    case .queue:
      let queued = ["-w", "-A", "INPUT", "-p", "udp", "-j", "NFQUEUE", "--queue-num", "1"]
      return await tried(name, Command("iptables", queued + ["--queue-bypass"]), network)
    case .netem: return await queue(name, ["netem", "delay", "1ms"], network)
    case .tbf:
      let rate = ["tbf", "rate", "1mbit", "burst", "32kbit", "latency", "400ms"]
      return await queue(name, rate, network)
    case .fuse: return fuse()
    case .cpu, .memory: return controlGroup(name)
    case .timeNamespace: return timeNamespace()
    case .tcpdump: return await tried(name, Command("tcpdump", ["--version"]), network)
    }
  }

  private static func text<Field>(_ field: inout Field) -> String {
    withUnsafeBytes(of: &field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  private static func privileges(_ network: ScratchNetwork?) -> Ability {
    let user = geteuid() == 0 ? "root" : "user \(geteuid())"
    return Ability(
      name: .privileges, isThere: network != nil,
      detail: network != nil ? user : "\(user) may make no network namespace; sudo, or root, may")
  }

  private static func pidfd() -> Ability {
    let descriptor = cl_pidfd_open(getpid())
    guard descriptor >= 0 else {
      return Ability(name: .pidfd, isThere: false, detail: "\(reason(errno)); Linux 5.3 has it")
    }
    close(descriptor)
    return Ability(name: .pidfd, isThere: true, detail: "")
  }

  /// A rule is put in: that the program is there says nothing of the kernel.
  private static func rules(
    _ name: Ability.Name, _ program: String, _ network: ScratchNetwork?
  ) async -> Ability {
    let source = name == .iptables ? "192.0.2.1" : "2001:db8::1"
    let rule = Command(program, ["-w", "-A", "INPUT", "-s", source, "-j", "DROP"])
    var ability = await tried(name, rule, network)
    if ability.isThere, let version = await output(Command(program, ["-V"])) {
      ability.detail = version
    }
    return ability
  }

  private static func queue(
    _ name: Ability.Name, _ discipline: [String], _ network: ScratchNetwork?
  ) async -> Ability {
    let replace = ["qdisc", "replace", "dev", "lo", "root"]
    return await tried(name, Command("tc", replace + discipline), network)
  }

  private static func tried(
    _ name: Ability.Name, _ command: Command, _ network: ScratchNetwork?
  ) async -> Ability {
    guard network != nil else {
      return Ability(name: name, isThere: false, detail: "not tried without privileges")
    }
    do throws(HostError) {
      let result = try await command.collect(
        as: command.executable, on: "", input: [], deadline: .seconds(10))
      let said = (result.errorText + "\n" + result.text).split(whereSeparator: \.isNewline)
      let first = said.first.map(String.init) ?? "\(result.status)"
      return Ability(
        name: name, isThere: result.status.isSuccess, detail: result.status.isSuccess ? "" : first)
    } catch {
      return Ability(
        name: name, isThere: false, detail: "\(command.executable) is not installed, or hangs")
    }
  }

  private static func output(_ command: Command) async -> String? {
    let result = try? await command.collect(
      as: command.executable, on: "", input: [], deadline: .seconds(10))
    return result?.text.split(whereSeparator: \.isNewline).first.map(String.init)
  }

  private static func fuse() -> Ability {
    let descriptor = open("/dev/fuse", O_RDWR | O_CLOEXEC)
    let error = errno
    if descriptor >= 0 { close(descriptor) }
    return Ability(
      name: .fuse, isThere: descriptor >= 0,
      detail: descriptor >= 0 ? "" : "/dev/fuse: \(reason(error))")
  }

  private static func timeNamespace() -> Ability {
    let error = cl_try_clocks()
    return Ability(
      name: .timeNamespace, isThere: error == 0, detail: error == 0 ? "" : reason(error))
  }

  /// A group is made, looked at and removed, in whichever version has the controller.
  private static func controlGroup(_ name: Ability.Name) -> Ability {
    let limits =
      name == .cpu ? ["cpu.max", "cpu.cfs_quota_us"] : ["memory.max", "memory.limit_in_bytes"]
    let mounts = (try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8)) ?? ""
    var detail = "no control groups are mounted"
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ").map(String.init)
      guard fields.count >= 4, fields[2] == "cgroup2" || fields[2] == "cgroup" else { continue }
      let version = fields[2] == "cgroup2" ? "v2" : "v1"
      if version == "v1", !fields[3].split(separator: ",").contains(Substring(name.rawValue)) {
        continue
      }
      let group = "\(fields[1])/gauntlet-probe-\(getpid())"
      guard mkdir(group, 0o755) == 0 else {
        detail = "\(version) at \(fields[1]): \(reason(errno))"
        continue
      }
      defer { rmdir(group) }
      if limits.contains(where: { access("\(group)/\($0)", W_OK) == 0 }) {
        return Ability(name: name, isThere: true, detail: "\(version) at \(fields[1])")
      }
      detail = "\(version) at \(fields[1]): the controller is not enabled"
    }
    return Ability(name: name, isThere: false, detail: detail)
  }

  private static func reason(_ error: CInt) -> String { String(cString: strerror(error)) }
}
