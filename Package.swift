// swift-tools-version: 6.2
import PackageDescription

// What pages are made of.
let resources = [
  "report.mustache", "report.css", "common.js", "camera.js", "axis.js", "controls.js", "report.js",
  "overview.js", "counterexample.js", "view.js", "timeline.js", "start.js", "history.mustache",
  "history.css", "history-data.js", "history-lanes.js", "history-points.js", "history-view.js",
  "history-timeline.js", "history-marks.js", "history-orders.js", "history-start.js",
  "campaign.mustache", "campaign.css", "junit.mustache", "comparison.mustache",
  "comparison-frame.mustache", "run.schema.json", "results.schema.json", "campaign.schema.json",
  "comparison.schema.json", "entry.schema.json",
]

let dashboardResources = [
  "layout.mustache", "runs.mustache", "run.mustache", "logs.mustache", "campaigns.mustache",
  "cells.mustache", "trends.mustache", "versus.mustache", "error.mustache", "dashboard.css",
  "dashboard.js",
]

// Tests that wait for processes and files rather than compute: built in half the time.
let unoptimised: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

// The layers: a target imports only targets above it.
let package = Package(
  name: "gauntlet",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "gauntlet", targets: ["gauntlet"]),
    .executable(name: "gauntlet-agent", targets: ["gauntlet-agent"]),
    .executable(name: "gauntlet-disk", targets: ["gauntlet-disk"]),
    .executable(name: "raft-node", targets: ["raft-node"]),
    .library(name: "History", targets: ["History"]),
    .library(name: "Linearizability", targets: ["Linearizability"]),
    .library(name: "Raft", targets: ["Raft"]),
    .library(name: "RaftConformance", targets: ["RaftConformance"]),
    // Preloaded into nodes, for faults of disks and clocks.
    .library(name: "gauntlet-shim", type: .dynamic, targets: ["CShim"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0", traits: []),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(
      url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0"),
  ],
  targets: [
    .systemLibrary(name: "CBZip2", providers: [.apt(["libbz2-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CLibCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLibSSH2", providers: [.apt(["libssh2-1-dev"])]),
    .systemLibrary(name: "CShimControl"),
    .target(name: "CLinux"),
    .target(name: "CShim"),
    .target(name: "Blocking"),
    .target(name: "Checksum", dependencies: ["CLibCrypto"]),
    .target(name: "History", dependencies: ["Blocking", "CBZip2", "CZlib"]),
    .target(name: "Linearizability", dependencies: ["History"]),
    .target(
      name: "Checkers",
      dependencies: ["History", .product(name: "Histogram", package: "hdrhistogram-swift")]),
    .target(
      name: "Raft",
      dependencies: [.product(name: "DequeModule", package: "swift-collections")]),
    .target(
      name: "RaftStore",
      dependencies: [
        "Raft", "CZlib", .product(name: "DequeModule", package: "swift-collections"),
      ]),
    .target(name: "RaftConformance", dependencies: ["Raft"]),
    .target(
      name: "RedisProtocol",
      dependencies: [
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .target(
      name: "RaftServer",
      dependencies: [
        "Raft", "RaftStore", "RedisProtocol", "Blocking",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]),
    .target(
      name: "SSH",
      dependencies: [
        "Blocking", "Checksum", "CLibSSH2",
        .product(name: "DequeModule", package: "swift-collections"),
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    .target(
      name: "Hosts",
      dependencies: [
        "CLinux", "CShimControl", "Blocking",
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(
      name: "Systems",
      dependencies: [
        "Hosts", "RedisProtocol",
        .product(name: "NIOCore", package: "swift-nio"),
      ]),
    .target(
      name: "Workloads",
      dependencies: [
        "History", "Hosts", "RedisProtocol", "Systems",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Fleet",
      dependencies: [
        "Checksum", "Hosts", "SSH", "Workloads",
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Nemesis",
      dependencies: [
        "History", "Hosts", "Systems", "Workloads",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .target(
      name: "Bench",
      dependencies: [
        "Checkers", "Checksum", "History", "Hosts", "Linearizability", "Nemesis", "Systems",
        "Workloads",
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .target(
      name: "Campaigns",
      dependencies: [
        "Bench", "Blocking", "Checkers", "Checksum", "History", "Hosts", "Nemesis", "SSH",
        "Systems", "Workloads", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Yams", package: "Yams"),
      ]),
    .target(
      name: "Reports",
      dependencies: [
        "Bench", "Campaigns", "History", "Linearizability", "Workloads",
        .product(name: "Mustache", package: "swift-mustache"),
      ],
      resources: resources.map { .embedInCode("Resources/\($0)") }),
    .target(
      name: "Dashboard",
      dependencies: [
        "Bench", "Blocking", "Campaigns", "History", "Reports", "Workloads",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      resources: dashboardResources.map { .embedInCode("Resources/\($0)") }),
    .target(
      name: "Simulation",
      dependencies: [
        "History", "Linearizability", "Raft", "RaftStore",
        .product(name: "HeapModule", package: "swift-collections"),
      ]),
    .executableTarget(
      name: "gauntlet",
      dependencies: [
        "Bench", "Campaigns", "Dashboard", "Fleet", "History", "Hosts", "Linearizability",
        "Nemesis",
        "Reports", "SSH", "Simulation", "Systems", "Workloads",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .executableTarget(
      name: "gauntlet-agent",
      dependencies: [
        "Hosts", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      linkerSettings: [
        .unsafeFlags(["-static-executable", "-use-ld=lld"]), .linkedLibrary("_FoundationCShims"),
        .linkedLibrary("_FoundationCollections"),
      ]),
    // A file system for nodes that no shim can be in; a host needs no library for it.
    .executableTarget(
      name: "gauntlet-disk", dependencies: ["CShim"],
      linkerSettings: [
        .unsafeFlags(["-static-stdlib"]), .linkedLibrary(":libfuse3.a"),
      ]),
    .executableTarget(
      name: "raft-node",
      dependencies: [
        "Raft", "RaftServer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      // A host needs nothing of Swift's.
      linkerSettings: [
        .unsafeFlags(["-static-stdlib"]), .linkedLibrary("_FoundationCShims"),
        .linkedLibrary("_FoundationCollections"),
      ]),
    .target(name: "Support", path: "Tests/Support/Seed"),
    .executableTarget(
      name: "lab-probe", dependencies: ["Hosts", "CLinux"], path: "Tests/Support/LabProbe"),
    .testTarget(name: "HistoryTests", dependencies: ["CZlib", "History", "Support"]),
    .testTarget(
      name: "LinearizabilityTests", dependencies: ["History", "Linearizability", "Support"]),
    .testTarget(
      name: "CheckersTests", dependencies: ["Checkers", "History"], swiftSettings: unoptimised),
    .testTarget(
      name: "RaftTests", dependencies: ["Raft", "RaftStore", "Support"], exclude: ["Scripts"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "RaftStoreTests",
      dependencies: ["Blocking", "Raft", "RaftConformance", "RaftStore", "Support"]),
    .testTarget(
      name: "SimulationTests",
      dependencies: ["History", "Linearizability", "Raft", "Simulation", "Support"]),
    .testTarget(
      name: "RaftServerTests",
      dependencies: [
        "Blocking", "Raft", "RaftConformance", "RaftServer", "RaftStore", "RedisProtocol",
        "Support",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
      ], swiftSettings: unoptimised),
    .testTarget(
      name: "SSHTests",
      dependencies: [
        "Fleet", "Hosts", "SSH", "Support", "Workloads",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ], swiftSettings: unoptimised),
    .testTarget(
      name: "HostsTests",
      dependencies: [
        "Blocking", "CLinux", "Hosts", "gauntlet-disk", "lab-probe",
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ], swiftSettings: unoptimised),
    .testTarget(
      name: "WorkloadsTests", dependencies: ["History", "RedisProtocol", "Support", "Workloads"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "NemesisTests",
      dependencies: ["History", "Hosts", "Nemesis", "Support", "Systems", "Workloads"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "BenchTests", dependencies: ["Bench", "History", "Nemesis", "Workloads"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "CampaignsTests",
      dependencies: [
        "Bench", "Campaigns", "Checkers", "History", "Hosts", "Nemesis", "Support", "Workloads",
      ], swiftSettings: unoptimised),
    .testTarget(
      name: "ReportsTests",
      dependencies: ["Campaigns", "History", "Linearizability", "Reports", "Support"],
      swiftSettings: unoptimised),
    .testTarget(
      name: "GauntletTests",
      dependencies: ["Bench", "History", "gauntlet"], swiftSettings: unoptimised),
  ],
  swiftLanguageModes: [.v6]
)
