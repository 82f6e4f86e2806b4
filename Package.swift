// swift-tools-version: 6.2
import PackageDescription

// The layers: a target imports only targets above it.
let package = Package(
  name: "gauntlet",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "raft-node", targets: ["raft-node"]),
    .library(name: "History", targets: ["History"]),
    .library(name: "Raft", targets: ["Raft"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "Blocking"),
    .target(name: "History", dependencies: ["Blocking"]),
    .target(
      name: "Raft",
      dependencies: [.product(name: "DequeModule", package: "swift-collections")]),
    .target(name: "RaftStore", dependencies: ["Raft", "Blocking", "CZlib"]),
    .target(
      name: "RedisProtocol", dependencies: [.product(name: "NIOCore", package: "swift-nio")]),
    .target(
      name: "RaftServer",
      dependencies: [
        "Raft", "RaftStore", "RedisProtocol", "Blocking",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ]),
    .executableTarget(
      name: "raft-node",
      dependencies: [
        "Raft", "RaftServer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
