// swift-tools-version: 6.2
import PackageDescription

// The layers: a target imports only targets above it.
let package = Package(
  name: "gauntlet",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "History", targets: ["History"]),
    .library(name: "Raft", targets: ["Raft"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0")
  ],
  targets: [
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "Blocking"),
    .target(name: "History", dependencies: ["Blocking"]),
    .target(
      name: "Raft",
      dependencies: [.product(name: "DequeModule", package: "swift-collections")]),
    .target(name: "RaftStore", dependencies: ["Raft", "Blocking", "CZlib"]),
  ],
  swiftLanguageModes: [.v6]
)
